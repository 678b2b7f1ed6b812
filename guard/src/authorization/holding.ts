/**
 * Holding: may someone hand a grant on?
 *
 * Threat: whoever manages roles gives themselves, by way of another, what they may not do. So nobody grants, changes or
 * takes away what they do not hold: a grant is held by who has one that lets them do at least as much, as they are signed
 * in now. Only what is plainly as much counts; whatever would need a proof is refused.
 */
import { isDeepStrictEqual } from "node:util";
import type { Demand } from "../contract/assurance.ts";
import { type CompiledGrant, denialsOf, type Granted, liveGrants } from "./authority.ts";

/** Who would hand grants on: what they may do now, with the scopes of their credential and by their sign-in. */
export interface Holder extends Granted {
  /** Every permission of the contract with its index. */
  readonly permissions: ReadonlyMap<string, number>;
  readonly nowMs: number;
}

/**
 * Does the holder hold a grant that allows? They have a grant of the same permission with the same condition or none,
 * that lets them set at least the same attributes, and demands no more of the sign-in than the other does.
 *
 * Who is denied some rows of a permission holds none of its grants.
 */
export function holdsGrant(holder: Holder, grant: CompiledGrant): boolean {
  const index = holder.permissions.get(permissionOf(grant));
  if (index === undefined || denialsOf(holder.authority, index).length > 0) return false;
  return liveGrants(holder, index, holder.nowMs).some((own) => isAsMuch(own, grant));
}

/**
 * Does the holder hold a permission, so that they may add or lift a denial of it?
 *
 * A denial that is lifted gives back what it barred: all of it must be held.
 *
 * @param barred The grants of the permission that the denial bars.
 */
export function holdsDenied(holder: Holder, permission: string, barred: readonly CompiledGrant[]): boolean {
  const index = holder.permissions.get(permission);
  if (index === undefined || denialsOf(holder.authority, index).length > 0) return false;
  return (
    liveGrants(holder, index, holder.nowMs).length > 0 && barred.every((grant) => holdsGrant(holder, grant))
  );
}

/** `order:read` */
export function permissionOf({ resource, action }: Pick<CompiledGrant, "resource" | "action">): string {
  return `${resource}:${action}`;
}

/** Everything that makes a grant what it is, as text: two of one text are one grant, whatever role declares them. */
export function grantKey(grant: CompiledGrant): string {
  const { effect, resource, action, where, fields, set, assurance, maxAge } = grant;
  return JSON.stringify(
    [effect, resource, action, where, fields, set, assurance, maxAge],
    // JSON writes both infinities alike.
    (_name, value: unknown) => (value === Number.POSITIVE_INFINITY ? { infinite: true } : value),
  );
}

function isAsMuch(own: CompiledGrant, other: CompiledGrant): boolean {
  return (
    (own.where === undefined || isDeepStrictEqual(own.where, other.where)) &&
    maySetAll(own, other) &&
    isDemandedOf(own.demand, other.demand)
  );
}

/** What a grant always sets is written as well: by who hands it on too, whether they set it or always must. */
function maySetAll(own: CompiledGrant, other: CompiledGrant): boolean {
  const keepsOwn = Object.entries(own.set).every(
    ([attribute, operand]) =>
      Object.hasOwn(other.set, attribute) && isDeepStrictEqual(other.set[attribute], operand),
  );
  if (!keepsOwn) return false;
  if (own.fields === undefined) return true;
  if (other.fields === undefined) return false;
  const { fields } = own;
  return [...other.fields, ...Object.keys(other.set)].every(
    (attribute) => fields.includes(attribute) || Object.hasOwn(own.set, attribute),
  );
}

function isDemandedOf(own: Demand | undefined, other: Demand | undefined): boolean {
  if (own === undefined) return true;
  return other !== undefined && other.level >= own.level && other.maxAgeMs <= own.maxAgeMs;
}
