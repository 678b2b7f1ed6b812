/** Rows as JSON: what a rule decides on a row it decides on the row that was written down and read again. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { ContractError, type RefusalCode } from "../../contract/refusal.ts";
import type { Condition } from "../conditions/condition.ts";
import { compileDecision, type Row, RowShapeError } from "../conditions/decide.ts";
import {
  type RowShape,
  readChanges,
  readRecordedRow,
  readRow,
  rowShape,
  writeChanges,
  writeRow,
} from "./row-data.ts";
import { type ContractParts, condition, createContract, nowMs } from "./testing/random-contract.ts";

const facts = { id: "alice", claims: { team: "red", level: 5, teams: ["red"] } };
const shape: RowShape = {
  attributes: {
    id: "string",
    ownerId: "string",
    team: "string",
    total: "number",
    flag: "boolean",
    at: "date",
  },
  relations: { customer: { id: "string", region: "string", limit: "number" } },
};

/** Anything that a driver, or a careless query, may give for a value. */
const oddity = fc.constantFrom<unknown[]>(
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 5, 2 ** 53, 1e308, 5n],
  ...[
    "5.00",
    "NaN",
    "Infinity",
    "007",
    "5,0",
    "",
    "red",
    "alice",
    "\u0000",
    "\ud800",
    "2026-01-01T00:00:00.000Z",
  ],
  ...[true, false, 0, 1, 2, null, undefined, [], {}, Symbol("x")],
  ...[new Date(nowMs), new Date(Number.NaN), new Date(8.64e15), new Date(-62_135_596_800_001)],
);
const oddRow = fc.dictionary(
  fc.constantFrom("id", "ownerId", "team", "total", "flag", "at", "undeclared"),
  oddity,
);
const related = fc.oneof(
  fc.dictionary(fc.constantFrom("id", "region", "limit", "secret"), oddity),
  fc.constantFrom<unknown[]>(null, undefined, 7, []),
);

const outcomeOf = (rule: Condition, row: Row): boolean | "undecidable" => {
  try {
    return compileDecision(rule)(row, facts, nowMs);
  } catch (error) {
    if (error instanceof RowShapeError) return "undecidable";
    throw error;
  }
};

describe("a row as JSON", () => {
  test("is decided as the row is, whatever the row and the rule", () => {
    const seen = { true: 0, false: 0, undecidable: 0 };
    fc.assert(
      fc.property(condition, oddRow, related, (rule, own, customer) => {
        const row = customer === undefined ? own : { ...own, customer };
        const again = readRecordedRow(JSON.parse(JSON.stringify(writeRow(row, shape))), shape);
        const expected = outcomeOf(rule, row);
        assert.equal(outcomeOf(rule, again), expected);
        seen[`${expected}`] += 1;
      }),
      { numRuns: 5_000 },
    );
    assert.ok(Math.min(seen.true, seen.false) > 50, JSON.stringify(seen));
  });

  test("holds what is declared, and of related rows what some condition looks at", () => {
    const row = {
      id: "1",
      at: new Date(nowMs),
      secret: "s",
      customer: { id: "1", region: "north", secret: "s" },
    };
    assert.deepEqual(writeRow(row, shape), {
      id: "1",
      at: "2026-01-01T00:00:00.000Z",
      customer: { id: "1", region: "north" },
    });
    assert.deepEqual(writeChanges({ id: "1", password: "hunter2", total: 5 }, shape), {
      id: "1",
      password: null,
      total: 5,
    });
  });

  test("is looked up in the contract's own conditions", () => {
    const none: Omit<ContractParts, "first" | "second"> = {
      user: [],
      editor: [],
      manager: [],
      admin: [],
      database: "sqlite",
    };
    const of = (first: Condition) =>
      rowShape(createContract({ ...none, first, second: first }), "thing").relations;
    fc.assert(
      fc.property(condition, (rule) => {
        const found = of(rule).customer;
        assert.equal(found === undefined, !JSON.stringify(rule).includes('"kind":"related"'));
        if (found !== undefined) assert.equal(found.id, "string", "its key is always needed");
      }),
      { numRuns: 200 },
    );
  });
});

describe("a row that a person writes", () => {
  test("is read by the attributes' types", () => {
    const given = {
      id: "1",
      total: "5.00",
      flag: true,
      at: "2026-01-01T01:00:00+01:00",
      customer: { id: "1" },
    };
    const read = readRow(given, shape, "row");
    assert.deepEqual(read, { ...given, at: new Date(nowMs) });
    assert.deepEqual(readRow({ id: null, customer: null }, shape, "row"), { id: null, customer: null });
    assert.deepEqual(readChanges({ password: "x", at: nowMs }, shape, "changes"), {
      password: "x",
      at: nowMs,
    });
  });

  const wrong: readonly (readonly [name: string, row: unknown, place: string, code: RefusalCode])[] = [
    ["an unknown attribute", { owner: "a" }, "row.owner", "attribute_unknown"],
    ["a name that every object has", { constructor: "a" }, "row.constructor", "attribute_unknown"],
    ["a number for text", { id: 1 }, "row.id", "option_invalid"],
    ["text for a number", { total: "high" }, "row.total", "option_invalid"],
    [
      "a number of more digits than a double has",
      { total: "9007199254740993" },
      "row.total",
      "option_invalid",
    ],
    ["a day for an instant", { at: "2026-01-01" }, "row.at", "option_invalid"],
    ["an instant that no database holds", { at: "+012026-01-01T00:00:00Z" }, "row.at", "option_invalid"],
    [
      "an unknown attribute of a related row",
      { customer: { name: "x" } },
      "row.customer.name",
      "attribute_unknown",
    ],
    ["a list", [], "row", "option_invalid"],
    ["nothing", null, "row", "option_invalid"],
  ];
  for (const [name, row, place, code] of wrong) {
    test(`is refused for ${name}, with its place`, () => {
      assert.throws(
        () => readRow(row, shape, "row"),
        (error) => error instanceof ContractError && error.place === place && error.code === code,
      );
    });
  }
});
