import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createTokenCache } from "./token-cache.ts";

describe("the token cache", () => {
  test("gives back what it was given, until it expires", () => {
    const cache = createTokenCache<string>();
    cache.set("token", "alice", 1_000);
    assert.equal(cache.get("token", 999), "alice");
    assert.equal(cache.get("token", 1_000), undefined);
    assert.equal(cache.get("other", 0), undefined);
  });

  test("does not take one token for another with the same signature", () => {
    const cache = createTokenCache<string>();
    const signature = "s".repeat(86);
    cache.set(`header.claims.${signature}`, "alice", 1_000);
    assert.equal(cache.get(`header.other.${signature}`, 0), undefined);
    assert.equal(cache.get(signature.slice(-43), 0), undefined);
    assert.equal(cache.get(`header.claims.${signature}`, 0), "alice");
  });

  test("keeps at most two generations, and what is used among them", () => {
    const cache = createTokenCache<number>({ entries: 10, characters: 10_000 });
    cache.set("used", -1, 1_000);
    for (let index = 0; index < 1_000; index += 1) {
      cache.set(`token-${index}`, index, 1_000);
      assert.equal(cache.get("used", 0), -1);
    }
    const kept = Array.from({ length: 1_000 }, (_, index) => cache.get(`token-${index}`, 0)).filter(
      (value) => value !== undefined,
    );
    assert.ok(kept.length < 20, `${kept.length} are kept`);
  });

  test("is bounded in characters too", () => {
    const cache = createTokenCache<number>({ entries: 1_000, characters: 100 });
    for (let index = 0; index < 10; index += 1) cache.set(`${index}`.repeat(60), index, 1_000);
    const kept = Array.from({ length: 10 }, (_, index) => cache.get(`${index}`.repeat(60), 0)).filter(
      (value) => value !== undefined,
    );
    assert.deepEqual(kept, [8, 9]);
  });

  test("counts what was answered about a credential, and keeps no answer that is more than the room", () => {
    const cache = createTokenCache<number>({ entries: 1_000, characters: 100 });
    for (let index = 0; index < 10; index += 1) cache.set(`token${index}`, index, 1_000, 40);
    const kept = Array.from({ length: 10 }, (_, index) => cache.get(`token${index}`, 0)).filter(
      (one) => one !== undefined,
    );
    assert.ok(kept.length <= 4, `${kept.length} are kept`);
    cache.set("large", 1, 1_000, 100);
    assert.equal(cache.get("large", 0), undefined);
  });
});
