/** What a condition means, in memory and in a query; that both cover the same rows is `agreement/`'s to show. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { describe, test } from "node:test";
import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from "kysely";
import { resource } from "../../contract/resource.ts";
import { type Condition, not, principal } from "./condition.ts";
import { compileDecision, type Row, RowShapeError } from "./decide.ts";
import { createFilter } from "./filter.ts";
import type { PrincipalFacts } from "./operand.ts";

const thing = resource("thing", {
  actions: ["read"],
  attributes: { text: "string", number: "number", flag: "boolean" },
});

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

const database = new DatabaseSync(":memory:");
database.exec(`create table thing (id integer primary key, text text, number real, flag integer);
  insert into thing (text, number, flag) values ('a', 1, 1), ('b', null, 0), (null, 2, null)`);
const rows: readonly Row[] = database.prepare("select * from thing").all();

const nowMs = Date.UTC(2026, 0, 1);
const filterOf = (allowed: readonly (Condition | undefined)[]) =>
  createFilter({ allowed, denied: [] }, { dialect: "sqlite", facts, nowMs });

const facts: PrincipalFacts = {
  id: "a",
  claims: { team: "red", level: 1, odd: Number.NaN, list: ["red"], nil: null },
};

const { where } = thing;
describe("a condition", () => {
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

  for (const { text, number } of [
    { text: "9007199254740992", number: 2 ** 53 },
    { text: "1152921504606846976", number: 2 ** 60 },
    { text: "-0", number: 0 },
    { text: "0.10", number: 0.1 },
    { text: `0.${"0".repeat(323)}5`, number: 5e-324 },
    { text: "Infinity", number: Number.POSITIVE_INFINITY },
    { text: "-Infinity", number: Number.NEGATIVE_INFINITY },
  ]) {
    test(`takes ${text.slice(0, 20)}, as a driver gives it, for the number that it is`, () => {
      assert.equal(compileDecision(where.number.eq(number))({ number: text }, facts, nowMs), true);
    });
  }

  for (const text of [
    "9007199254740993",
    "1152921504606847000",
    "0.1000000000000000055",
    "9".repeat(350),
    "1e3",
    " 1",
    "",
    "infinity",
    "0x10",
  ]) {
    test(`cannot be decided on ${text.slice(0, 20) || "no text"}, which no double is`, () => {
      const decide = compileDecision(not(where.number.eq(1)));
      assert.throws(() => decide({ number: text }, facts, nowMs), RowShapeError);
    });
  }

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
