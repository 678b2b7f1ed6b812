/** PostgreSQL through `pg`: the store for more than one machine. */
import { type Dialect, PostgresDialect } from "kysely";
import { Pool, types } from "pg";

const int8 = 20;

/**
 * Returns Kysely's dialect over a pool. No connection is made yet.
 *
 * @param url `postgres://user@host:port/database`.
 */
export function openPostgres(url: string): Dialect {
  const pool = new Pool({
    connectionString: url,
    max: 10,
    connectionTimeoutMillis: 5_000,
    // A query that hangs must not hold a connection, and with it every sign-in, for ever.
    statement_timeout: 10_000,
    query_timeout: 12_000,
    types: { getTypeParser },
  });
  // An idle connection lost to a restart is replaced on next use; unheard, the event would end the process.
  pool.on("error", () => {});
  // The same for one in use: its query fails by itself, but between two queries of a transaction nobody listens.
  pool.on("connect", (client) => client.on("error", () => {}));
  return new PostgresDialect({ pool });
}

/** `bigint` columns hold milliseconds, far below 2^53: numbers, as SQLite returns them. */
function getTypeParser(oid: number, format?: "text" | "binary") {
  if (oid === int8 && format !== "binary") return Number;
  return types.getTypeParser(oid, format);
}
