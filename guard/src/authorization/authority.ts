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

/** What one caller may do. */
export interface Authority {
  /** One bit per permission, in the contract's order: is it allowed at all, for any row? */
  readonly bits: Uint32Array;
  /** What allows, per permission; empty where the bit is not set. */
  readonly grants: readonly (readonly CompiledGrant[])[];
  /** What bars some rows, per permission. What bars every row has cleared the bit. */
  readonly denials: readonly (readonly CompiledGrant[])[];
  /** Does any grant demand something of the sign-in? */
  readonly demanding: boolean;
}

/** One bit: is it allowed at all? */
export function hasPermission(authority: Authority, index: number): boolean {
  return ((authority.bits[index >>> 5] ?? 0) & (1 << (index & 31))) !== 0;
}

const none: readonly CompiledGrant[] = Object.freeze([]);

/** Someone with an authority, and a sign-in that some grants may ask about. */
export interface Granted {
  readonly authority: Authority;
  readonly assurance: Assurance;
}

/** The grants of a permission whose demands the caller's sign-in meets. */
export function liveGrants(
  { authority: { grants, demanding }, assurance }: Granted,
  index: number,
  nowMs: number,
): readonly CompiledGrant[] {
  const all = grants[index] ?? none;
  if (!demanding) return all;
  return all.filter(({ demand }) => demand === undefined || meets(assurance, demand, nowMs));
}

/** What bars some rows of a permission. */
export function denialsOf({ denials }: Authority, index: number): readonly CompiledGrant[] {
  return denials[index] ?? none;
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
  const live = allowed.map((some, index) => {
    if (some.length === 0 || denied[index]?.some(({ where }) => where === undefined)) return none;
    bits[index >>> 5] = (bits[index >>> 5] ?? 0) | (1 << (index & 31));
    return Object.freeze(some);
  });
  return Object.freeze({
    bits,
    grants: Object.freeze(live),
    denials: Object.freeze(denied.map((some) => (some.length === 0 ? none : Object.freeze(some)))),
    demanding: live.some((some) => some.some(({ demand }) => demand !== undefined)),
  });
}
