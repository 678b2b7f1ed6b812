/** Numbers that are what they say, and those that no double can be. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { parseExactly } from "./exact-json.ts";

describe("JSON read exactly", () => {
  const exact: Readonly<Record<string, number>> = {
    "0": 0,
    "-0": -0,
    "0.000": 0,
    "5": 5,
    "5.0": 5,
    "5.00e0": 5,
    "0.1": 0.1,
    "1e21": 1e21,
    "1000000000000000000000": 1e21,
    "9007199254740992": 2 ** 53,
    "5e-324": 5e-324,
    "1.7976931348623157e+308": Number.MAX_VALUE,
  };
  for (const [text, value] of Object.entries(exact)) {
    test(`keeps ${text}`, () => assert.deepEqual(parseExactly(`{"n":[${text}]}`), { n: [value] }));
  }

  const inexact = [
    "9007199254740993",
    "0.1000000000000000055",
    "1e400",
    "-1e400",
    "1e-400",
    "12345678901234567890.5",
  ];
  for (const text of inexact) {
    test(`gives no number for ${text}`, () => assert.deepEqual(parseExactly(`[${text}]`), [Number.NaN]));
  }

  test("gives no number for one that is long beyond all measure, at once", () => {
    const begun = performance.now();
    assert.deepEqual(parseExactly(`[1${"0".repeat(200_000)}1, 0.${"0".repeat(200_000)}1]`), [
      Number.NaN,
      Number.NaN,
    ]);
    assert.ok(performance.now() - begun < 1_000);
  });

  test("keeps everything that JavaScript writes", () => {
    fc.assert(
      fc.property(fc.json(), (text) => assert.deepEqual(parseExactly(text), JSON.parse(text))),
      { numRuns: 500, seed: 3 },
    );
  });

  test("tells nothing of what it cannot read", () => {
    assert.throws(
      () => parseExactly('{"secret": tru'),
      (error: Error) => !error.message.includes("secret"),
    );
  });
});
