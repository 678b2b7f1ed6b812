/**
 * SQLite through `node:sqlite`: the embedded store, one file in the data folder.
 *
 * `synchronous=FULL` with WAL: a session revoked or a code consumed stays so after a power cut.
 */
import { chmodSync, closeSync, openSync } from "node:fs";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { type Dialect, type SqliteDatabase, SqliteDialect, type SqliteStatement } from "kysely";

/** Milliseconds a write waits for another process's write before it fails. */
export const busyTimeoutMs = 5_000;
/** Statements kept prepared. The program's own are fewer than a hundred; more would be a leak. */
const preparedLimit = 200;

/** Opens (or creates, readable by its owner only) the file, and returns Kysely's dialect over it. */
export function openSqlite(path: string): Dialect {
  // SQLite gives its -wal and -shm files the mode of the main file, so the mode is set before it opens.
  closeSync(openSync(path, "a", 0o600));
  chmodSync(path, 0o600);
  const connection = new DatabaseSync(path);
  try {
    connection.exec(`pragma busy_timeout = ${busyTimeoutMs}`);
    connection.exec("pragma journal_mode = wal");
    connection.exec("pragma synchronous = full");
    connection.exec("pragma foreign_keys = on");
    const check = connection.prepare("pragma quick_check(1)").get();
    if (check?.quick_check !== "ok") throw new DamagedFile("The integrity check failed.");
  } catch (error) {
    connection.close();
    throw error;
  }
  return new SqliteDialect({ database: adapt(connection) });
}

/** True for SQLITE_BUSY: another connection holds the lock that was asked for. */
export function isSqliteBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && Number(error.errcode) % 256 === 5;
}

/** What SQLite itself does not throw: a file that opens, and does not hold together. */
export class DamagedFile extends Error {
  override readonly name = "DamagedFile";
}

function adapt(connection: DatabaseSync): SqliteDatabase {
  const prepared = new Map<string, SqliteStatement>();
  return {
    close: () => connection.close(),
    prepare(sql) {
      let statement = prepared.get(sql);
      if (statement === undefined) {
        statement = adaptStatement(connection.prepare(sql));
        const oldest = prepared.keys().next();
        if (prepared.size >= preparedLimit && !oldest.done) prepared.delete(oldest.value);
        prepared.set(sql, statement);
      }
      return statement;
    },
  };
}

function adaptStatement(statement: StatementSync): SqliteStatement {
  const bind = (parameters: readonly unknown[]) => parameters as readonly SQLInputValue[];
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...bind(parameters)),
    run: (parameters) => statement.run(...bind(parameters)),
    iterate: (parameters) => statement.iterate(...bind(parameters)),
  };
}
