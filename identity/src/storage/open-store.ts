/**
 * Opens the store: SQLite in the data folder, or PostgreSQL where a URL is given; migrates it; sweeps it.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { type Dialect, Kysely, sql } from "kysely";
import { Migrator } from "kysely/migration";
import { IdentityError } from "../errors.ts";
import { migrations } from "./migrations.ts";
import { openPostgres } from "./postgres.ts";
import type { Database, Tables } from "./schema.ts";
import { busyTimeoutMs, isSqliteBusy, openSqlite } from "./sqlite.ts";
import { toStoreError } from "./store-failure.ts";

export interface StoreOptions {
  readonly dataFolder: string;
  readonly databaseUrl?: string | undefined;
}

/** SQLite's file in the data folder. */
export const databaseFileName = "identity.db";

const lockWaitMs = 30_000;
const lockPollMs = 20;

/**
 * Opens and migrates the store.
 *
 * @throws {IdentityError} `store_damaged`, `store_unwritable`, `store_unreachable`, `store_schema_newer`,
 * `store_failed`.
 */
export async function openStore(options: StoreOptions): Promise<Database> {
  const file = join(options.dataFolder, databaseFileName);
  const place = options.databaseUrl === undefined ? file : hideCredentials(options.databaseUrl);
  let db: Database | undefined;
  try {
    db = new Kysely<Tables>({ dialect: openDialect(options, file) });
    await migrate(db, options.databaseUrl === undefined, place);
    return db;
  } catch (error) {
    await db?.destroy().catch(() => {});
    throw toStoreError(error, place);
  }
}

function openDialect(options: StoreOptions, file: string): Dialect {
  if (options.databaseUrl !== undefined) return openPostgres(options.databaseUrl);
  // An existing folder keeps its mode: it may be shared on purpose. The files in it are owner-only anyway.
  mkdirSync(options.dataFolder, { recursive: true, mode: 0o700 });
  return openSqlite(file);
}

async function migrate(db: Database, isSqlite: boolean, place: string): Promise<void> {
  if (!isSqlite) return migrateToLatest(db, place);
  // Kysely locks the migration tables on PostgreSQL only. Here the write lock does: of two processes that
  // start at once on one file the second waits, then finds the work done; and a migration is all or nothing.
  await db.connection().execute(async (connection) => {
    await takeWriteLock(connection);
    try {
      await migrateToLatest(connection, place);
      await sql`commit`.execute(connection);
    } catch (error) {
      await sql`rollback`.execute(connection).catch(() => {});
      throw error;
    }
  });
}

/**
 * Waits for the lock without SQLite's own waiting, which would stop this whole process, and with it a migration
 * that runs here too.
 */
async function takeWriteLock(connection: Kysely<Tables>): Promise<void> {
  await setBusyTimeout(connection, 0);
  for (let waitedMs = 0; ; waitedMs += lockPollMs) {
    try {
      await sql`begin immediate`.execute(connection);
      break;
    } catch (error) {
      if (waitedMs >= lockWaitMs || !isSqliteBusy(error)) throw error;
      await setTimeout(lockPollMs);
    }
  }
  await setBusyTimeout(connection, busyTimeoutMs);
}

async function setBusyTimeout(connection: Kysely<Tables>, ms: number): Promise<void> {
  await sql.raw(`pragma busy_timeout = ${ms}`).execute(connection);
}

async function migrateToLatest(db: Kysely<Tables>, place: string): Promise<void> {
  const known = Object.keys(migrations);
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (tables.some((table) => table.name === "kysely_migration")) {
    const { rows } = await sql<{ name: string }>`select name from kysely_migration`.execute(db);
    const newer = rows.find((row) => !known.includes(row.name));
    if (newer !== undefined) {
      throw new IdentityError(
        "store_schema_newer",
        place,
        `It was written by a newer release (${newer.name}).`,
      );
    }
  }
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...migrations }) } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}

function hideCredentials(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null ? "databaseUrl" : `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
}
