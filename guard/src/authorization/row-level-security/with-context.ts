/**
 * Work in a transaction that PostgreSQL knows the caller of.
 *
 * The setting is local to the transaction: after it, the pooled connection is nobody's again, and sees nothing. What runs
 * outside sees nothing either: forgetting this is found at the first query.
 */
import type { Kysely, Transaction } from "kysely";

/** One connection of any driver whose placeholders are PostgreSQL's. Never a pool: each query might run elsewhere. */
export interface SqlConnection {
  query(sql: string, params?: unknown[]): Promise<unknown>;
}

/** A pool of connections, as the driver `pg` has it. */
export interface SqlPool<Connection extends SqlConnection = SqlConnection> {
  readonly totalCount: number;
  connect(): Promise<Connection & { release(destroy?: boolean): void }>;
  connect(callback: (...given: never[]) => void): void;
}

const setContext = "select pg_catalog.set_config('bulwark.context', $1, true)";

/** A handler's work in the database, as its caller. */
export interface InDatabase {
  /**
   * Runs work in a transaction that knows the caller; commits what it did, or rolls it back where it throws.
   *
   * @param db Kysely, the `Pool` of `pg`, or one connection that is in no transaction.
   * @param work Gets the transaction, and uses nothing else: what runs outside sees nothing.
   */
  <DB, Result>(db: Kysely<DB>, work: (transaction: Transaction<DB>) => Promise<Result>): Promise<Result>;
  <Connection extends SqlConnection, Result>(
    db: SqlPool<Connection>,
    work: (connection: Connection) => Promise<Result>,
  ): Promise<Result>;
  <Connection extends SqlConnection, Result>(
    db: Connection,
    work: (connection: Connection) => Promise<Result>,
  ): Promise<Result>;
}

/**
 * Runs work in a transaction with the caller's context; commits what it did, or rolls it back where it throws.
 *
 * @param db Kysely, the `Pool` of `pg`, or one connection that is in no transaction.
 * @param context What `callerContext` made; empty: nobody, who sees nothing.
 * @param work Gets the transaction, and uses nothing else: what runs outside sees nothing.
 * @returns what the work returns.
 * @throws whatever the work or the database throws.
 * @example
 * await withContext(pool, callerContext(security, caller, Date.now()), (connection) =>
 *   connection.query("select * from orders"),
 * );
 */
export function withContext<DB, Result>(
  db: Kysely<DB>,
  context: string,
  work: (transaction: Transaction<DB>) => Promise<Result>,
): Promise<Result>;
export function withContext<Connection extends SqlConnection, Result>(
  db: SqlPool<Connection>,
  context: string,
  work: (connection: Connection) => Promise<Result>,
): Promise<Result>;
export function withContext<Connection extends SqlConnection, Result>(
  db: Connection,
  context: string,
  work: (connection: Connection) => Promise<Result>,
): Promise<Result>;
export function withContext<Result>(
  db: AnyDatabase,
  context: string,
  work: (transaction: never) => Promise<Result>,
): Promise<Result> {
  return runAs(db, context, work);
}

/** @param contextOf Asked each time: the caller's context. */
export function inDatabaseAs(contextOf: () => string): InDatabase {
  return async <Result>(db: AnyDatabase, work: (transaction: never) => Promise<Result>) =>
    runAs(db, contextOf(), work);
}

/** Kysely, whatever its tables. */
interface AnyKysely {
  readonly selectNoFrom: unknown;
}
type AnyDatabase = AnyKysely | SqlPool | SqlConnection;

async function runAs<Result>(
  db: AnyDatabase,
  context: string,
  work: (transaction: never) => Promise<Result>,
): Promise<Result> {
  if ("selectNoFrom" in db) return inKysely(db as Kysely<unknown>, context, work);
  if (!("totalCount" in db)) return inTransaction(db, context, work);
  const connection = await db.connect();
  let clean = false;
  try {
    return await inTransaction(connection, context, work, () => {
      clean = true;
    });
  } finally {
    // One that may still be in the transaction must not go back to the pool.
    connection.release(!clean);
  }
}

function inKysely<Result>(
  db: Kysely<unknown>,
  context: string,
  work: (transaction: never) => Promise<Result>,
): Promise<Result> {
  return db.transaction().execute(async (transaction) => {
    await transaction
      .selectNoFrom((builder) => {
        const values = [builder.val("bulwark.context"), builder.val(context), builder.val(true)];
        return builder.fn<string>("pg_catalog.set_config", values).as("context");
      })
      .execute();
    return work(transaction as never);
  });
}

/** @param onEnd Called once the transaction has surely ended. */
async function inTransaction<Result>(
  connection: SqlConnection,
  context: string,
  work: (transaction: never) => Promise<Result>,
  onEnd: () => void = () => {},
): Promise<Result> {
  await connection.query("begin");
  let result: Result;
  try {
    await connection.query(setContext, [context]);
    result = await work(connection as never);
    refuseRollback(await connection.query("commit"));
  } catch (error) {
    try {
      await connection.query("rollback");
      onEnd();
    } catch {
      // The error that began it says more.
    }
    throw error;
  }
  onEnd();
  return result;
}

/** A transaction in which a statement failed is rolled back by its `commit`, without an error: the work hid the first one. */
function refuseRollback(ended: unknown): void {
  if ((ended as { readonly command?: unknown } | undefined)?.command === "ROLLBACK") {
    throw new Error("A statement of the transaction failed, and its error was hidden: nothing was written.");
  }
}
