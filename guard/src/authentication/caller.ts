/** A principal with what its roles amount to under one contract: made once per credential, used on every request. */
import type { Authority, RoleTable } from "../authorization/roles.ts";
import type { Assurance, AssuranceLevels } from "../contract/assurance.ts";
import type { Principal } from "./principal.ts";

export interface Caller {
  readonly principal: Principal;
  readonly authority: Authority;
  /** How strongly and how recently the person proved who they are. */
  readonly assurance: Assurance;
  /** The key its limit is counted under. */
  readonly limitKey: string;
}

/** What turns principals into callers: the contract's roles and levels. */
export interface CallerScope {
  readonly roles: RoleTable;
  readonly assurance: AssuranceLevels;
}

export interface CallerFacts {
  readonly principal: Principal;
  /** The only permissions it may use, of its roles'; `undefined`: all. */
  readonly scopes?: readonly string[] | undefined;
  readonly acr?: string | undefined;
  readonly authenticatedAtMs?: number | undefined;
}

/** Nobody signed in, or nobody knows how: a machine, a key. */
const noAssurance: Assurance = Object.freeze({ level: -1, authenticatedAtMs: Number.NEGATIVE_INFINITY });

export function createCaller(facts: CallerFacts, { roles, assurance }: CallerScope): Caller {
  const { principal, scopes, acr, authenticatedAtMs } = facts;
  return Object.freeze({
    principal: Object.freeze(principal),
    authority: roles.authorityOf(principal.roles, scopes),
    assurance:
      acr === undefined && authenticatedAtMs === undefined
        ? noAssurance
        : Object.freeze({
            level: assurance.levelOf(acr),
            authenticatedAtMs: authenticatedAtMs ?? Number.NEGATIVE_INFINITY,
          }),
    limitKey: `${principal.kind}:${principal.id}`,
  });
}
