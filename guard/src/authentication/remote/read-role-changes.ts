/**
 * Reads changes of roles as they came over the wire: whole and of the right shape, or not at all.
 *
 * What a grant means is read later, by the contract. A change that was read in part would leave out what it denies.
 */
import type { GrantData } from "../../authorization/grant-data.ts";
import type { CustomRole, GrantedSubject, RoleChanges } from "../../authorization/live-roles.ts";

/** @throws {Error} where it is no answer. */
export function readRoleChanges(value: unknown): RoleChanges {
  const { since, version, complete, roles, subjects } = asObject(value);
  if (!isVersion(since) || !isVersion(version) || version < since || typeof complete !== "boolean") {
    throw notUnderstood();
  }
  if (!Array.isArray(subjects)) throw notUnderstood();
  return {
    since,
    version,
    complete,
    roles: Object.fromEntries(Object.entries(asObject(roles)).map(([name, role]) => [name, readRole(role)])),
    subjects: subjects.map(readSubject),
  };
}

function readRole(value: unknown): CustomRole | null {
  if (value === null) return null;
  const { extends: parents, grants } = asObject(value);
  if (!Array.isArray(parents) || !parents.every((name) => typeof name === "string")) throw notUnderstood();
  return { extends: parents, grants: readGrants(grants) };
}

function readSubject(value: unknown): GrantedSubject & { readonly grants: readonly GrantData[] } {
  const { kind, id, grants } = asObject(value);
  if ((kind !== "account" && kind !== "client") || typeof id !== "string" || id === "") throw notUnderstood();
  return { kind, id, grants: readGrants(grants) };
}

/** Each is read by the contract before it counts: what is no grant to it grants nothing. */
function readGrants(value: unknown): readonly GrantData[] {
  if (!Array.isArray(value)) throw notUnderstood();
  return value.map((grant: unknown) => asObject(grant) as unknown as GrantData);
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw notUnderstood();
  return value as Readonly<Record<string, unknown>>;
}

function isVersion(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function notUnderstood(): Error {
  return new Error("The identity server's answer is not understood.");
}
