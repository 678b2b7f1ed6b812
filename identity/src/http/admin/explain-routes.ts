/**
 * Why is a decision what it is, who may, what may someone: the rule, read for whoever may read all access.
 *
 * The rows are the ones that are asked about: nothing of an API's is read here. Answers name roles, direct grants, and of
 * claims those that conditions compare.
 */
import { ContractError, type LiveRoles, type Security } from "@bulwark/guard";
import {
  type Asker,
  createExplain,
  type Question,
  readChanges,
  readRow,
  rowShape,
  thoseWhoCan,
  whatCan,
  whoCan,
} from "@bulwark/guard/explain";
import type { FastifyInstance, FastifyReply } from "fastify";
import type { z } from "zod";
import type { Account, Accounts } from "../../accounts/accounts.ts";
import type { RoleKeeper } from "../../roles/role-keeper.ts";
import { sendProblem } from "../problem.ts";
import { answer, permission } from "./answer.ts";
import { ExplainQuestion, WhatQuestion, WhoQuestion } from "./explain-input.ts";
import { mostBodyBytes } from "./input.ts";
import { adminPrefix } from "./prefix.ts";

export interface ExplainRoutesOptions {
  readonly contract: Security;
  readonly keeper: RoleKeeper;
  readonly accounts: Accounts;
  readonly now: () => number;
}

/** Custom roles that one answer tells of, where none are named. */
const mostCustomRoles = 50;

export function addExplainRoutes(scope: FastifyInstance, options: ExplainRoutesOptions): void {
  const { contract, keeper, accounts, now } = options;
  const security = { permission: permission("bulwark_access:read"), maxBodyBytes: mostBodyBytes };

  scope.post(
    `${adminPrefix}/explain`,
    { security: { ...security, body: ExplainQuestion } },
    async ({ body }, reply) =>
      answerAsked(reply, async () => {
        const principal = await askerOf(body.principal, options);
        if (principal === undefined) return sendProblem(reply, "not_found");
        const asked = readAsked(body, contract);
        const explain = createExplain(contract, { roles: await keeper.current() });
        return reply.send(await explain({ principal, ...asked, ...circumstancesOf(body, contract, now) }));
      }),
  );

  scope.post(
    `${adminPrefix}/what-can`,
    { security: { ...security, body: WhatQuestion } },
    async ({ body }, reply) =>
      answerAsked(reply, async () => {
        const principal = await askerOf(body.principal, options);
        if (principal === undefined) return sendProblem(reply, "not_found");
        const question = { principal, ...circumstancesOf(body, contract, now) };
        return reply.send({ permissions: whatCan(contract, question, { roles: await keeper.current() }) });
      }),
  );

  scope.post(
    `${adminPrefix}/who-can`,
    { security: { ...security, body: WhoQuestion } },
    async ({ body }, reply) =>
      answerAsked(reply, async () => {
        const { after, limit } = body;
        const asked = readAsked(body, contract);
        const roles = await keeper.current();
        const { nowMs } = circumstancesOf(body, contract, now);
        const only = rolesAsked(body.roles, contract, roles);
        const answers = whoCan(contract, asked.permission, asked.row, {
          roles,
          only,
          changes: asked.changes,
          nowMs,
        });
        const page = await accounts.list({ after, limit });
        // Who is disabled may do nothing, whatever their roles would let them.
        const active = page.filter(({ disabledAtMs }) => disabledAtMs === undefined);
        const able = await thoseWhoCan(contract, { ...asked, nowMs }, active.map(toAsker), { roles });
        const emails = new Map(page.map(({ id, email }) => [id, email]));
        const items = able.map(({ principal: { id, roles: held }, needsStepUp }) => {
          return { id, email: emails.get(id), roles: held, needsStepUp };
        });
        const next = page.length === limit ? (page.at(-1)?.id ?? null) : null;
        return reply.send({ ...answers, accounts: { items, next } });
      }),
  );
}

function rolesAsked(
  given: readonly string[] | undefined,
  { roles: { names } }: Security,
  live: LiveRoles,
): readonly string[] {
  if (given === undefined) return [...names, ...live.customRoles().slice(0, mostCustomRoles)];
  const stray = given.findIndex((role) => live.grantsOfRole(role) === undefined);
  if (stray >= 0) throw new ContractError("role_unknown", `roles.${stray}`, "There is no such role.");
  return given;
}

/** Questions that the contract cannot be asked are the asker's mistake. */
function answerAsked(reply: FastifyReply, work: () => Promise<FastifyReply>): Promise<FastifyReply> {
  return answer(reply, async () => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ContractError)) throw error;
      const pointer = `/${error.place.replaceAll(".", "/")}`;
      return sendProblem(reply, "validation_failed", {
        errors: [{ in: "body", pointer, message: error.message }],
      });
    }
  });
}

/** Who is asked about: as given, or with what they hold. `undefined`: there is nobody of that id. */
async function askerOf(
  { kind, id, roles, claims }: z.output<typeof WhatQuestion>["principal"],
  { keeper, accounts }: ExplainRoutesOptions,
): Promise<Asker | undefined> {
  if (roles !== undefined && claims !== undefined) return { kind, id, roles, claims };
  const account = kind === "account" ? await accounts.findById(id) : undefined;
  const held = await keeper.accessOf({ kind, id });
  if (held === undefined) return undefined;
  return { kind, id, roles: roles ?? held.roles, claims: claims ?? account?.claims ?? {} };
}

function toAsker({ id, roles, claims }: Account): Asker {
  return { id, kind: "account", roles, claims };
}

interface Asked {
  readonly permission: string;
  readonly row: Readonly<Record<string, unknown>> | undefined;
  readonly changes: Readonly<Record<string, unknown>> | undefined;
}

/** @throws {ContractError} `permission_unknown`, `attribute_unknown`, `option_invalid` */
function readAsked(
  {
    permission: name,
    row,
    changes,
  }: Pick<z.output<typeof ExplainQuestion>, "permission" | "row" | "changes">,
  contract: Security,
): Asked {
  if (contract.roles.permissionIndex(name) === undefined) {
    throw new ContractError("permission_unknown", "permission", "The contract has no such permission.");
  }
  const shape = rowShape(contract, name.split(":")[0] ?? "");
  return {
    permission: name,
    row: row === undefined ? undefined : readRow(row, shape, "row"),
    changes: changes === undefined ? undefined : readChanges(changes, shape, "changes"),
  };
}

type Circumstances = Pick<z.output<typeof ExplainQuestion>, "scope" | "acr" | "authenticatedAt" | "at">;

function circumstancesOf(
  { scope, acr, authenticatedAt, at }: Circumstances,
  { scopes }: Security,
  now: () => number,
): Pick<Question, "scopes" | "acr" | "authenticatedAtMs"> & { readonly nowMs: number } {
  return {
    scopes: scope === undefined ? undefined : scopes.permissionsOf(scope),
    acr,
    authenticatedAtMs: authenticatedAt === undefined ? undefined : Date.parse(authenticatedAt),
    nowMs: at === undefined ? now() : Date.parse(at),
  };
}
