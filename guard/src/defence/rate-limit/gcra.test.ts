import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { parseRate } from "../../contract/rate.ts";
import { createMemoryLimiter } from "./gcra.ts";

const rate = (text: string) => parseRate(text, "test");

describe("a limiter", () => {
  test("admits a quota at once, then one request for each share of the window", () => {
    const limiter = createMemoryLimiter(rate("3/3s"));
    assert.deepEqual(
      [0, 0, 0, 0, 999, 1_000, 1_000, 3_000, 3_000].map((at) => limiter.take("a", at)),
      [2, 1, 0, -1_000, -1, 0, -1_000, 1, 0],
    );
  });

  test("gives the whole quota back after a quiet window", () => {
    const limiter = createMemoryLimiter(rate("3/3s"));
    for (let count = 0; count < 10; count += 1) limiter.take("a", 0);
    assert.equal(limiter.take("a", 3_000), 2);
  });

  test("counts keys apart", () => {
    const limiter = createMemoryLimiter(rate("1/1s"));
    assert.deepEqual([limiter.take("a", 0), limiter.take("b", 0)], [0, 0]);
    assert.ok(limiter.take("a", 0) < 0 && limiter.take("b", 0) < 0);
  });

  test("is not emptied by a clock that steps back", () => {
    const limiter = createMemoryLimiter(rate("2/1m"));
    assert.deepEqual([limiter.take("a", 60_000), limiter.take("a", 60_000)], [1, 0]);
    assert.ok(limiter.take("a", 0) < 0);
  });

  test("never admits more than quota and what has flowed back, however requests arrive", () => {
    const arrivals = fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 300 });
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 1, max: 50 }), (gaps, quota) => {
        const limiter = createMemoryLimiter(rate(`${quota}/7s`));
        let now = 1_000_000;
        let admitted = 0;
        for (const gap of gaps) {
          now += gap;
          if (limiter.take("a", now) >= 0) admitted += 1;
          assert.ok(admitted <= quota + ((now - 1_000_000) * quota) / 7_000 + 0.001);
        }
      }),
    );
  });

  test("says how long to wait, and admits exactly then", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 97 }), fc.integer({ min: 1, max: 120 }), (quota, seconds) => {
        const limiter = createMemoryLimiter(rate(`${quota}/${seconds}s`));
        let wait = 0;
        while (wait >= 0) wait = limiter.take("a", 5_000);
        assert.ok(limiter.take("a", 5_000 - wait) >= 0);
      }),
    );
  });

  test("keeps no more keys than it may, and keeps those in use", () => {
    const limiter = createMemoryLimiter(rate("1/1h"), 100);
    for (let count = 0; count < 99; count += 1) limiter.take(`old-${count}`, 0);
    limiter.take("in use", 3_599_000);
    // The old keys' hour has passed: the newcomers take their places, not the place of the one in use.
    for (let count = 0; count < 90; count += 1) limiter.take(`new-${count}`, 3_600_000);
    assert.ok(limiter.take("in use", 3_600_000) < 0);
  });
});
