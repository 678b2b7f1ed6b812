import assert from "node:assert/strict";
import { generateKeyPairSync, sign, verify } from "node:crypto";
import { test } from "node:test";
import { toDer } from "./ecdsa-signature.ts";

const curves = [
  { curve: "prime256v1", bytes: 32 },
  { curve: "secp384r1", bytes: 48 },
  { curve: "secp521r1", bytes: 66 },
];

for (const { curve, bytes } of curves) {
  test(`a signature on ${curve} verifies in its other form, and only at its length`, () => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: curve });
    // Enough for numbers with and without leading zeros and set first bits.
    for (let count = 0; count < 300; count += 1) {
      const data = Buffer.from(`message ${count}`);
      const raw = sign("sha256", data, { key: privateKey, dsaEncoding: "ieee-p1363" });
      const der = toDer(raw, bytes);
      assert.ok(der !== undefined && verify("sha256", data, publicKey, der));
      raw[count % raw.length] = (raw[count % raw.length] ?? 0) ^ 1;
      assert.equal(verify("sha256", data, publicKey, toDer(raw, bytes) ?? Buffer.alloc(0)), false);
    }
    for (const length of [0, 1, bytes, 2 * bytes - 1, 2 * bytes + 1]) {
      assert.equal(toDer(Buffer.alloc(length, 1), bytes), undefined);
    }
  });
}

test("numbers are spelt in the one way that DER has", () => {
  const raw = Buffer.alloc(64);
  assert.equal(toDer(raw, 32)?.toString("hex"), "3006020100020100");
  raw[31] = 0x7f;
  raw[63] = 0x80;
  assert.equal(toDer(raw, 32)?.toString("hex"), "300702017f02020080");
});
