/**
 * Row access: what one caller may do with rows at one time. Everything that decides, filters or guards rows outside the
 * pipeline's stages reads it, so that their reach is computed in one place.
 */
import type { Security } from "../contract/define-security.ts";
import { ContractError } from "../contract/refusal.ts";
import { type Granted, liveRules, type RowRules } from "./authority.ts";
import type { Reach } from "./conditions/filter.ts";
import type { PrincipalFacts } from "./conditions/operand.ts";
import type { LiveRoles } from "./live-roles.ts";
import type { PolicyReach } from "./policy/engine.ts";
import { narrow } from "./policy/narrow.ts";

/** What one caller may do with rows, at one time. */
export interface RowAccess {
  readonly security: Security;
  /** The caller, as conditions name it. */
  readonly facts: PrincipalFacts;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
  /** What counts for a permission. @throws {ContractError} `permission_unknown` */
  rulesOf(permission: string): RowRules;
  /**
   * The policy engine's part of a permission's rows.
   *
   * @throws {Error} where there is a policy that has not been asked: without its part, more would be in reach.
   */
  policyOf(permission: string): PolicyReach;
}

/** A caller, as far as rows depend on it. */
export interface AccessCaller extends Granted {
  readonly principal: PrincipalFacts;
}

const nobody: PrincipalFacts = Object.freeze({ id: "", claims: Object.freeze({}) });
const noRules: RowRules = Object.freeze({ grants: Object.freeze([]), denials: Object.freeze([]) });

/**
 * @param caller `undefined`: nobody, who reaches nothing.
 * @param policyOf Default: nothing is in reach where a policy has a say.
 */
export function createRowAccess(
  security: Security,
  caller: AccessCaller | undefined,
  nowMs: number,
  policyOf: RowAccess["policyOf"] = (permission) =>
    security.policy?.appliesTo(permission) === true ? "none" : "all",
): RowAccess {
  const access: RowAccess = {
    security,
    facts: caller?.principal ?? nobody,
    nowMs,
    rulesOf(permission: string) {
      const index = security.roles.permissionIndex(permission);
      if (index === undefined) {
        throw new ContractError("permission_unknown", "access", `The contract has no \`${permission}\`.`);
      }
      return caller === undefined ? noRules : liveRules(caller, index, nowMs);
    },
    policyOf: caller === undefined ? () => "none" : policyOf,
  };
  return Object.freeze(access);
}

/** The rows of a permission that are in reach: what the grants cover, less what is barred, less what the policy hides. */
export function reachOf(access: RowAccess, permission: string): Reach {
  const { grants, denials } = access.rulesOf(permission);
  const reach: Reach = {
    allowed: grants.map(({ where }) => where),
    denied: denials.map(({ where }) => where),
  };
  return narrow(reach, access.policyOf(permission));
}

/** Someone a program acts for where there is no request: a job, a test. */
export interface ActingPrincipal extends PrincipalFacts {
  readonly kind: "account" | "client";
  readonly roles: readonly string[];
}

export interface ActingOptions {
  /** Roles as they are now, with custom ones and direct grants; default the contract's alone. */
  readonly roles?: LiveRoles;
  /** The only permissions it may use, of its roles'; default all. */
  readonly scopes?: readonly string[];
  /** The time, in milliseconds since the epoch; default now. */
  readonly nowMs?: number;
}

/**
 * What a principal may do with rows, where no request brought it. It has not signed in: a grant that demands assurance does
 * not count. No policy engine is asked: what one has a say in is out of reach.
 *
 * @example
 * const mine = protect(db, accessOf(security, { id: "alice", kind: "account", roles: ["user"], claims: {} }));
 */
export function accessOf(
  security: Security,
  principal: ActingPrincipal,
  { roles, scopes, nowMs = Date.now() }: ActingOptions = {},
): RowAccess {
  const authority =
    roles === undefined
      ? security.roles.authorityOf(principal.roles, scopes)
      : roles.authorityOf(principal, scopes);
  const assurance = { level: -1, authenticatedAtMs: Number.NEGATIVE_INFINITY };
  return createRowAccess(security, { principal, authority, assurance }, nowMs);
}
