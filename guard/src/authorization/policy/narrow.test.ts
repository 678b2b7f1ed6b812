/** A decision about one row, as a condition: the rows that it holds for. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { narrow, sameRow } from "./narrow.ts";
import { covered, filtered, inputAbout, openThings, someKey, thing } from "./testing/things.ts";

const { database, rows } = openThings();
const reachOf = (row: object) => sameRow(inputAbout({ ...row }).row ?? {}, thing.attribute);

describe("the rows that a decision holds for", () => {
  test("are those that are the same in every attribute, NULL and infinities included", () => {
    for (const row of rows) {
      const reach = reachOf(row);
      const { id: _, ...attributes } = row;
      const same = rows
        .filter(({ id: _, ...other }) =>
          Object.keys(other).every((name) => Object.is(plus(other[name]), plus(attributes[name]))),
        )
        .map(({ id }) => id);
      assert.deepEqual(covered(reach, rows), same);
      assert.deepEqual(filtered(database, reach), same);
      assert.ok(same.length >= 1);
    }
  });

  test("are none where a value compares with nothing", () => {
    const row = { ...rows[1], key: someKey, at: 0 };
    assert.notEqual(reachOf(row), "none");
    for (const change of [
      { total: Number.NaN },
      { team: "\0" },
      { key: someKey.toUpperCase() },
      { at: 1e17 },
    ]) {
      assert.equal(reachOf({ ...row, ...change }), "none");
    }
  });

  test("are all where there is nothing to compare", () => {
    assert.equal(sameRow({}, {}), "all");
  });
});

describe("what a policy leaves of a reach", () => {
  const condition = thing.where.team.eq("red");
  const reach = { allowed: [undefined, thing.where.paid.eq(true)], denied: [thing.where.total.lt(0)] };

  test("is never more than the reach", () => {
    assert.deepEqual(narrow(reach, "all"), reach);
    assert.deepEqual(narrow(reach, "none"), { allowed: [], denied: [] });
    assert.deepEqual(narrow(reach, condition).allowed, reach.allowed);
    assert.equal(narrow(reach, condition).denied.length, 2);
  });
});

/** To a database, 0 and -0 are one number. */
function plus(value: unknown): unknown {
  return value === 0 ? 0 : value;
}
