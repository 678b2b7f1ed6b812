/** Access: who there is, which roles they hold, and what one of them is granted or denied directly. */
import type { GrantedSubject, Security } from "@bulwark/guard";
import type { FastifyInstance } from "fastify";
import type { Accounts } from "../../accounts/accounts.ts";
import type { Clients } from "../../oauth/clients.ts";
import type { RoleKeeper } from "../../roles/role-keeper.ts";
import { sendProblem } from "../problem.ts";
import { administratorOf, answer, permission, sendTagged } from "./answer.ts";
import { DirectGrants, HeldRoles, mostBodyBytes, Page, SubjectId } from "./input.ts";
import { adminPrefix } from "./prefix.ts";
import { showPermissions } from "./views.ts";

export interface AccessRoutesOptions {
  readonly contract: Security;
  readonly keeper: RoleKeeper;
  readonly accounts: Accounts;
  readonly clients: Clients;
}

export function addAccessRoutes(scope: FastifyInstance, options: AccessRoutesOptions): void {
  const { accounts, clients } = options;
  const read = permission("bulwark_access:read");

  scope.get(
    `${adminPrefix}/accounts`,
    { security: { permission: read, query: Page } },
    async ({ query: { after, limit } }, reply) =>
      answer(reply, async () => {
        const items = await accounts.list({ after, limit });
        const next = items.length === limit ? items.at(-1)?.id : null;
        return reply.send({ items: items.map(showAccount), next });
      }),
  );

  scope.get(
    `${adminPrefix}/clients`,
    { security: { permission: read, query: Page } },
    async ({ query: { after, limit } }, reply) =>
      answer(reply, async () => {
        const items = await clients.list({ after, limit });
        const next = items.length === limit ? items.at(-1)?.id : null;
        return reply.send({ items: items.map(({ id, name, roles }) => ({ id, name, roles })), next });
      }),
  );

  addAccessOf(scope, "account", `${adminPrefix}/accounts/:id`, options);
  addAccessOf(scope, "client", `${adminPrefix}/clients/:id`, options);
}

function addAccessOf(
  scope: FastifyInstance,
  kind: GrantedSubject["kind"],
  path: string,
  { contract, keeper }: AccessRoutesOptions,
): void {
  const update = permission("bulwark_access:update");

  scope.get(
    `${path}/access`,
    { security: { permission: permission("bulwark_access:read"), params: SubjectId } },
    async ({ params: { id } }, reply) =>
      answer(reply, async () => {
        const subject = { kind, id };
        const access = await keeper.accessOf(subject);
        if (access === undefined) return sendProblem(reply, "not_found");
        const { name, roles, grants } = access;
        const permissions = showPermissions({ ...subject, roles }, await keeper.current(), contract);
        return sendTagged(
          reply,
          { roles, grants },
          { subject: { ...subject, name }, roles, grants, permissions },
        );
      }),
  );

  scope.put(
    `${path}/roles`,
    { security: { permission: update, params: SubjectId, body: HeldRoles } },
    async (request, reply) =>
      answer(reply, async () => {
        const by = administratorOf(request, "bulwark_access:update");
        const ifMatch = request.headers["if-match"];
        const access = await keeper.assign({ kind, id: request.params.id }, request.body.roles, {
          by,
          ifMatch,
        });
        return sendTagged(reply, access, access);
      }),
  );

  scope.put(
    `${path}/grants`,
    { security: { permission: update, params: SubjectId, body: DirectGrants, maxBodyBytes: mostBodyBytes } },
    async (request, reply) =>
      answer(reply, async () => {
        const by = administratorOf(request, "bulwark_access:update");
        const ifMatch = request.headers["if-match"];
        const { grants } = request.body;
        const access = await keeper.setGrants({ kind, id: request.params.id }, grants, { by, ifMatch });
        return sendTagged(reply, access, access);
      }),
  );
}

function showAccount({ id, email, roles, disabledAtMs }: Awaited<ReturnType<Accounts["list"]>>[number]) {
  return { id, email, roles, disabled: disabledAtMs !== undefined };
}
