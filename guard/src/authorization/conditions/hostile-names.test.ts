/** Names that would be SQL, were they not quoted: they never leave their quotes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Kysely, sql } from "kysely";
import { defineSecurity } from "../../contract/define-security.ts";
import { resource } from "../../contract/resource.ts";
import { accessOf, reachOf } from "../access.ts";
import { protect } from "../protect/index.ts";
import { openMemory } from "../protect/testing/sqlite.ts";
import { principal } from "./condition.ts";
import { createFilter } from "./filter.ts";

const names = [
  'x"; drop table "secret"; --',
  '"',
  '""',
  "'",
  "`",
  "[x]",
  "select",
  "order",
  "a b",
  "a.b",
  "sélect",
  "名前",
  "\u202eפון",
  "$1",
  "?",
  "--",
  "/*",
  "%s",
  "\\",
  "x\ny",
] as const;

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

for (const name of names) {
  test(`${JSON.stringify(name)} stays a name in the filter, in its text, and in protected queries`, async () => {
    const thing = resource("thing", {
      actions: ["create", "read", "update", "delete"],
      attributes: { id: "string", ownerId: "string" },
      table: name,
      columns: { ownerId: `${name}!` },
    });
    const own = { where: thing.where.ownerId.eq(principal.id) };
    const security = defineSecurity({
      issuer: "http://localhost:3000",
      audience: "http://localhost:3000/api",
      resources: [thing],
      roles: {
        user: {
          grants: [
            thing.allow("create", { set: { ownerId: principal.id } }),
            thing.allow("read", own),
            thing.allow("update", own),
            thing.allow("delete", own),
          ],
        },
      },
      database: "sqlite",
      limits: { address: "600/1m" },
    });
    const table = quoted(name);
    const { db, raw } = openMemory<Record<string, Record<string, unknown>>>(
      `create table secret (id); create table ${table} ("id", ${quoted(`${name}!`)});
       insert into ${table} values ('1', 'alice'), ('2', 'bob')`,
    );
    const access = accessOf(security, { id: "alice", kind: "account", roles: ["user"], claims: {} });
    const filter = createFilter(reachOf(access, "thing:read"), { ...access, dialect: "sqlite", table: name });

    const text = filter.toSql();
    assert.equal(text.sql, `${table}.${quoted(`${name}!`)} = ?`);
    const byText = raw.prepare(`select id from ${table} where ${text.sql}`).all(...text.params);
    assert.deepEqual(
      byText.map(({ id }) => id),
      ["1"],
    );
    // A dot is Kysely's own sign between a schema and a table.
    const from = <Db>(of: Kysely<Db>) => of as unknown as Kysely<Record<string, { id: string }>>;
    if (name.includes(".")) return;
    assert.deepEqual(
      (await from(db).selectFrom(name).select("id").where(filter).execute()).map(({ id }) => id),
      ["1"],
    );

    const mine = from(protect(db, access));
    assert.deepEqual(
      await mine.selectFrom(name).select("id").execute(),
      await from(db).selectFrom(name).select("id").where(filter).execute(),
    );
    await mine.insertInto(name).values({ id: "3" }).execute();
    await mine
      .updateTable(name)
      .set({ id: sql`id || ${"!"}` })
      .execute();
    await mine.deleteFrom(name).where("id", "=", "1!").execute();
    const left = raw
      .prepare(`select * from ${table} order by 1`)
      .all()
      .map((row) => Object.values(row).join(" "));
    assert.deepEqual(left, ["2 bob", "3! alice"]);
    assert.equal(raw.prepare("select count(*) as n from secret").get()?.n, 0);
  });
}
