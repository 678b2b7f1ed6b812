/**
 * The world in PostgreSQL: the filter's reading of many rules in one query, and that of row-level security, where each
 * rule's table is read without any filter by an ordinary role.
 */
import type { Client } from "pg";
import type { Row } from "../../conditions/decide.ts";
import type { RowFilter } from "../../conditions/filter.ts";
import type { PrincipalFacts } from "../../conditions/operand.ts";
import { callerContext, withContext } from "../../row-level-security/index.ts";
import { openSecured } from "../../row-level-security/testing/secured-database.ts";
import type { Cases } from "./cases.ts";
import { toRows } from "./rows.ts";
import {
  attributeNames,
  columnNames,
  customerAttributes,
  customerRows,
  customerTable,
  insertInto,
  literals,
  nowMs,
  ownRows,
  quote,
  sharedRows,
  tableDefinitions,
} from "./world.ts";

export interface PostgresWorld {
  readonly rows: readonly Row[];
  /** The rows that each filter leaves. */
  filtered(filters: readonly RowFilter[]): Promise<readonly (readonly number[])[]>;
  /** The rows that each rule's table shows to the caller. */
  visible(facts: PrincipalFacts): Promise<readonly (readonly number[])[]>;
  /** The same of every third rule, where the transaction has no context, or an empty one. */
  visibleToNobody(context: string | undefined): Promise<readonly (readonly number[])[]>;
  close(): Promise<void>;
}

const table = 'th"ing';

/** @param made The rules, in contracts of some each: a context speaks of every table of its contract. */
export async function openPostgresWorld(url: string, made: readonly Cases[]): Promise<PostgresWorld> {
  const things = made.flatMap(({ cases }) => cases.map(({ thing }) => thing.table));
  const setUp = [
    ...tableDefinitions("postgresql", table),
    insertInto(table, [...sharedRows, ...ownRows.postgresql], literals.postgresql),
    insertInto(customerTable, customerRows, literals.postgresql),
    ...things.map((name) => `create table ${quote(name)} as table ${quote(table)}`),
    // No reading may depend on where the session says it is.
    "alter role app set timezone = 'America/New_York'",
  ];
  const database = await openSecured(url, setUp.join(";\n"));
  for (const { security } of made) await database.secure(security);
  const { owner, app } = database;
  const read = async (name: string) => (await owner.query(`select * from ${quote(name)} order by "id"`)).rows;
  const some = things.filter((_, index) => index % 3 === 0);
  const show = (client: Pick<Client, "query">, tables: readonly string[]) =>
    each(
      client,
      tables.map((name) => `select "id" from ${quote(name)}`),
      [],
    );
  return {
    rows: toRows(
      await read(table),
      await read(customerTable),
      columnNames,
      attributeNames,
      customerAttributes,
    ),
    async filtered(filters) {
      const params: unknown[] = [];
      const queries = filters.map((filter) => {
        const part = filter.toSql(params.length + 1);
        params.push(...part.params);
        return `select "id" from ${quote(table)} where ${part.sql}`;
      });
      return each(owner, queries, params);
    },
    async visible(facts) {
      const found: (readonly number[])[] = [];
      for (const { security, role, cases } of made) {
        const caller = {
          authority: security.roles.authorityOf([role]),
          assurance: { level: -1, authenticatedAtMs: Number.NEGATIVE_INFINITY },
          principal: facts,
        };
        const tables = cases.map(({ thing }) => thing.table);
        const context = callerContext(security, caller, nowMs);
        found.push(...(await withContext(app, context, (connection) => show(connection, tables))));
      }
      return found;
    },
    async visibleToNobody(context) {
      if (context !== undefined) return withContext(app, context, (connection) => show(connection, some));
      const client = await app.connect();
      try {
        return await show(client, some);
      } finally {
        client.release();
      }
    },
    close: () => database.close(),
  };
}

/** Many queries in one. */
async function each(
  client: Pick<Client, "query">,
  queries: readonly string[],
  params: unknown[],
): Promise<readonly (readonly number[])[]> {
  const numbered = queries.map(
    (query, index) => `select ${index} as n, array(${query} order by "id") as ids`,
  );
  const { rows } = await client.query(`${numbered.join(" union all ")} order by n`, params);
  return rows.map(({ ids }: { readonly ids: readonly number[] }) => ids);
}
