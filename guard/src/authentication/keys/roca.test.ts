import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { isRocaModulus } from "./roca.ts";

/** The product of two numbers of the faulty generator's form: k·M + (65537^a mod M), M a product of small primes. */
function markedModulus(): string {
  const primes = [
    2n,
    3n,
    5n,
    7n,
    11n,
    13n,
    17n,
    19n,
    23n,
    29n,
    31n,
    37n,
    41n,
    43n,
    47n,
    53n,
    59n,
    61n,
    67n,
    71n,
    73n,
  ];
  const more = [
    79n,
    83n,
    89n,
    97n,
    101n,
    103n,
    107n,
    109n,
    113n,
    127n,
    131n,
    137n,
    139n,
    149n,
    151n,
    157n,
    163n,
    167n,
  ];
  const product = [...primes, ...more].reduce((sofar, prime) => sofar * prime, 1n);
  const factor = (k: bigint, exponent: number) => {
    let power = 1n;
    for (let count = 0; count < exponent; count += 1) power = (power * 65_537n) % product;
    return k * product + power;
  };
  const hex = (factor(12_345n, 1_001) * factor(67_890n, 777)).toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex").toString("base64url");
}

test("knows the mark of the faulty generator, and takes sound keys for sound", () => {
  assert.equal(isRocaModulus(markedModulus()), true);
  for (let count = 0; count < 5; count += 1) {
    const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    assert.equal(isRocaModulus(publicKey.export({ format: "jwk" }).n ?? ""), false);
  }
  assert.equal(isRocaModulus(""), false);
});
