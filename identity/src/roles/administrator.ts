/**
 * An administrator: an account or a client that asks for a change of roles, and what it may do at this moment.
 *
 * The guard has let the request through by what it knew; here, under the lock on roles, it is asked again by what the
 * store says now. So of two administrators who take each other's right away one comes first, and the other is refused.
 */
import type { CustomRole, GrantData, GrantedSubject, LiveRoles, Security } from "@bulwark/guard";
import { type Assurance, type Holder, hasPermission, liveGrants } from "@bulwark/guard/roles";
import type { Transaction } from "kysely";
import type { Tables } from "../storage/schema.ts";
import { findHolder } from "./replace-roles.ts";
import { readGrants } from "./role-records.ts";

/** As the credential of the request says. */
export interface Administrator extends GrantedSubject {
  readonly roles: readonly string[];
  /** The only permissions the credential may use; `undefined`: all that its owner may. */
  readonly scopes: readonly string[] | undefined;
  readonly assurance: Assurance;
  readonly sessionId: string | undefined;
  /** The permission that the guard asked for: `bulwark_role:update`. */
  readonly permission: string;
  readonly address: string;
}

/** What an administrator may do now. */
export interface AdministratorNow extends Holder {
  /** The roles that the store says it holds, with all that they extend. */
  readonly within: ReadonlySet<string>;
}

export interface AdministratorContext {
  readonly transaction: Transaction<Tables>;
  readonly contract: Security;
  /** The custom roles of now. */
  readonly live: LiveRoles;
  readonly now: () => number;
}

/**
 * What an administrator may do now: by the roles that both the credential and the store name, so that neither a role
 * taken away since nor one given since counts.
 *
 * @returns `undefined` where it may not even what the guard let it: it is gone, disabled, signed out, or lost the right.
 */
export async function administratorNow(
  { kind, id, roles, scopes, assurance, sessionId, permission }: Administrator,
  { transaction, contract, live, now }: AdministratorContext,
): Promise<AdministratorNow | undefined> {
  const found = await findHolder(transaction, { kind, id });
  if (found === undefined || found.disabled) return undefined;
  const nowMs = now();
  if (sessionId !== undefined && !(await isLive(transaction, sessionId, nowMs))) return undefined;
  knowGrants(live, { kind, id }, await readGrants(transaction, { kind, id }));
  const held = roles.filter((role) => found.roles.includes(role));
  const authority = live.authorityOf({ kind, id, roles: held }, scopes);
  const { permissions } = contract.roles;
  const index = permissions.get(permission) ?? -1;
  const holder = { authority, assurance, permissions, nowMs, within: rolesWithin(found.roles, live) };
  const mayStill = hasPermission(authority, index) && liveGrants(holder, index, nowMs).length > 0;
  return mayStill ? holder : undefined;
}

/** Puts what one account or client is granted directly into the roles of now. */
export function knowGrants(live: LiveRoles, subject: GrantedSubject, grants: readonly GrantData[]): void {
  const { version } = live;
  const roles: Readonly<Record<string, CustomRole | null>> = {};
  live.apply({ since: version, version, complete: true, roles, subjects: [{ ...subject, grants }] });
}

/** Roles, with all that they extend. */
export function rolesWithin(roles: readonly string[], live: LiveRoles): ReadonlySet<string> {
  const within = new Set<string>();
  const visit = (role: string) => {
    if (within.has(role)) return;
    within.add(role);
    for (const parent of live.parentsOf(role)) visit(parent);
  };
  for (const role of roles) visit(role);
  return within;
}

async function isLive(transaction: Transaction<Tables>, handle: string, nowMs: number): Promise<boolean> {
  const session = await transaction
    .selectFrom("sessions")
    .select("handle")
    .where("handle", "=", handle)
    .where("expires_at_ms", ">", nowMs)
    .executeTakeFirst();
  return session !== undefined;
}
