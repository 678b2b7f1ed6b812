import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { feedRetentionMs } from "./feed.ts";
import { createRevocations, type Revocable } from "./revocations.ts";

const token = (changes: Partial<Revocable> = {}): Revocable => ({
  subject: "alice",
  sessionId: "s1",
  tokenId: "t1",
  apiKeyId: undefined,
  ...changes,
});
const revoked = (target: object, beforeMs = 1_000) => ({ kind: "revoked", beforeMs, ...target }) as const;

describe("revocations", () => {
  const rows = [
    { name: "its subject, issued before", event: { subject: "alice" }, issuedAtMs: 999, expect: true },
    { name: "its subject, issued after", event: { subject: "alice" }, issuedAtMs: 1_000, expect: false },
    { name: "another subject", event: { subject: "bob" }, issuedAtMs: 0, expect: false },
    { name: "its session, whenever issued", event: { session: "s1" }, issuedAtMs: 5_000, expect: true },
    { name: "another session", event: { session: "s2" }, issuedAtMs: 0, expect: false },
    { name: "itself", event: { token: "t1" }, issuedAtMs: 5_000, expect: true },
    { name: "a subject with the session's name", event: { subject: "s1" }, issuedAtMs: 0, expect: false },
  ];
  for (const { name, event, issuedAtMs, expect } of rows) {
    test(`of ${name}: ${expect ? "revoked" : "good"}`, () => {
      const revocations = createRevocations();
      revocations.revoke(revoked(event), 0);
      assert.equal(revocations.epoch, 1);
      assert.equal(revocations.isRevoked(token(), issuedAtMs), expect);
    });
  }

  test("make stale what was looked up before, and not what is looked up after", () => {
    const revocations = createRevocations();
    revocations.revoke(revoked({ apiKey: "k1" }), 0);
    const key = token({ apiKeyId: "k1", sessionId: undefined });
    assert.equal(revocations.isStale(key, 0), true);
    assert.equal(revocations.isStale(key, 1), false);
    assert.equal(revocations.isStale(token(), 0), false);
    revocations.forgetLookups();
    assert.equal(revocations.isStale(token(), 1), true);
    assert.equal(revocations.isStale(token(), revocations.epoch), false);
  });

  test("never move a subject's moment back", () => {
    const revocations = createRevocations();
    revocations.revoke(revoked({ subject: "alice" }, 2_000), 0);
    revocations.revoke(revoked({ subject: "alice" }, 1_000), 0);
    assert.equal(revocations.isRevoked(token(), 1_500), true);
  });

  test("are forgotten when no token can be that old, and the younger ones kept", () => {
    const revocations = createRevocations();
    revocations.revoke(revoked({ session: "s1" }), 0);
    revocations.revoke(revoked({ session: "s2" }), feedRetentionMs - 1);
    assert.equal(revocations.isRevoked(token(), 0), true);
    revocations.revoke(revoked({ session: "s3" }), feedRetentionMs);
    assert.equal(revocations.isRevoked(token(), 0), false);
    assert.equal(revocations.isRevoked(token({ sessionId: "s2" }), 0), true);
  });

  test("beyond what can be kept refuse everything issued until now, and nothing after", () => {
    const revocations = createRevocations(3);
    for (const session of ["s1", "s2", "s3", "s4"]) revocations.revoke(revoked({ session }), 9_000);
    assert.equal(revocations.isRevoked(token(), 8_999), true);
    assert.equal(revocations.isRevoked(token({ subject: "bob", sessionId: undefined }), 8_999), true);
    assert.equal(revocations.isRevoked(token(), 9_000), false);
    assert.equal(revocations.isStale(token(), 3), true);
  });
});
