/** Kysely over an SQLite in memory, through `node:sqlite`. */
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { Kysely, SqliteDialect } from "kysely";

export interface MemoryDatabase<Tables> {
  /** The database itself: what it holds, whoever asks. */
  readonly raw: DatabaseSync;
  readonly db: Kysely<Tables>;
}

export function openMemory<Tables>(definitions: string): MemoryDatabase<Tables> {
  const raw = new DatabaseSync(":memory:");
  raw.exec(definitions);
  const bound = (parameters: readonly unknown[]) => parameters as readonly SQLInputValue[];
  const dialect = new SqliteDialect({
    database: {
      close: () => raw.close(),
      prepare(sql) {
        const statement = raw.prepare(sql);
        return {
          reader: statement.columns().length > 0,
          all: (parameters) => statement.all(...bound(parameters)),
          run: (parameters) => statement.run(...bound(parameters)),
          iterate: (parameters) => statement.iterate(...bound(parameters)),
        };
      },
    },
  });
  return { raw, db: new Kysely<Tables>({ dialect }) };
}
