/**
 * Custom roles and direct grants as the store keeps them: each record with the version it was last changed at.
 *
 * Every change takes its version from one row, whose lock it holds from its first statement to its commit. So changes
 * come one after the other, versions become visible in their order, and whoever has seen version 8 has missed nothing
 * before it. What a change may do is decided under the same lock: nobody's right can be taken away in between.
 */
import type { CustomRole, GrantData, GrantedSubject, RoleChanges } from "@bulwark/guard";
import type { Transaction } from "kysely";
import type { Database, Tables } from "../storage/schema.ts";

/** Rows of one page, and the characters after which it ends: a guard's answer is bounded in both. */
const pageRows = 200;
const pageCharacters = 1_000_000;

/** The transaction's first statement: from here to its end nobody else changes roles, or who holds them. */
export async function lockRoles(transaction: Transaction<Tables>): Promise<void> {
  await transaction
    .updateTable("role_cursor")
    .set(({ ref }) => ({ version: ref("version") }))
    .execute();
}

/** Under the lock. @param role `undefined`: it is gone. */
export async function writeRole(
  transaction: Transaction<Tables>,
  name: string,
  role: CustomRole | undefined,
): Promise<void> {
  await write(transaction, "role", name, role);
}

/** Under the lock. */
export async function writeGrants(
  transaction: Transaction<Tables>,
  { kind, id }: GrantedSubject,
  grants: readonly GrantData[],
): Promise<void> {
  await write(transaction, kind, id, grants.length === 0 ? undefined : grants);
}

async function write(
  transaction: Transaction<Tables>,
  kind: "role" | GrantedSubject["kind"],
  id: string,
  value: object | undefined,
): Promise<void> {
  const { version } = await transaction
    .updateTable("role_cursor")
    .set((eb) => ({ version: eb("version", "+", 1) }))
    .returning("version")
    .executeTakeFirstOrThrow();
  const values = { data: value === undefined ? null : JSON.stringify(value), version };
  await transaction
    .insertInto("role_records")
    .values({ kind, id, ...values })
    .onConflict((conflict) => conflict.columns(["kind", "id"]).doUpdateSet(values))
    .execute();
}

/** The custom roles by name, sorted. @param name Only this one. */
export async function readRoles(
  db: Database | Transaction<Tables>,
  name?: string,
): Promise<ReadonlyMap<string, CustomRole>> {
  const rows = await db
    .selectFrom("role_records")
    .select(["id", "data"])
    .where("kind", "=", "role")
    .where("data", "is not", null)
    .$if(name !== undefined, (query) => query.where("id", "=", name ?? ""))
    .execute();
  // Sorted here: databases differ in how they order text.
  const roles = rows.map(({ id, data }) => [id, JSON.parse(data ?? "") as CustomRole] as const);
  return new Map(roles.sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** What one account or client is granted directly. */
export async function readGrants(
  db: Database | Transaction<Tables>,
  { kind, id }: GrantedSubject,
): Promise<readonly GrantData[]> {
  const row = await db
    .selectFrom("role_records")
    .select("data")
    .where("kind", "=", kind)
    .where("id", "=", id)
    .executeTakeFirst();
  return row?.data == null ? [] : (JSON.parse(row.data) as GrantData[]);
}

/** The direct grants of each account and client that is granted or denied a permission. */
export async function readAllowing(
  transaction: Transaction<Tables>,
  permission: string,
): Promise<readonly (readonly GrantData[])[]> {
  const rows = await transaction
    .selectFrom("role_records")
    .select("data")
    .where("kind", "!=", "role")
    // Narrows; `_` stands for any letter.
    .where("data", "like", `%"${permission}"%`)
    .execute();
  return rows.map(({ data }) => JSON.parse(data ?? "[]") as GrantData[]);
}

/**
 * What has changed since a version: one page of it.
 *
 * @param since 0, or a version of another history (a backup was restored): everything there is.
 * @param only Leave out everything else.
 */
export async function readChanges(
  db: Database | Transaction<Tables>,
  since: number,
  only?: "role",
): Promise<RoleChanges> {
  // One statement: between the newest version and the rows nothing can be committed.
  const rows = await db
    .selectFrom("role_cursor")
    .leftJoin("role_records", (join) => {
      const newer = join.on("role_records.version", ">", since);
      return only === undefined ? newer : newer.on("role_records.kind", "=", only);
    })
    .select(["role_cursor.version as head", "role_records.kind", "role_records.id", "role_records.data"])
    .select("role_records.version as version")
    .orderBy("role_records.version")
    .limit(pageRows)
    .execute();
  const [first] = rows;
  if (first === undefined) throw new TypeError("The roles have no version.");
  const { head } = first;
  if (since > head) return readChanges(db, 0, only);

  const roles: [string, CustomRole | null][] = [];
  const subjects: (GrantedSubject & { readonly grants: readonly GrantData[] })[] = [];
  let version = since;
  let characters = 0;
  let cut = false;
  for (const row of rows) {
    if (row.version === null || row.kind === null || row.id === null) break;
    characters += (row.data ?? "").length;
    cut = characters > pageCharacters && version > since;
    if (cut) break;
    version = row.version;
    const data: unknown = row.data === null ? null : JSON.parse(row.data);
    if (row.kind === "role") roles.push([row.id, data as CustomRole | null]);
    else subjects.push({ kind: row.kind, id: row.id, grants: (data ?? []) as readonly GrantData[] });
  }
  const complete = !cut && rows.length < pageRows;
  return {
    since,
    version: complete ? head : version,
    complete,
    roles: Object.fromEntries(roles),
    subjects,
  };
}
