/** Both readings of a condition, decided in memory and filtered by SQLite, cover the same rows. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { describe, test } from "node:test";
import fc from "fast-check";
import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from "kysely";
import { resource } from "../../contract/resource.ts";
import { all, any, type Condition, not, principal } from "./condition.ts";
import { compileDecision, type Row, RowShapeError } from "./decide.ts";
import { createFilter } from "./filter.ts";
import type { PrincipalFacts } from "./operand.ts";

const thing = resource("thing", {
  actions: ["read"],
  attributes: { text: "string", number: "number", flag: "boolean" },
});

const texts = [null, "", "a", "A", "é", "e\u0301", "a'b", '"', "%", "\u0000", "null", "0", "𝒳", "red"];
const numbers = [null, 0, -0, 1, -1, 0.1, 0.30000000000000004, 1e308, -1e308, 2 ** 53, 5e-324];
const flags = [null, 0, 1];

interface Schema {
  thing: { id: number; text: string | null; number: number | null; flag: number | null };
}

const builder = new Kysely<Schema>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
});

function openRows(): { readonly database: DatabaseSync; readonly rows: readonly Row[] } {
  const database = new DatabaseSync(":memory:");
  database.exec("create table thing (id integer primary key, text text, number real, flag integer)");
  const insert = database.prepare("insert into thing (text, number, flag) values (?, ?, ?)");
  for (const text of texts)
    for (const number of numbers) for (const flag of flags) insert.run(text, number, flag);
  return { database, rows: database.prepare("select * from thing").all() };
}

const { database, rows } = openRows();

const nowMs = Date.UTC(2026, 0, 1);
const filterOf = (allowed: readonly (Condition | undefined)[]) =>
  createFilter({ allowed, denied: [] }, { dialect: "sqlite", facts, nowMs });

function filtered(condition: Condition): readonly unknown[] {
  const query = builder
    .selectFrom("thing")
    .select("id")
    .where(filterOf([condition]))
    .orderBy("id")
    .compile();
  return database
    .prepare(query.sql)
    .all(...(query.parameters as string[]))
    .map((row) => row.id);
}

function decided(condition: Condition): readonly unknown[] {
  const decide = compileDecision(condition);
  return rows.filter((row) => decide(row, facts, nowMs)).map((row) => row.id);
}

const facts: PrincipalFacts = {
  id: "a",
  claims: { team: "red", level: 1, odd: Number.NaN, list: ["red"], nil: null },
};

const { where } = thing;
const operandOf = <T>(values: fc.Arbitrary<T>) =>
  fc.oneof(
    { weight: 4, arbitrary: values },
    fc.constant(principal.id),
    fc.constantFrom("team", "level", "odd", "list", "nil", "missing", "constructor").map(principal.claim),
  );
const textOperand = operandOf(
  fc.constantFrom(...texts.filter((text) => text !== null).filter((text) => text !== "\u0000")),
);
const numberOperand = operandOf(fc.constantFrom(...numbers.filter((number) => number !== null)));

const leaf: fc.Arbitrary<Condition> = fc.oneof(
  textOperand.map((value) => where.text.eq(value)),
  textOperand.map((value) => where.text.ne(value)),
  fc.array(textOperand, { minLength: 1, maxLength: 4 }).map((values) => where.text.in(values)),
  fc.array(textOperand, { minLength: 1, maxLength: 4 }).map((values) => where.text.notIn(values)),
  fc
    .tuple(fc.constantFrom("eq", "ne", "lt", "lte", "gt", "gte"), numberOperand)
    .map(([operator, value]) => where.number[operator as "lt"](value)),
  fc.boolean().map((value) => where.flag.eq(value)),
  fc.boolean().map((value) => where.flag.ne(value)),
  fc.constantFrom(where.text.isNull(), where.number.isNull(), where.flag.isNull()),
);

const { tree } = fc.letrec<{ tree: Condition }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie("tree"), { maxLength: 3 }).map((branches) => all(...branches)),
    fc.array(tie("tree"), { maxLength: 3 }).map((branches) => any(...branches)),
    tie("tree").map(not),
  ),
}));

describe("a condition", () => {
  test(`covers the same of ${rows.length} rows in memory and in SQLite, whatever the condition`, () => {
    fc.assert(
      fc.property(tree, (condition) => {
        assert.deepEqual(filtered(condition), decided(condition));
      }),
      { numRuns: 1_000 },
    );
  });

  test("is false where it compares with NULL, and its negation is true there", () => {
    const nullRow = { id: 0, text: null, number: null, flag: null };
    assert.equal(compileDecision(where.text.eq("a"))(nullRow, facts, nowMs), false);
    assert.equal(compileDecision(where.text.ne("a"))(nullRow, facts, nowMs), false);
    assert.equal(compileDecision(not(where.text.eq("a")))(nullRow, facts, nowMs), true);
  });

  test("compares a claim of another type, or one that is not there, as NULL", () => {
    const row = { id: 0, text: "red", number: 1, flag: 1 };
    assert.equal(compileDecision(where.text.eq(principal.claim("team")))(row, facts, nowMs), true);
    assert.equal(compileDecision(where.text.eq(principal.claim("list")))(row, facts, nowMs), false);
    assert.equal(compileDecision(where.text.eq(principal.claim("toString")))(row, facts, nowMs), false);
  });

  test("cannot be decided on a row without the attribute, or with it in another type", () => {
    const decide = compileDecision(not(where.text.eq("a")));
    assert.throws(() => decide({ number: 1 }, facts, nowMs), RowShapeError);
    assert.throws(() => decide({ text: 5 }, facts, nowMs), RowShapeError);
  });

  test("binds every value: hostile text stays text", () => {
    const hostile = "x' or 1=1 --";
    const query = builder
      .selectFrom("thing")
      .selectAll()
      .where(filterOf([where.text.eq(hostile)]))
      .compile();
    assert.equal(query.sql, 'select * from "thing" where "text" = ?');
    assert.deepEqual(query.parameters, [hostile]);
  });
});

describe("a filter", () => {
  test("of no grants covers no row, and of an unconditional grant every row", () => {
    const count = (conditions: readonly (Condition | undefined)[]) => {
      const query = builder.selectFrom("thing").selectAll().where(filterOf(conditions)).compile();
      return database.prepare(query.sql).all(...(query.parameters as string[])).length;
    };
    assert.equal(count([]), 0);
    assert.equal(count([undefined]), rows.length);
    assert.equal(count([where.text.eq("a"), undefined]), rows.length);
  });
});
