/** Roles: the contract's, to be seen; custom ones, to be made of what the contract declares. */
import type { CustomRole, Security } from "@bulwark/guard";
import type { FastifyInstance } from "fastify";
import type { RoleKeeper } from "../../roles/role-keeper.ts";
import { sendProblem } from "../problem.ts";
import { administratorOf, answer, permission, sendTagged } from "./answer.ts";
import { mostBodyBytes, NewRole, Page, RoleContents, RoleName } from "./input.ts";
import { adminPrefix } from "./prefix.ts";
import { type RoleView, showContractRole, showVocabulary } from "./views.ts";

export interface RoleRoutesOptions {
  readonly contract: Security;
  readonly keeper: RoleKeeper;
}

export function addRoleRoutes(scope: FastifyInstance, { contract, keeper }: RoleRoutesOptions): void {
  const read = permission("bulwark_role:read");

  scope.get(`${adminPrefix}/permissions`, { security: { permission: read } }, (_request, reply) =>
    reply.send(showVocabulary(contract)),
  );

  // Ordered by name in two parts, the contract's first: the last name of a page says where the next begins.
  scope.get(
    `${adminPrefix}/roles`,
    { security: { permission: read, query: Page } },
    async ({ query: { after, limit } }, reply) =>
      answer(reply, async () => {
        const custom = [...(await keeper.list())].map(([name, role]) => show(name, role));
        const roles = [...contract.roles.names.map((name) => showContractRole(name, contract)), ...custom];
        const start = after === undefined ? 0 : startAfter(roles, after);
        const items = roles.slice(start, start + limit);
        return reply.send({ items, next: start + limit < roles.length ? items.at(-1)?.name : null });
      }),
  );

  scope.get(
    `${adminPrefix}/roles/:name`,
    { security: { permission: read, params: RoleName } },
    async ({ params: { name } }, reply) =>
      answer(reply, async () => {
        if (contract.roles.names.includes(name)) return reply.send(showContractRole(name, contract));
        const role = await keeper.find(name);
        return role === undefined
          ? sendProblem(reply, "not_found")
          : sendTagged(reply, role, show(name, role));
      }),
  );

  scope.post(
    `${adminPrefix}/roles`,
    {
      security: { permission: permission("bulwark_role:create"), body: NewRole, maxBodyBytes: mostBodyBytes },
    },
    async (request, reply) =>
      answer(reply, async () => {
        const { name, ...contents } = request.body;
        const by = administratorOf(request, "bulwark_role:create");
        const role = await keeper.create(name, contents, { by });
        reply.code(201).header("location", `${adminPrefix}/roles/${name}`);
        return sendTagged(reply, role, show(name, role));
      }),
  );

  scope.put(
    `${adminPrefix}/roles/:name`,
    {
      security: {
        permission: permission("bulwark_role:update"),
        params: RoleName,
        body: RoleContents,
        maxBodyBytes: mostBodyBytes,
      },
    },
    async (request, reply) =>
      answer(reply, async () => {
        const { name } = request.params;
        const by = administratorOf(request, "bulwark_role:update");
        const ifMatch = request.headers["if-match"];
        const role = await keeper.replace(name, request.body, { by, ifMatch });
        return sendTagged(reply, role, show(name, role));
      }),
  );

  scope.delete(
    `${adminPrefix}/roles/:name`,
    { security: { permission: permission("bulwark_role:delete"), params: RoleName } },
    async (request, reply) =>
      answer(reply, async () => {
        const by = administratorOf(request, "bulwark_role:delete");
        await keeper.remove(request.params.name, { by, ifMatch: request.headers["if-match"] });
        return reply.code(204).send();
      }),
  );
}

/** Where the page after a role begins, also where that role has been removed since. */
function startAfter(roles: readonly RoleView[], after: string): number {
  const known = roles.findIndex(({ name }) => name === after);
  if (known >= 0) return known + 1;
  const next = roles.findIndex(({ origin, name }) => origin === "custom" && name > after);
  return next < 0 ? roles.length : next;
}

function show(name: string, { extends: parents, grants }: CustomRole): RoleView {
  return { name, origin: "custom", extends: parents, grants };
}
