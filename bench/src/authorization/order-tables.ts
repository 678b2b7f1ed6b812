/** A table of a million orders on each database, with the indexes that a list needs. */
import { DatabaseSync } from "node:sqlite";
import { openSqlite } from "@bulwark/identity/sqlite";
import { CompiledQuery, Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { startPostgres } from "../../../testing/postgres.ts";

interface OrderSchema {
  readonly order: {
    readonly id: string;
    readonly ownerId: string;
    readonly team: string;
    readonly status: string;
    readonly total: number;
  };
}

export interface OrderTable {
  readonly db: Kysely<OrderSchema>;
  /** The plan of a query, as text, without what differs from run to run. */
  plan(query: {
    compile(): { readonly sql: string; readonly parameters: readonly unknown[] };
  }): Promise<string>;
  close(): Promise<void>;
}

export const orderCount = 1_000_000;
/** So many accounts own them, in so many teams. */
export const ownerCount = 10_000;
export const teamCount = 100;

const indexes = ["ownerId", "team"] as const;

/** @param path A file that does not exist yet. */
export async function openSqliteTable(path: string): Promise<OrderTable> {
  const database = new DatabaseSync(path);
  database.exec(`
    pragma journal_mode = wal;
    pragma synchronous = off;
    create table "order" (id text primary key, "ownerId" text not null, team text not null, status text not null,
      total real not null) without rowid;
    with recursive n(i) as (select 1 union all select i + 1 from n where i < ${orderCount})
    insert into "order" select printf('order-%07d', i), 'account-' || (i * 7919 % ${ownerCount}),
      'team-' || (i * 7919 % ${teamCount}), case i / ${ownerCount} % 4 when 0 then 'draft' when 1 then 'open' when 2 then 'paid' else 'shipped' end,
      i % 1000 from n;
    ${indexes.map((column) => `create index "order_by_${column}" on "order" ("${column}", id);`).join("\n")}
    analyze;
  `);
  database.close();
  const db = new Kysely<OrderSchema>({ dialect: openSqlite(path) });
  return {
    db,
    async plan(query) {
      const compiled = query.compile();
      const { rows } = await db.executeQuery<{ detail: string }>(
        CompiledQuery.raw(`explain query plan ${compiled.sql}`, [...compiled.parameters]) as CompiledQuery<{
          detail: string;
        }>,
      );
      return rows.map(({ detail }) => detail).join("\n");
    },
    close: () => db.destroy(),
  };
}

/** `undefined` where PostgreSQL is not installed. */
export async function openPostgresTable(): Promise<OrderTable | undefined> {
  const postgres = await startPostgres();
  if (postgres === undefined) return undefined;
  const pool = new pg.Pool({ connectionString: postgres.url, max: 1 });
  // The server is killed at the end, without asking.
  pool.on("error", () => {});
  const db = new Kysely<OrderSchema>({ dialect: new PostgresDialect({ pool }) });
  await pool.query(`
    create table "order" (id text primary key, "ownerId" text not null, team text not null, status text not null,
      total double precision not null);
    insert into "order" select 'order-' || lpad(i::text, 7, '0'), 'account-' || (i::bigint * 7919 % ${ownerCount}),
      'team-' || (i::bigint * 7919 % ${teamCount}), (array['draft', 'open', 'paid', 'shipped'])[i / ${ownerCount} % 4 + 1], i % 1000
      from generate_series(1, ${orderCount}) i;
    ${indexes.map((column) => `create index "order_by_${column}" on "order" ("${column}", id);`).join("\n")}
  `);
  await pool.query("vacuum analyze");
  return {
    db,
    async plan(query) {
      const compiled = query.compile();
      const { rows } = await db.executeQuery<{ "QUERY PLAN": string }>(
        CompiledQuery.raw(`explain (costs off) ${compiled.sql}`, [...compiled.parameters]) as CompiledQuery<{
          "QUERY PLAN": string;
        }>,
      );
      return rows.map((row) => row["QUERY PLAN"]).join("\n");
    },
    async close() {
      await db.destroy();
      await postgres.stop();
    },
  };
}
