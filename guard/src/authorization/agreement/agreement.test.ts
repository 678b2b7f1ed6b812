/** One rule, read in four ways: decided in memory, filtered by SQLite and by PostgreSQL, and as row-level security. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { postgresMissing, startPostgres, type TestPostgres } from "../../../../testing/postgres.ts";
import { type Case, createCases, decidedRows, filterOf, rulesOf } from "./testing/cases.ts";
import { corpus } from "./testing/corpus.ts";
import { openPostgresWorld, type PostgresWorld } from "./testing/postgres-world.ts";
import { randomRule } from "./testing/random-rules.ts";
import { openSqliteWorld } from "./testing/sqlite-world.ts";
import { callers, sharedRows } from "./testing/world.ts";

const sampled = fc.sample(randomRule, { numRuns: 40, seed: 20_260_115 });
const rules = [...corpus, ...sampled];
/** How many rules share a contract. */
const together = 30;
const sqlite = openSqliteWorld();
const everyone = Object.entries(callers);

test("the corpus has at least 200 rules, no two alike", () => {
  assert.ok(corpus.length >= 200, `${corpus.length}`);
  assert.equal(new Set(corpus.map(String)).size, corpus.length);
});

describe("a rule in memory and in SQLite", () => {
  test("covers the same rows", (t) => {
    const made = createCases(rules, "sqlite");
    let compared = 0;
    for (const [index, one] of made.cases.entries()) {
      const known = rulesOf(made, one);
      for (const [who, facts] of everyone) {
        const filter = filterOf(one, facts, "sqlite");
        const expected = decidedRows(known, sqlite.rows, facts, "sqlite");
        assert.deepEqual(sqlite.filtered(filter), expected, message(one, who));
        compared += sqlite.rows.length;
        if (index % 5 > 0) continue;
        assert.deepEqual(sqlite.filteredByKysely(filter), expected, message(one, who));
        compared += sqlite.rows.length;
      }
    }
    t.diagnostic(`${compared} comparisons`);
  });

  test("covers the same rows, whatever the rule", (t) => {
    let compared = 0;
    fc.assert(
      fc.property(randomRule, fc.constantFrom(...everyone), (rule, [who, facts]) => {
        const made = createCases([rule], "sqlite");
        for (const one of made.cases) {
          const expected = decidedRows(rulesOf(made, one), sqlite.rows, facts, "sqlite");
          assert.deepEqual(sqlite.filtered(filterOf(one, facts, "sqlite")), expected, message(one, who));
          compared += sqlite.rows.length;
        }
      }),
      { numRuns: 400 },
    );
    t.diagnostic(`${compared} comparisons`);
  });
});

describe("a rule in memory and in PostgreSQL", () => {
  const made = rules.flatMap((_, first) =>
    first % together > 0 ? [] : [createCases(rules.slice(first, first + together), "postgresql", first)],
  );
  const cases = made.flatMap((some) => some.cases.map((one) => ({ one, known: rulesOf(some, one) })));
  let postgres: TestPostgres | undefined;
  let world: PostgresWorld | undefined;
  before(async () => {
    postgres = await startPostgres();
    if (postgres !== undefined) world = await openPostgresWorld(postgres.url, made);
  });
  after(async () => {
    await world?.close();
    await postgres?.stop();
  });

  const compare = (
    rows: PostgresWorld["rows"],
    found: (who: string) => readonly (readonly number[])[] | undefined,
  ) => {
    let compared = 0;
    const covered = { none: 0, some: 0, all: 0 };
    for (const [who, facts] of everyone) {
      for (const [index, { one, known }] of cases.entries()) {
        const expected = decidedRows(known, rows, facts, "postgresql");
        assert.deepEqual(found(who)?.[index], expected, message(one, who));
        // And what both databases store, both cover.
        const inSqlite = decidedRows(known, sqlite.rows, facts, "sqlite");
        assert.deepEqual(inSqlite.filter(isShared), expected.filter(isShared), message(one, who));
        covered[expected.length === 0 ? "none" : expected.length < rows.length ? "some" : "all"] += 1;
        compared += rows.length;
      }
    }
    // Were nearly all rules to cover nothing, agreement would say little.
    assert.ok(covered.some > cases.length * 2, JSON.stringify(covered));
    return `${compared} comparisons, ${JSON.stringify(covered)}`;
  };

  test("covers the same rows as the query's filter", async (t) => {
    if (world === undefined) return t.skip(postgresMissing);
    const found = new Map<string, readonly (readonly number[])[]>();
    for (const [who, facts] of everyone) {
      found.set(who, await world.filtered(cases.map(({ one }) => filterOf(one, facts, "postgresql"))));
    }
    t.diagnostic(compare(world.rows, (who) => found.get(who)));
  });

  test("covers the same rows as row-level security, with no filter in the query", async (t) => {
    if (world === undefined) return t.skip(postgresMissing);
    const found = new Map<string, readonly (readonly number[])[]>();
    for (const [who, facts] of everyone) found.set(who, await world.visible(facts));
    t.diagnostic(compare(world.rows, (who) => found.get(who)));
  });

  for (const [name, context] of [
    ["has no context", undefined],
    ["has an empty context", ""],
    ["has a context that says nothing", "{}"],
  ] as const) {
    test(`shows no row where the transaction ${name}`, async (t) => {
      if (world === undefined) return t.skip(postgresMissing);
      const visible = await world.visibleToNobody(context);
      assert.equal(visible.length, Math.ceil(cases.length / 3));
      assert.deepEqual(visible.flat(), []);
    });
  }
});

function isShared(id: number): boolean {
  return id <= sharedRows.length;
}

function message({ text }: Case, who: string): string {
  return `${text}\nfor the caller ${who}`;
}
