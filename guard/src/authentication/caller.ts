/** A principal with what its roles amount to under one contract: made once per credential, used on every request. */
import type { Authority } from "../authorization/authority.ts";
import type { LiveRoles } from "../authorization/live-roles.ts";
import type { Assurance, AssuranceLevels } from "../contract/assurance.ts";
import type { Principal } from "./principal.ts";

export interface Caller {
  readonly principal: Principal;
  /** As the roles are now: it follows their changes. */
  readonly authority: Authority;
  /** The only permissions its credential may use, of its roles'; `undefined`: all. */
  readonly scopes: readonly string[] | undefined;
  /** How strongly and how recently the person proved who they are. */
  readonly assurance: Assurance;
  /** The key its limit is counted under. */
  readonly limitKey: string;
}

/** What turns principals into callers: the roles as they are now, and the contract's levels. */
export interface CallerScope {
  readonly roles: LiveRoles;
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
  const { acr, authenticatedAtMs } = facts;
  const known =
    acr === undefined && authenticatedAtMs === undefined
      ? noAssurance
      : Object.freeze({
          level: assurance.levelOf(acr),
          authenticatedAtMs: authenticatedAtMs ?? Number.NEGATIVE_INFINITY,
        });
  return new LiveCaller(facts, known, roles);
}

/** One integer compare per request tells whether the roles have changed since its authority was compiled. */
class LiveCaller implements Caller {
  readonly principal: Principal;
  readonly assurance: Assurance;
  readonly limitKey: string;
  readonly scopes: readonly string[] | undefined;
  readonly #roles: LiveRoles;
  #authority: Authority;
  #epoch: number;

  constructor({ principal, scopes }: CallerFacts, assurance: Assurance, roles: LiveRoles) {
    this.principal = Object.freeze(principal);
    this.assurance = assurance;
    this.limitKey = `${principal.kind}:${principal.id}`;
    this.#roles = roles;
    this.scopes = scopes;
    this.#epoch = roles.epoch;
    this.#authority = roles.authorityOf(principal, scopes);
  }

  get authority(): Authority {
    const { epoch } = this.#roles;
    if (this.#epoch !== epoch) {
      this.#authority = this.#roles.authorityOf(this.principal, this.scopes);
      this.#epoch = epoch;
    }
    return this.#authority;
  }
}
