import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCpuSeconds } from "./cpu-time.ts";

test("adds user and system time", () => {
  assert.equal(
    parseCpuSeconds("42 (node) S 1 42 42 0 -1 4194304 900 0 0 0 150 25 0 0 20 0 11 0 99 0 0"),
    1.75,
  );
});

test("is not misled by a command with blanks and brackets", () => {
  assert.equal(parseCpuSeconds("42 (a) R (b 9 9) S 1 42 42 0 -1 4194304 900 0 0 0 100 0 0 0 20 0"), 1);
});

test("has no answer for anything else", () => {
  assert.equal(parseCpuSeconds(""), undefined);
  assert.equal(parseCpuSeconds("42 (node) S 1 42"), undefined);
});
