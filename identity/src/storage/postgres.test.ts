/** A PostgreSQL that dies in the middle of things. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { sql } from "kysely";
import { postgresMissing, startPostgres } from "../../../testing/postgres.ts";
import { openStore } from "./open-store.ts";

it("refuses what was under way when the database died, and does not take the process along", async (test) => {
  const postgres = await startPostgres();
  if (postgres === undefined) return test.skip(postgresMissing);
  test.after(() => postgres.stop());
  const db = await openStore({ dataFolder: "unused", databaseUrl: postgres.url });
  const query = assert.rejects(sql`select pg_sleep(10)`.execute(db));
  const transaction = assert.rejects(
    db.transaction().execute(async (within) => {
      await sql`select 1`.execute(within);
      await setTimeout(500);
      await sql`select 1`.execute(within);
    }),
  );
  await setTimeout(200);
  await postgres.crash();
  await query;
  await transaction;
  await assert.rejects(sql`select 1`.execute(db));
  await db.destroy();
});
