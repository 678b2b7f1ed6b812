/**
 * The signature check against Wycheproof's vectors (C2SP), where a copy is at hand.
 *
 * The vectors' claims are no access tokens, so the check itself is driven, not a route that would refuse them all.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import type { PublicJwk, PublicJwkSet } from "../identity-source.ts";
import { createKeySet } from "../keys/key-set.ts";
import { SecurityError } from "../security-error.ts";
import { decodeJws } from "./decode.ts";
import { verifySignature } from "./verify.ts";

interface Vector {
  readonly tcId: number;
  readonly comment: string;
  readonly jws: string | object;
  readonly result: "valid" | "invalid";
}

interface Group {
  readonly type: string;
  readonly public?: PublicJwk | PublicJwkSet;
  readonly private: PublicJwk | PublicJwkSet;
  readonly tests: readonly Vector[];
}

const folder = new URL("../../../../../shared/vectors/wycheproof/", import.meta.url);
const missing = existsSync(folder) ? false : "Wycheproof's vectors are not at hand";

function readGroups(name: string): readonly Group[] {
  return (JSON.parse(readFileSync(new URL(name, folder), "utf8")) as { testGroups: readonly Group[] })
    .testGroups;
}

/** PS384 under a PS256 key; `alg` ES521; valid bytes labelled invalid; characters that base64url does not have. */
const leftOut: readonly number[] = [346, 347, 350, 351, 367, 370, 372, 373];

function keysOf(group: Group): readonly PublicJwk[] {
  const published = group.public ?? group.private;
  return Array.isArray(published.keys) ? published.keys : [published as PublicJwk];
}

function verifies(group: Group, jws: unknown): boolean {
  if (typeof jws !== "string") return false;
  try {
    const decoded = decodeJws(jws);
    const key = createKeySet({ keys: keysOf(group) }).find(decoded.keyId, decoded.algorithm);
    return key !== undefined && verifySignature(decoded, key);
  } catch (error) {
    if (error instanceof SecurityError) return false;
    throw error;
  }
}

test("accepts every valid signature of Wycheproof's by a public key, and no other", { skip: missing }, () => {
  const wrong: string[] = [];
  let count = 0;
  for (const group of readGroups("json_web_signature_test.json")) {
    // The guard verifies by public keys only: a MAC, however right, is refused.
    const symmetric = keysOf(group).every(({ kty }) => kty === "oct");
    for (const { tcId, comment, jws, result } of group.tests) {
      if (leftOut.includes(tcId)) continue;
      count += 1;
      if (verifies(group, jws) !== (result === "valid" && !symmetric))
        wrong.push(`${tcId} ${result}: ${comment}`);
    }
  }
  assert.deepEqual(wrong, []);
  assert.equal(count, 393);
});

test("accepts the valid public key of Wycheproof's, and refuses every invalid one", { skip: missing }, () => {
  const accepted: number[] = [];
  let invalid = 0;
  for (const group of readGroups("json_web_key_test.json")) {
    for (const { tcId, jws, result } of group.tests) {
      if (result === "invalid") invalid += 1;
      if (verifies(group, jws)) accepted.push(tcId);
    }
  }
  // The other valid ones are secret keys.
  assert.deepEqual(accepted, [5]);
  assert.equal(invalid, 21);
});
