/**
 * Explains a decision: which grant of which role, which branch of its condition, and which demand, scope or denial made
 * it what it is.
 *
 * The verdict is the pipeline's own. An explanation names roles, conditions and values: it is for those who may read the
 * whole rule, never for the caller it is about.
 */
import type { Security } from "../../contract/define-security.ts";
import { ContractError } from "../../contract/refusal.ts";
import {
  createDecider,
  type Decider,
  type DeciderOptions,
  type Question,
  type Verdict,
} from "../../pipeline/decide.ts";
import { createLiveRoles, type LiveRoles } from "../live-roles.ts";
import { type Act, findingsOf, type GrantFinding } from "./findings.ts";
import { type PolicyFinding, policyFinding } from "./policy-finding.ts";
import { sentence } from "./sentence.ts";

/** Why a decision is what it is. */
export interface Explanation extends Pick<Verdict, "effect" | "code" | "by"> {
  readonly permission: string;
  /** In one sentence. */
  readonly reason: string;
  /** The comparisons that decided, with the values compared. */
  readonly because: readonly string[];
  /** Every grant and denial of the permission that the principal has, with what it came to. */
  readonly grants: readonly GrantFinding[];
  /** The same for reading the row, where the permission is another: a row that may not be read is not there. */
  readonly reading: readonly GrantFinding[];
  /** Roles that it holds, and that neither the contract nor the custom roles know. */
  readonly unknownRoles: readonly string[];
  /** The only permissions that its credential may use; absent: all. */
  readonly scopes?: readonly string[];
  /** What the policy said; absent where none is asked about the permission. */
  readonly policy?: PolicyFinding;
  /** The fields that may not be set, where that is why. */
  readonly fields: readonly string[];
  /** What a write may write. */
  readonly values?: Readonly<Record<string, unknown>>;
}

export type Explain = (question: Question) => Promise<Explanation>;

/** The custom roles and direct grants that count beside the contract's roles. */
export interface ExplainOptions extends DeciderOptions {
  readonly roles?: LiveRoles | undefined;
}

/**
 * Explains one decision.
 *
 * @throws {ContractError} `permission_unknown`, and `option_invalid` for a question that no route could ask
 * @example
 * const { effect, code, because } = await explain(security, {
 *   principal: { id: "alice", kind: "account", roles: ["user"], claims: {} },
 *   permission: "order:read",
 *   row: { id: "7", ownerId: "bob", team: "red", status: "open", total: 1 },
 * });
 * // "deny", "not_found", ['ownerId = principal.id: false (the row has "bob", compared with "alice")']
 */
export function explain(
  security: Security,
  question: Question,
  options: ExplainOptions = {},
): Promise<Explanation> {
  return createExplain(security, options)(question);
}

/** The same for many questions: what can be compiled is compiled once. */
export function createExplain(security: Security, { roles, withoutPolicy }: ExplainOptions = {}): Explain {
  const decider = createDecider(security, roles ?? contractRoles(security), { withoutPolicy });
  return (question) => explainWith(decider, question);
}

/** The contract's roles alone. */
export function contractRoles({ roles: table, resources, conditions }: Security): LiveRoles {
  return createLiveRoles({ table, vocabulary: { resources, conditions } });
}

async function explainWith(decider: Decider, question: Question): Promise<Explanation> {
  const { security, roles } = decider;
  const { permission, principal, row } = question;
  const decided = await decider.decide(question);
  const { verdict, caller, nowMs } = decided;
  const { effect, code, by, fields, values } = verdict;
  const resource = security.resources.get(permission.split(":")[0] ?? "");
  if (resource === undefined) {
    throw new ContractError("permission_unknown", permission, "The contract has no such permission.");
  }
  const act: Act = {
    permission,
    resource,
    caller,
    roles,
    context: { facts: caller.principal, nowMs, dialect: security.database },
    target: targetOf(question),
  };
  const grants = findingsOf(act);
  const readPermission = `${resource.name}:read`;
  const readsFirst = act.target.kind === "row" && permission !== readPermission;
  const reading =
    readsFirst && resource.actions.includes("read")
      ? findingsOf({ ...act, permission: readPermission, target: { kind: "row", row, changes: undefined } })
      : [];
  const policy = policyFinding(security, permission, decided);
  return {
    effect,
    code,
    by,
    permission,
    ...sentence(verdict, { permission, grants, reading, roles: principal.roles, policy }),
    grants,
    reading,
    unknownRoles: principal.roles.filter((name) => roles.grantsOfRole(name) === undefined),
    ...(caller.scopes === undefined ? {} : { scopes: caller.scopes }),
    ...(policy === undefined ? {} : { policy }),
    fields,
    ...(values === undefined ? {} : { values }),
  };
}

function targetOf({ row, changes }: Question): Act["target"] {
  if (row !== undefined) return { kind: "row", row, changes };
  return changes === undefined ? { kind: "none" } : { kind: "new", changes };
}
