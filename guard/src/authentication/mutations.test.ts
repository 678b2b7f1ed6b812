/**
 * A hundred thousand spoilt tokens and proofs: none is accepted, none is an error of ours, none takes long.
 *
 * Each run starts from good ones, which are shown to be good at the end.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { defineSecurity } from "../contract/define-security.ts";
import { createJudge, type JudgedRequest } from "../pipeline/testing/judge.ts";
import { createClientKey, createIssuer } from "../testing/index.ts";
import { createKey, encodeJson, signJwt } from "../testing/sign.ts";

const runsEach = 50_000;
/** Slower than this on each of ten tries: no pause of the collector, and no other process, takes that many turns. */
const mostMs = 5;
const tries = 10;

const issuer = createIssuer();
const nowMs = issuer.clock.now();
const security = defineSecurity({ ...issuer.contract, resources: [], roles: {} });
const { judge } = createJudge({ security, now: issuer.clock.now });
const strangerKey = createKey("ES256");

type Json = Readonly<Record<string, unknown>>;
type Mutation = (jws: string) => string;

const oddText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.constantFrom("=", ".", "\0", " ", "\n", "A", "é", "..", "%00"),
);
const oddValue = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(null, "none", "HS256", "RS256", -1, 1e308, "__proto__", ["ES256"], { toString: "x" }),
);
const headerNames = [
  "alg",
  "typ",
  "kid",
  "jwk",
  "jku",
  "x5u",
  "crit",
  "b64",
  "cty",
  "zip",
  "enc",
  "__proto__",
] as const;
const claimNames = [
  "iss",
  "aud",
  "sub",
  "exp",
  "iat",
  "nbf",
  "jti",
  "cnf",
  "htm",
  "htu",
  "ath",
  "client_id",
] as const;

const at = fc.nat({ max: 4_000 });
const part = fc.constantFrom(0, 1, 2);

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(at, fc.integer({ min: 1, max: 255 })).map(
    ([place, mask]) =>
      (jws: string) =>
        flipByte(jws, place, mask),
  ),
  fc.tuple(at, oddText).map(
    ([place, text]) =>
      (jws: string) =>
        splice(jws, place, 0, text),
  ),
  fc.tuple(at, fc.integer({ min: 1, max: 40 })).map(
    ([place, length]) =>
      (jws: string) =>
        splice(jws, place, length, ""),
  ),
  fc.tuple(at, oddText).map(
    ([place, text]) =>
      (jws: string) =>
        splice(jws, place, text.length, text),
  ),
  fc.tuple(part, fc.string({ maxLength: 200 })).map(
    ([index, text]) =>
      (jws: string) =>
        replacePart(jws, index, encodeText(text)),
  ),
  fc.tuple(part, part).map(
    ([from, to]) =>
      (jws: string) =>
        replacePart(jws, to, jws.split(".")[from] ?? ""),
  ),
  fc.tuple(fc.constantFrom(...headerNames), oddValue).map(
    ([name, value]) =>
      (jws: string) =>
        editPart(jws, 0, { [name]: value }),
  ),
  fc.tuple(fc.constantFrom(...claimNames), oddValue).map(
    ([name, value]) =>
      (jws: string) =>
        editPart(jws, 1, { [name]: value }),
  ),
  fc.tuple(fc.constantFrom(...headerNames), oddValue).map(
    ([name, value]) =>
      (jws: string) =>
        forge(jws, { [name]: value }),
  ),
  fc.integer({ min: 2, max: 300 }).map((count) => (jws: string) => `${jws}.`.repeat(count)),
  fc.integer({ min: 0, max: 3 }).map((count) => (jws: string) => jws.split(".").slice(0, count).join(".")),
  oddText.map((text) => (jws: string) => text + jws),
  oddText.map((text) => (jws: string) => jws + text),
);

async function isRefusedQuickly(request: JudgedRequest): Promise<void> {
  let fastestMs = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < tries && fastestMs > mostMs; attempt += 1) {
    const started = performance.now();
    const { status } = await judge(request);
    fastestMs = Math.min(fastestMs, performance.now() - started);
    assert.ok(status === 401 || status === 400, `answered ${status}`);
  }
  assert.ok(fastestMs <= mostMs, `took ${fastestMs} ms`);
}

test(`refuses ${runsEach} spoilt tokens`, async () => {
  const token = issuer.mint();
  await fc.assert(
    fc.asyncProperty(mutation, async (mutate) => {
      const spoilt = mutate(token);
      if (spoilt !== token) await isRefusedQuickly({ headers: { authorization: `Bearer ${spoilt}` } });
    }),
    { numRuns: runsEach },
  );
  assert.equal((await judge({ headers: { authorization: `Bearer ${token}` } })).code, "accepted");
});

test(`refuses ${runsEach} spoilt proofs`, async () => {
  const client = createClientKey();
  const token = issuer.mint({ claims: { cnf: { jkt: client.thumbprint } } });
  const proof = client.prove({ method: "GET", url: "https://api.example/thing", token, nowMs });
  const request = (dpop: string) => ({ headers: { authorization: `DPoP ${token}`, dpop } });
  await fc.assert(
    fc.asyncProperty(mutation, async (mutate) => {
      const spoilt = mutate(proof);
      if (spoilt !== proof) await isRefusedQuickly(request(spoilt));
    }),
    { numRuns: runsEach },
  );
  assert.equal((await judge(request(proof))).code, "accepted");
});

function splice(text: string, place: number, length: number, replacement: string): string {
  const start = place % (text.length + 1);
  return text.slice(0, start) + replacement + text.slice(start + length);
}

function flipByte(jws: string, place: number, mask: number): string {
  const parts = jws.split(".");
  const index = place % parts.length;
  const bytes = Buffer.from(parts[index] ?? "", "base64url");
  const byte = place % Math.max(bytes.length, 1);
  bytes[byte] = (bytes[byte] ?? 0) ^ mask;
  return replacePart(jws, index, bytes.toString("base64url"));
}

function replacePart(jws: string, index: number, replacement: string): string {
  return jws
    .split(".")
    .map((one, place) => (place === index ? replacement : one))
    .join(".");
}

function readPart(jws: string, index: number): Json {
  return JSON.parse(Buffer.from(jws.split(".")[index] ?? "", "base64url").toString());
}

function editPart(jws: string, index: number, changes: Json): string {
  return replacePart(jws, index, encodeJson({ ...readPart(jws, index), ...changes }));
}

/** The same claims under a stranger's good signature. */
function forge(jws: string, header: Json): string {
  const { alg: _, ...others } = { ...readPart(jws, 0), ...header };
  return signJwt(others, readPart(jws, 1), strangerKey);
}

function encodeText(text: string): string {
  return Buffer.from(text).toString("base64url");
}
