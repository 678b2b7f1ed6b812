/**
 * Decides a question without a request: may this principal do that, with this row?
 *
 * It runs the pipeline's own stages, from the permission on, so that what explains, tests and replays decisions cannot
 * answer otherwise than the guard does.
 */
import { type Caller, createCaller } from "../authentication/caller.ts";
import type { Row } from "../authorization/conditions/decide.ts";
import type { LiveRoles } from "../authorization/live-roles.ts";
import type { PolicyReach } from "../authorization/policy/engine.ts";
import type { Security } from "../contract/define-security.ts";
import { ContractError } from "../contract/refusal.ts";
import { type CheckedRoute, checkRoute, type RegisteredPermission } from "../contract/route.ts";
import type { StandardSchema } from "../defence/standard-schema.ts";
import type { Input } from "./exchange.ts";
import { assuranceStage } from "./stages/assurance.ts";
import { permissionStage } from "./stages/permission.ts";
import { policyStage } from "./stages/policy.ts";
import { rowStage } from "./stages/row.ts";
import type { Decided, DecidingCheck, DecidingContext, Outcome } from "./stages.ts";
import type { Denial, DenialCode, StageName } from "./verdict.ts";

/** Who asks, as a verified credential would say. */
export interface Asker {
  readonly id: string;
  readonly kind: "account" | "client";
  readonly roles: readonly string[];
  readonly claims: Readonly<Record<string, unknown>>;
}

/** May this principal do that? */
export interface Question {
  readonly principal: Asker;
  /** `order:update` */
  readonly permission: string;
  /** The row acted on, as a database's driver gives it. Without it, and without changes: may it be done at all? */
  readonly row?: Row | undefined;
  /** What a write sends; for a `create`, all that is given of the new row. */
  readonly changes?: unknown;
  /** The only permissions the credential may use; default all. */
  readonly scopes?: readonly string[] | undefined;
  /** How the principal signed in. */
  readonly acr?: string | undefined;
  /** When, in milliseconds since the epoch. */
  readonly authenticatedAtMs?: number | undefined;
  /** What the route demands of the sign-in, beside the grants. */
  readonly demand?: { readonly assurance?: string; readonly maxAge?: string } | undefined;
  /** The time of the request, in milliseconds since the epoch; default now. */
  readonly nowMs?: number | undefined;
}

/** The guard's answer. */
export interface Verdict {
  readonly effect: "allow" | "deny";
  readonly code: "allowed" | DenialCode;
  /** The stage that decided: for an allow, the last that had something to decide. */
  readonly by: StageName;
  /** What the guard's log would say; empty for an allow. */
  readonly reason: string;
  /** The fields that may not be set, where that is why. */
  readonly fields: readonly string[];
  /** The policy's own word for why, where it is the policy that denies. */
  readonly policyCode: string | undefined;
  /** What a write may write. */
  readonly values: Row | undefined;
}

/** A verdict with what led to it. */
export interface DecidedQuestion {
  readonly verdict: Verdict;
  readonly caller: Caller;
  readonly nowMs: number;
  /** Is the policy among the stages that decided, had it come to that? */
  readonly asksPolicy: boolean;
  /** Where no row was asked about: the rows that the policy leaves of a list. */
  readonly policyReach: PolicyReach | undefined;
}

export interface DeciderOptions {
  /** Decide as if there were no policy engine: it may be out of reach. Default `false`. */
  readonly withoutPolicy?: boolean | undefined;
}

export interface Decider {
  readonly security: Security;
  readonly roles: LiveRoles;
  /** @throws {ContractError} `permission_unknown`, `option_invalid`, `assurance_unknown`, `duration_invalid` */
  decide(question: Question): Promise<DecidedQuestion>;
}

/** The stages that decide what a caller may do, in the pipeline's order. */
// biome-ignore format: a table
export const decidingStages = [
  { name: "permission", decidesRows: false, compile: permissionStage },
  { name: "assurance",  decidesRows: false, compile: assuranceStage },
  { name: "row",        decidesRows: true,  compile: rowStage },
  { name: "policy",     decidesRows: true,  compile: policyStage },
] as const satisfies readonly DecidingStage[];

/** Every way in which those stages deny. */
export const ruleDenials = [
  "permission_denied",
  "step_up_needed",
  "not_found",
  "row_denied",
  "fields_denied",
  "policy_denied",
  "unavailable",
] as const satisfies readonly DenialCode[];

interface DecidingStage {
  readonly name: StageName;
  /** Does it need to know of a row, or of what is to become one? */
  readonly decidesRows: boolean;
  readonly compile: (context: DecidingContext) => DecidingCheck | undefined;
}

/** The stages that decide on a route, compiled, and the last of them: what an allow is due to. */
export function compileDeciding(context: DecidingContext, decides: (stage: DecidingStage) => boolean) {
  const compiled = decidingStages
    .filter(decides)
    .map(({ name, compile }) => ({ name, check: compile(context) }))
    .filter(({ check }) => check !== undefined);
  return Object.freeze({
    checks: compiled.flatMap(({ check }) => check ?? []),
    // A sign-in that is good enough allows nothing by itself.
    allowedBy: compiled.findLast(({ name }) => name !== "assurance")?.name ?? "permission",
    asksPolicy: compiled.some(({ name }) => name === "policy"),
  });
}

