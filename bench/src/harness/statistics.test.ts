import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { median, medianRatio } from "./statistics.ts";

describe("median", () => {
  const rows = [
    { name: "one value", given: [7], expect: 7 },
    { name: "an odd count takes the middle", given: [9, 1, 5], expect: 5 },
    { name: "an even count takes the mean of the middle two", given: [4, 1, 3, 2], expect: 2.5 },
    { name: "one disturbed round does not move it", given: [100, 101, 102, 3], expect: 100.5 },
    { name: "sorts by number, not by text", given: [10, 9, 100], expect: 10 },
  ];
  for (const { name, given, expect } of rows) {
    test(name, () => assert.equal(median(given), expect));
  }

  test("refuses nothing at all", () => assert.throws(() => median([]), RangeError));
});

describe("medianRatio", () => {
  test("is the median of the rounds' ratios, not the ratio of the medians", () => {
    assert.equal(medianRatio([10, 40, 90], [10, 20, 30]), 2);
    assert.equal(medianRatio([10, 20, 90], [100, 10, 30]), 2);
  });

  test("a round that slowed both servers changes nothing", () => {
    assert.equal(medianRatio([80, 8, 80], [40, 4, 40]), 2);
  });

  test("refuses a different number of rounds", () => {
    assert.throws(() => medianRatio([1, 2], [1]), RangeError);
  });
});
