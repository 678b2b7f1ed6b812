/** The world in SQLite, and the filter's reading there: as text for the driver, and as an expression of Kysely's. */
import { DatabaseSync } from "node:sqlite";
import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from "kysely";
import type { Row } from "../../conditions/decide.ts";
import type { RowFilter } from "../../conditions/filter.ts";
import { toRows } from "./rows.ts";
import {
  attributeNames,
  columnNames,
  customerAttributes,
  customerRows,
  customerTable,
  insertInto,
  literals,
  ownRows,
  quote,
  sharedRows,
  tableDefinitions,
} from "./world.ts";

export interface SqliteWorld {
  /** As the driver gives them, by attribute, each with its related row. */
  readonly rows: readonly Row[];
  filtered(filter: RowFilter): readonly number[];
  filteredByKysely(filter: RowFilter): readonly number[];
}

const table = 'th"ing';
const kysely = new Kysely<{ readonly [table]: { readonly id: number } }>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
});

export function openSqliteWorld(): SqliteWorld {
  const database = new DatabaseSync(":memory:");
  const statements = [
    ...tableDefinitions("sqlite", table),
    insertInto(table, [...sharedRows, ...ownRows.sqlite], literals.sqlite),
    insertInto(customerTable, customerRows, literals.sqlite),
  ];
  for (const statement of statements) database.exec(statement);
  const read = (name: string) => database.prepare(`select * from ${quote(name)} order by "id"`).all();
  const ask = (sql: string, params: readonly unknown[]) =>
    database
      .prepare(sql)
      .all(...(params as (string | number)[]))
      .map(({ id }) => id as number);
  return {
    rows: toRows(read(table), read(customerTable), columnNames, attributeNames, customerAttributes),
    filtered(filter) {
      const { sql, params } = filter.toSql();
      return ask(`select "id" from ${quote(table)} where ${sql} order by "id"`, params);
    },
    filteredByKysely(filter) {
      const query = kysely.selectFrom(table).select("id").where(filter).orderBy("id").compile();
      return ask(query.sql, query.parameters);
    },
  };
}