export function createDecider(
  security: Security,
  roles: LiveRoles,
  { withoutPolicy = false }: DeciderOptions = {},
): Decider {
  // Whatever the roles will be: what they come to demand is asked.
  const services = { roles: { mayChange: true }, framework };
  const compiled = new Map<string, CompiledRoute>();
  const compile = (question: Question): CompiledRoute => {
    const context = { security, route: routeOf(question, security), services };
    const atAll = question.row === undefined && question.changes === undefined;
    return compileDeciding(context, ({ name, decidesRows }) => {
      if (name === "policy") return !withoutPolicy && (!atAll || isAskedAtAll(context));
      return !(atAll && decidesRows);
    });
  };
  const compiledFor = (question: Question): CompiledRoute => {
    // Demands are anyone's to choose: only what the contract bounds is kept.
    if (question.demand !== undefined) return compile(question);
    const key = JSON.stringify([
      question.permission,
      question.row !== undefined,
      question.changes !== undefined,
    ]);
    const known = compiled.get(key) ?? compile(question);
    compiled.set(key, known);
    return known;
  };

  return Object.freeze({
    security,
    roles,
    async decide(question: Question): Promise<DecidedQuestion> {
      const { principal, row, changes, scopes, acr, authenticatedAtMs, nowMs = Date.now() } = question;
      const { checks, allowedBy, asksPolicy } = compiledFor(question);
      const caller = createCaller(
        {
          principal: { ...principal, credential: "bearer", sessionId: undefined },
          scopes,
          acr,
          authenticatedAtMs,
        },
        { roles, assurance: security.assurance },
      );
      const exchange: Decided = {
        caller,
        nowMs,
        request: { row, body: changes } satisfies HeldQuestion,
        loaded: undefined,
        resource: undefined,
        values: undefined,
        policyReaches: undefined,
      };
      let denial: Outcome;
      for (const check of checks) {
        denial = await check(exchange);
        if (denial !== undefined) break;
      }
      const verdict = denial === undefined ? allowed(allowedBy, exchange.values) : toVerdict(denial);
      const isReached = row === undefined && changes === undefined;
      const policyReach = isReached ? exchange.policyReaches?.get(question.permission) : undefined;
      return { verdict, caller, nowMs, asksPolicy, policyReach };
    },
  });
}

type CompiledRoute = ReturnType<typeof compileDeciding>;

/** What stands in for a framework's request. */
interface HeldQuestion {
  readonly row: unknown;
  readonly body: unknown;
}

const framework = Object.freeze({
  read: (request: unknown): Input => ({ params: {}, query: {}, body: (request as HeldQuestion).body }),
  write() {},
});

/** Input is validated by a route's own schemas, before the rule is asked. */
const anyBody: StandardSchema = Object.freeze({
  "~standard": Object.freeze({ version: 1, vendor: "bulwark", validate: (value: unknown) => ({ value }) }),
});

/** The route that a question is like: one that lists, creates, or acts on a row. */
function routeOf({ permission, row, changes, demand = {} }: Question, security: Security): CheckedRoute {
  const [resourceName = "", action = ""] = permission.split(":");
  const { attributes = {} } = security.resources.get(resourceName) ?? {};
  const creates = action === "create" && Object.keys(attributes).length > 0;
  const place = { method: "POST", url: `/${resourceName}` };
  if (creates ? row !== undefined : row === undefined && changes !== undefined) {
    throw new ContractError(
      "option_invalid",
      creates ? "row" : "changes",
      creates
        ? "A row that is created is given as its changes."
        : "There is no row that the changes are for.",
    );
  }
  // `checkRoute` refuses a permission that the contract does not have.
  const base = { permission: permission as RegisteredPermission, ...demand };
  if (creates) return checkRoute(place, { ...base, body: anyBody }, security);
  if (row === undefined) return checkRoute(place, { ...base, list: true }, security);
  const resource = (held: HeldQuestion) => held.row;
  const body = changes === undefined ? {} : { body: anyBody };
  return checkRoute(place, { ...base, ...body, resource }, security);
}

/** Where no row is asked about: a list asks a policy that filters, and what has no attributes any. */
function isAskedAtAll({
  security: { policy, resources },
  route: { list, access },
}: DecidingContext): boolean {
  if (!list || typeof access === "string") return false;
  const { attributes = {} } = resources.get(access.permission.split(":")[0] ?? "") ?? {};
  return policy?.canFilter === true || Object.keys(attributes).length === 0;
}

function allowed(by: StageName, values: Row | undefined): Verdict {
  return { effect: "allow", code: "allowed", by, reason: "", fields: [], policyCode: undefined, values };
}

function toVerdict({ code, by, reason, members: { fields, policy } }: Denial): Verdict {
  const refused = Array.isArray(fields) ? fields.map(String) : [];
  const policyCode = typeof policy === "string" ? policy : undefined;
  return { effect: "deny", code, by, reason, fields: refused, policyCode, values: undefined };
}
