/** The API's own rows: one SQLite table under Kysely. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { openSqlite } from "@bulwark/identity/sqlite";
import { Kysely, type LogEvent, sql } from "kysely";
import type { statuses } from "../security.ts";

export interface Order {
  readonly id: string;
  readonly ownerId: string;
  readonly team: string;
  readonly status: (typeof statuses)[number];
  readonly total: number;
}

interface Schema {
  order: Order;
}

export type OrderStore = Kysely<Schema>;

/** What SQLite says of the store, in one line for the person who runs the program. */
export class OrderStoreError extends Error {
  override readonly name = "OrderStoreError";
}

/**
 * Opens `orders.db` in the folder, creating table and indexes where they are missing.
 *
 * @param log Called with every query and its duration.
 */
export async function openOrders(dataFolder: string, log?: (event: LogEvent) => void): Promise<OrderStore> {
  const path = join(dataFolder, "orders.db");
  let db: OrderStore | undefined;
  try {
    mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
    db = new Kysely<Schema>({ dialect: openSqlite(path), ...(log === undefined ? {} : { log }) });
    await createTables(db);
    return db;
  } catch (cause) {
    await db?.destroy();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OrderStoreError(
      `${path} cannot be used: ${reason}. Restore it, or move it away to begin anew.`,
      {
        cause,
      },
    );
  }
}

async function createTables(db: OrderStore): Promise<void> {
  await db.schema
    .createTable("order")
    .ifNotExists()
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("ownerId", "text", (column) => column.notNull())
    .addColumn("team", "text", (column) => column.notNull())
    .addColumn("status", "text", (column) => column.notNull())
    .addColumn("total", "real", (column) => column.notNull())
    .execute();
  for (const column of ["ownerId", "team", "status"] as const) {
    await db.schema
      .createIndex(`order_by_${column}`)
      .ifNotExists()
      .on("order")
      .columns([column, "id"])
      .execute();
  }
}

/** Inserts the rows of the first start, once for the life of the file. */
export async function seedOrders(db: OrderStore, rows: () => readonly Order[]): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    const { rows: found } = await sql<{ user_version: number }>`pragma user_version`.execute(transaction);
    if ((found[0]?.user_version ?? 0) > 0) return;
    const orders = rows();
    const rowsPerStatement = 500;
    for (let start = 0; start < orders.length; start += rowsPerStatement) {
      await transaction
        .insertInto("order")
        .values(orders.slice(start, start + rowsPerStatement))
        .execute();
    }
    await sql`pragma user_version = 1`.execute(transaction);
  });
}
