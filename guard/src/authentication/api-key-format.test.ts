import assert from "node:assert/strict";
import { test } from "node:test";
import { formatApiKey, parseApiKey } from "./api-key-format.ts";

const parts = { id: "0123456789abcdEF", secret: "a".repeat(42).concat("Z") };
const key = formatApiKey(parts);

test("reads the key it spells", () => {
  assert.match(key, /^bw_0123456789abcdEF_a{42}Z_[0-9A-Za-z]{6}$/);
  assert.deepEqual(parseApiKey(key), parts);
});

test("reads no other spelling: every single changed, missing or added character is refused", () => {
  for (let at = 0; at < key.length; at += 1) {
    for (const other of ["x", "0", "_", "é", "\0"]) {
      if (key[at] === other) continue;
      assert.equal(parseApiKey(key.slice(0, at) + other + key.slice(at + 1)), undefined);
    }
    assert.equal(parseApiKey(key.slice(0, at) + key.slice(at + 1)), undefined);
  }
  for (const text of [
    "",
    "bw_",
    ` ${key}`,
    `${key} `,
    `${key}\n`,
    key.toUpperCase(),
    "bw_".repeat(100_000),
  ]) {
    assert.equal(parseApiKey(text), undefined);
  }
});
