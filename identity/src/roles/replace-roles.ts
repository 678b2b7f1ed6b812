/** Who holds which roles: reading it, and giving an account or a client others, with the events that tell of it. */
import type { GrantedSubject } from "@bulwark/guard";
import type { Transaction } from "kysely";
import { recordEvent } from "../audit/record-event.ts";
import { IdentityError } from "../errors.ts";
import type { Publish } from "../feed/feed.ts";
import type { Database, Tables } from "../storage/schema.ts";
import type { Actor } from "./actor.ts";

export interface ReplaceContext {
  readonly transaction: Transaction<Tables>;
  readonly publish: Publish;
  readonly now: () => number;
  readonly actor: Actor;
}

/** An account's or client's roles, whether it may use them, and what it is known by; `undefined`: there is none. */
export interface Holder {
  readonly roles: readonly string[];
  readonly disabled: boolean;
  /** An account's address, a client's name. */
  readonly name: string;
}

export async function findHolder(
  db: Database | Transaction<Tables>,
  { kind, id }: GrantedSubject,
): Promise<Holder | undefined> {
  if (kind === "client") {
    const row = await db
      .selectFrom("clients")
      .select(["roles", "name"])
      .where("id", "=", id)
      .executeTakeFirst();
    return row && { roles: JSON.parse(row.roles) as string[], disabled: false, name: row.name };
  }
  const rows = await db
    .selectFrom("accounts")
    .leftJoin("account_roles", "account_roles.account_id", "accounts.id")
    .select(["accounts.email", "accounts.disabled_at_ms", "account_roles.role"])
    .where("accounts.id", "=", id)
    .orderBy("account_roles.role")
    .execute();
  const [first] = rows;
  return (
    first && {
      roles: rows.flatMap(({ role }) => role ?? []),
      disabled: first.disabled_at_ms !== null,
      name: first.email,
    }
  );
}

/** Is the name given to any account or client? */
export async function isRoleHeld(db: Database | Transaction<Tables>, name: string): Promise<boolean> {
  const account = await db
    .selectFrom("account_roles")
    .select("role")
    .where("role", "=", name)
    .limit(1)
    .executeTakeFirst();
  if (account !== undefined) return true;
  const clients = await db
    .selectFrom("clients")
    .select("roles")
    // Narrows; what decides is the list itself.
    .where("roles", "like", `%"${name}"%`)
    .execute();
  return clients.some(({ roles }) => (JSON.parse(roles) as string[]).includes(name));
}

/**
 * Gives an account or a client these roles instead of those it has. Needs the lock on roles.
 *
 * @param roles Checked names, sorted, without repeats.
 * @throws {IdentityError} `account_unknown`, `client_unknown`
 */
export async function replaceRoles(
  subject: GrantedSubject,
  roles: readonly string[],
  { transaction, publish, now, actor }: ReplaceContext,
): Promise<void> {
  const { kind, id } = subject;
  const holder = await findHolder(transaction, subject);
  if (holder === undefined) {
    throw new IdentityError(`${kind}_unknown`, "id", `No ${kind} has this id.`);
  }
  const before = holder.roles;
  if (before.length === roles.length && roles.every((role) => before.includes(role))) return;
  if (kind === "client") {
    await transaction
      .updateTable("clients")
      .set({ roles: JSON.stringify(roles) })
      .where("id", "=", id)
      .execute();
  } else {
    await transaction.deleteFrom("account_roles").where("account_id", "=", id).execute();
    for (const role of roles) {
      await transaction.insertInto("account_roles").values({ account_id: id, role }).execute();
    }
  }
  const detail = { before, after: roles };
  await recordEvent(
    transaction,
    { actor, action: "roles_assigned", outcome: "done", target: subject, detail },
    now(),
  );
  publish({ kind: "roles" });
  // Tokens name the roles of their time: once one was taken away they count no more. Sessions go on, without it.
  const isTakenAway = before.some((role) => !roles.includes(role));
  if (isTakenAway) publish({ kind: "revoked", subject: id, beforeMs: now() });
}
