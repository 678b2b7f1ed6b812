/** Upgrading a store that an earlier release wrote. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Kysely } from "kysely";
import { Migrator } from "kysely/migration";
import { describeEachStore } from "../../testing/each-store.ts";
import { migrations } from "./migrations.ts";
import { databaseFileName, openStore } from "./open-store.ts";
import { openPostgres } from "./postgres.ts";
import { openSqlite } from "./sqlite.ts";

describeEachStore("upgrading", ({ options, behaves }) => {
  behaves("keeps open sessions, without claiming to know how they were opened", async () => {
    const { dataFolder, databaseUrl } = options();
    const dialect =
      databaseUrl === undefined ? openSqlite(join(dataFolder, databaseFileName)) : openPostgres(databaseUrl);
    const before = new Kysely<never>({ dialect });
    const first = Object.fromEntries(Object.entries(migrations).slice(0, 1));
    await new Migrator({ db: before, provider: { getMigrations: async () => first } }).migrateToLatest();
    const account = { id: "a", email: "a@example.org", claims: "{}", created_at_ms: 1 };
    await before
      .insertInto("accounts" as never)
      .values(account as never)
      .execute();
    const session = { id_hash: "x", handle: "h", account_id: "a", sealed: "", last_seen_at_ms: 6 };
    await before
      .insertInto("sessions" as never)
      .values({ ...session, created_at_ms: 5, expires_at_ms: 7 } as never)
      .execute();
    await before.destroy();

    const db = await openStore(options());
    const after = await db.selectFrom("sessions").selectAll().execute();
    const cursor = await db.selectFrom("feed_cursor").select("sequence").execute();
    await db.destroy();
    assert.equal(after.length, 1);
    assert.equal(after[0]?.methods, "");
    assert.equal(after[0]?.authenticated_at_ms, 5);
    assert.deepEqual(
      cursor.map(({ sequence }) => sequence),
      [0],
    );
  });
});
