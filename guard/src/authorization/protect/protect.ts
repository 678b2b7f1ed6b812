/**
 * The write guard and the filter in the query: a Kysely database whose every statement keeps to what one caller may do.
 *
 * Against the query that forgets its `where`. The protection is a step of the executor itself, after every plugin: it
 * sees what the database will see, and `withoutPlugins()` does not take it off. A compiled statement runs only where it was
 * compiled under the same protection.
 */
import type { CompiledQuery, KyselyPlugin, QueryExecutor, RootOperationNode } from "kysely";
import { ContractError, refuseUnknownKeys } from "../../contract/refusal.ts";
import type { Resource } from "../../contract/resource.ts";
import type { RowAccess } from "../access.ts";
import type { Dialect } from "../conditions/sql/parts.ts";
import { ProtectionError } from "./errors.ts";
import { fromKysely, make, type Node, toKysely, valueNode } from "./nodes.ts";
import { createTables } from "./tables.ts";
import { guardStatement, type WalkContext } from "./walk.ts";

export interface ProtectOptions {
  /** The resources whose tables stay without any protection, by name; default none. Warned of once. */
  readonly dangerouslyUnprotected?: readonly string[];
}

/** What `protect` asks of a Kysely database, or of a transaction. */
export interface Protectable {
  withPlugin(plugin: KyselyPlugin): Protectable;
  getExecutor(): QueryExecutor;
}

/**
 * The same database for one caller: its queries find and change only what the caller may.
 *
 * @param db A Kysely database or transaction.
 * @param access What the caller may do: `request.protect(db)` takes the request's own, `accessOf` makes one elsewhere.
 * @returns a database of the same type. What it throws: `WriteDeniedError`, `ProtectionError`.
 * @throws {ContractError} `option_invalid` where the database is not the contract's, or two resources have one table;
 *   `option_unknown`, `resource_unknown`
 * @example
 * const mine = protect(db, access);
 * await mine.selectFrom("order").selectAll().execute(); // the caller's rows
 */
export function protect<Database extends Protectable>(
  db: Database,
  access: RowAccess,
  options: ProtectOptions = {},
  onRead?: (resource: Resource) => void,
): Database {
  refuseUnknownKeys(options, ["dangerouslyUnprotected"], "protect");
  const { dangerouslyUnprotected = [] } = options;
  const tables = createTables(access.security, dangerouslyUnprotected);
  // Kysely makes a database, and an executor, of its own for each plugin.
  const own = db.withPlugin(placeholder) as Database;
  const executor = own.getExecutor();
  refuseOtherDialect(executor, access.security.database);
  for (const name of dangerouslyUnprotected) warnOnce(name);
  seal(executor, { context: { access, tables, onRead }, guarded: new WeakSet(), compiled: new WeakSet() });
  return own;
}

const placeholder: KyselyPlugin = Object.freeze({
  transformQuery: ({ node }) => node,
  transformResult: async ({ result }) => result,
} satisfies KyselyPlugin);

/** Which dialect it writes, by what it writes. */
function refuseOtherDialect(executor: QueryExecutor, expected: Dialect): void {
  const parameters = [make("IdentifierNode", { name: 'a"b' }), valueNode(1)];
  const probe = make("RawNode", { sqlFragments: ["", " ", ""], parameters });
  const { sql } = executor.compileQuery(toKysely(probe), { queryId: "bulwark" });
  const written: Readonly<Record<string, Dialect>> = { '"a""b" ?': "sqlite", '"a""b" $1': "postgresql" };
  const dialect = Object.hasOwn(written, sql) ? written[sql] : undefined;
  if (dialect === expected) return;
  const found = dialect ?? "neither SQLite's nor PostgreSQL's";
  throw new ContractError(
    "option_invalid",
    "protect",
    `The contract is for ${expected}, the dialect is ${found}.`,
  );
}

const warned = new Set<string>();

function warnOnce(name: string): void {
  if (warned.has(name)) return;
  warned.add(name);
  process.emitWarning(`The rows of \`${name}\` are protected in no query.`, { code: "BULWARK_UNPROTECTED" });
}

interface Protection {
  readonly context: WalkContext;
  /** Statements that have been guarded: they may be compiled to be run, and stand within others. */
  readonly guarded: WeakSet<Node>;
  readonly compiled: WeakSet<CompiledQuery>;
}

/** Makes the protection part of an executor, and of all that come from it. */
function seal<Executor extends QueryExecutor>(executor: Executor, protection: Protection): Executor {
  const { context, guarded, compiled } = protection;
  const check = (query: CompiledQuery): void => {
    if (!compiled.has(query))
      throw new ProtectionError("query_unseen", "It was not compiled under this protection.");
  };
  const transformQuery = executor.transformQuery.bind(executor);
  const compileQuery = executor.compileQuery.bind(executor);
  const executeQuery = executor.executeQuery.bind(executor);
  const stream = executor.stream.bind(executor);
  const members = {
    transformQuery<T extends RootOperationNode>(node: T, queryId: Parameters<typeof transformQuery>[1]): T {
      if (guarded.has(fromKysely(node))) return node;
      const statement = guardStatement(fromKysely(transformQuery(node, queryId)), context);
      guarded.add(statement);
      return toKysely(statement) as T;
    },
    compileQuery(...given: Parameters<typeof compileQuery>): CompiledQuery {
      const query = compileQuery(...given);
      if (guarded.has(fromKysely(given[0]))) compiled.add(query);
      return query;
    },
    async executeQuery(...given: Parameters<typeof executeQuery>) {
      check(given[0]);
      return executeQuery(...given);
    },
    stream(...given: Parameters<typeof stream>) {
      check(given[0]);
      return stream(...given);
    },
  };
  const derive = Object.fromEntries(
    (
      ["withPlugin", "withPlugins", "withPluginAtFront", "withConnectionProvider", "withoutPlugins"] as const
    ).map((name) => {
      const make = executor[name].bind(executor) as (...given: unknown[]) => QueryExecutor;
      return [name, (...given: unknown[]) => seal(make(...given), protection)];
    }),
  );
  for (const [name, value] of Object.entries({ ...members, ...derive })) {
    Object.defineProperty(executor, name, { value });
  }
  return executor;
}
