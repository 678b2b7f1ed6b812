/**
 * Authority: what one caller may do, compiled once and asked on every request.
 *
 * A check is one bit, and a decision walks only the grants of that permission: its time does not grow with the number of
 * roles, of accounts, or of other permissions.
 */
import { type Assurance, type Demand, meets } from "../contract/assurance.ts";
import type { Grant } from "../contract/resource.ts";
import type { RowDecision } from "./conditions/decide.ts";

export interface CompiledGrant extends Grant {
  /** The role that declares it; `undefined` where it is given to one account or client directly. */
  readonly role: string | undefined;
  readonly decide: RowDecision;
  /** What the caller's sign-in must be for the grant to count. */
  readonly demand: Demand | undefined;
}

/** What counts for one permission: what allows it, and what bars some of its rows. */
export interface RowRules {
  readonly grants: readonly CompiledGrant[];
  readonly denials: readonly CompiledGrant[];
}

/** What one caller may do. */
export interface Authority {
  /** One bit per permission, in the contract's order: is it allowed at all, for any row? */
  readonly bits: Uint32Array;
  /**
   * What counts, per permission, before the sign-in is asked about. Nothing allows where the bit is not set: a denial of
   * every row has cleared it.
   */
  readonly rules: readonly RowRules[];
  /** Does any grant demand something of the sign-in? */
  readonly demanding: boolean;
}

/** One bit: is it allowed at all? */
export function hasPermission(authority: Authority, index: number): boolean {
  return ((authority.bits[index >>> 5] ?? 0) & (1 << (index & 31))) !== 0;
}

const none: readonly CompiledGrant[] = Object.freeze([]);
const noRules: RowRules = Object.freeze({ grants: none, denials: none });

/** Someone with an authority, and a sign-in that some grants may ask about. */
export interface Granted {
  readonly authority: Authority;
  readonly assurance: Assurance;
}

/** What counts for a permission now: the grants whose demands the caller's sign-in meets, and every denial. */
export function liveRules({ authority, assurance }: Granted, index: number, nowMs: number): RowRules {
  const rules = authority.rules[index] ?? noRules;
  if (!authority.demanding) return rules;
  const { grants, denials } = rules;
  return {
    grants: grants.filter(({ demand }) => demand === undefined || meets(assurance, demand, nowMs)),
    denials,
  };
}

/** The grants of a permission whose demands the caller's sign-in meets. */
export function liveGrants(granted: Granted, index: number, nowMs: number): readonly CompiledGrant[] {
  return liveRules(granted, index, nowMs).grants;
}

/** What allows a permission, whatever the sign-in. */
export function grantsOf({ rules }: Authority, index: number): readonly CompiledGrant[] {
  return rules[index]?.grants ?? none;
}

/** What bars some rows of a permission. */
export function denialsOf({ rules }: Authority, index: number): readonly CompiledGrant[] {
  return rules[index]?.denials ?? none;
}

/**
 * Compiles an authority from everything that is granted and barred.
 *
 * @param permissions Every permission of the contract with its index.
 * @param scopes The only permissions it may have; default all. Scopes never lift what is barred.
 */
export function createAuthority(
  grants: Iterable<CompiledGrant>,
  permissions: ReadonlyMap<string, number>,
  scopes?: readonly string[],
): Authority {
  const allowed: CompiledGrant[][] = Array.from({ length: permissions.size }, () => []);
  const denied: CompiledGrant[][] = Array.from({ length: permissions.size }, () => []);
  for (const grant of new Set(grants)) {
    const permission = `${grant.resource}:${grant.action}`;
    const index = permissions.get(permission);
    if (index === undefined) continue;
    if (grant.effect === "deny") denied[index]?.push(grant);
    else if (scopes === undefined || scopes.includes(permission)) allowed[index]?.push(grant);
  }
  const bits = new Uint32Array(Math.ceil(permissions.size / 32));
  const rules = allowed.map((some, index): RowRules => {
    const denials = Object.freeze(denied[index] ?? []);
    if (some.length === 0 || denials.some(({ where }) => where === undefined)) {
      return denials.length === 0 ? noRules : Object.freeze({ grants: none, denials });
    }
    bits[index >>> 5] = (bits[index >>> 5] ?? 0) | (1 << (index & 31));
    return Object.freeze({ grants: Object.freeze(some), denials });
  });
  const demanding = rules.some(({ grants }) => grants.some(({ demand }) => demand !== undefined));
  return Object.freeze({ bits, rules: Object.freeze(rules), demanding });
}
