import assert from "node:assert/strict";
import { test } from "node:test";
import { measureFirstSight, measureMemory } from "./tokens.ts";

const few = { rounds: 2, tokensPerRound: 20, tokens: 2_000 };

test("first sight of a token costs at least its signature check; both are measured", () => {
  const { guardUs, verifyUs, ratio } = measureFirstSight(few);
  for (const figure of [guardUs, verifyUs, ratio]) assert.ok(Number.isFinite(figure) && figure > 0);
});

test("a remembered token takes memory: the guard that remembers it is alive when that is read", () => {
  const { bytesPerToken, tokenBytes } = measureMemory(few);
  assert.ok(tokenBytes > 200);
  assert.ok(bytesPerToken > 100, `${bytesPerToken} bytes`);
});
