import assert from "node:assert/strict";
import { createHmac, createPrivateKey, generateKeyPairSync, type JsonWebKey, sign } from "node:crypto";
import { describe, test } from "node:test";
import { defineSecurity } from "../contract/define-security.ts";
import { createServices } from "../pipeline/services.ts";
import { createIssuer, type MintOptions } from "../testing/index.ts";
import type { Caller } from "./caller.ts";
import { credentialKinds, toCredentialSet } from "./credential.ts";
import { SecurityError } from "./security-error.ts";

const issuer = createIssuer({ claims: { roles: ["user"], team: "red" } });
const security = defineSecurity({ ...issuer.contract, resources: [], roles: {} });
const framework = { read: () => ({ params: {}, query: {}, body: {} }), write() {} };
const { tokens } = createServices({ security, identity: undefined, framework, now: Date.now });
const everyKind = toCredentialSet(credentialKinds, "test");
const incoming = { method: "GET", url: "/", headers: {} };

function authenticate(field: string, nowMs: number): Caller | Promise<Caller> {
  return tokens(field, { incoming, nowMs, proofNonce: "" }, everyKind);
}
const now = () => Math.floor(Date.now() / 1000);

function rejectionOf(token: string, nowMs = Date.now()): string {
  try {
    authenticate(`Bearer ${token}`, nowMs);
  } catch (error) {
    if (error instanceof SecurityError) return error.code;
    throw error;
  }
  return "accepted";
}

/** Lists in lists. */
function nest(depth: number): unknown {
  return depth === 0 ? 1 : [nest(depth - 1)];
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

describe("a bearer token", () => {
  test("that is good names its principal", async () => {
    const { principal } = await authenticate(
      `Bearer ${await issuer.mint({ claims: { sid: "s1" } })}`,
      Date.now(),
    );
    assert.equal(principal.id, "alice");
    assert.equal(principal.kind, "account");
    assert.deepEqual(principal.roles, ["user"]);
    assert.equal(principal.sessionId, "s1");
    const machine = await authenticate(
      `bearer ${await issuer.mint({ subject: "shop", claims: { client_id: "shop" } })}`,
      Date.now(),
    );
    assert.equal(machine.principal.kind, "client");
  });

  const changed: readonly { name: string; changes: MintOptions; code: string }[] = [
    { name: "has expired", changes: { claims: { exp: now() - 6 } }, code: "token_expired" },
    { name: "expired within the tolerance", changes: { claims: { exp: now() - 2 } }, code: "accepted" },
    { name: "is not yet valid", changes: { claims: { nbf: now() + 60 } }, code: "token_not_yet_valid" },
    {
      name: "was issued in the future",
      changes: { claims: { iat: now() + 60 } },
      code: "token_not_yet_valid",
    },
    {
      name: "is by another issuer",
      changes: { claims: { iss: "https://issuer.example/" } },
      code: "token_issuer",
    },
    { name: "has no issuer", changes: { claims: { iss: undefined } }, code: "token_issuer" },
    {
      name: "is for another audience",
      changes: { claims: { aud: "https://other.example" } },
      code: "token_audience",
    },
    {
      name: "is for several audiences, ours among them",
      changes: { claims: { aud: ["x", issuer.audience] } },
      code: "accepted",
    },
    {
      name: "has an audience that only looks like a list of ours",
      changes: { claims: { aud: [[issuer.audience]] } },
      code: "token_audience",
    },
    { name: "is an ID token", changes: { header: { typ: "JWT" } }, code: "token_type" },
    { name: "has no type", changes: { header: { typ: undefined } }, code: "token_type" },
    { name: "has no id", changes: { claims: { jti: undefined } }, code: "token_claims" },
    {
      name: "does not say when it was issued",
      changes: { claims: { iat: undefined } },
      code: "token_claims",
    },
    { name: "does not name its client", changes: { claims: { client_id: undefined } }, code: "token_claims" },
    { name: "has a NUL in its subject", changes: { claims: { sub: "ali\0ce" } }, code: "token_claims" },
    { name: "has a session id that is no text", changes: { claims: { sid: 7 } }, code: "token_claims" },
    {
      name: "has a time of sign-in that is text",
      changes: { claims: { auth_time: "0" } },
      code: "token_claims",
    },
    { name: "has a deep claim", changes: { claims: { deep: nest(40) } }, code: "token_malformed" },
    { name: "spells its type out", changes: { header: { typ: "application/at+JWT" } }, code: "accepted" },
    { name: "has an unknown key id", changes: { header: { kid: "other" } }, code: "token_key_unknown" },
    {
      name: "has no key id, and the issuer one key",
      changes: { header: { kid: undefined } },
      code: "accepted",
    },
    { name: "has no subject", changes: { claims: { sub: undefined } }, code: "token_claims" },
    {
      name: "has a subject that is no text",
      changes: { claims: { sub: { id: "alice" } } },
      code: "token_claims",
    },
    { name: "never expires", changes: { claims: { exp: undefined } }, code: "token_claims" },
    { name: "has an expiry that is text", changes: { claims: { exp: "9999999999" } }, code: "token_claims" },
    { name: "has roles that are no list", changes: { claims: { roles: "admin" } }, code: "token_claims" },
    { name: "is bound to a key", changes: { claims: { cnf: { jkt: "x".repeat(43) } } }, code: "token_bound" },
    {
      name: "is bound in a way we do not know",
      changes: { claims: { cnf: { kid: "x" } } },
      code: "token_bound",
    },
  ];
  for (const { name, changes, code } of changed) {
    test(`that ${name}: ${code}`, async () => {
      assert.equal(rejectionOf(await issuer.mint(changes)), code);
    });
  }

  test("that is unsigned is rejected", async () => {
    const [, claims] = (await issuer.mint()).split(".");
    assert.equal(rejectionOf(`${encode({ alg: "none", typ: "at+jwt" })}.${claims}.`), "token_algorithm");
  });

  test("that is signed by HMAC with the public key is rejected", async () => {
    const [, claims] = (await issuer.mint()).split(".");
    const input = `${encode({ alg: "HS256", typ: "at+jwt", kid: "test-key" })}.${claims}`;
    const secret = JSON.stringify(issuer.keys.keys[0]);
    const mac = createHmac("sha256", secret).update(input).digest("base64url");
    assert.equal(rejectionOf(`${input}.${mac}`), "token_algorithm");
  });

  test("that brings its own key is checked by the issuer's", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    const header = { alg: "ES256", typ: "at+jwt", kid: "test-key", jwk: publicKey.export({ format: "jwk" }) };
    const [, claims] = (await issuer.mint()).split(".");
    const input = `${encode(header)}.${claims}`;
    const key = createPrivateKey({ key: privateKey.export({ format: "jwk" }) as JsonWebKey, format: "jwk" });
    const signature = sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }).toString(
      "base64url",
    );
    assert.equal(rejectionOf(`${input}.${signature}`), "token_signature");
  });

  test("whose claims or signature were changed is rejected", async () => {
    const [header, claims = "", signature = ""] = (await issuer.mint()).split(".");
    const promoted = { ...JSON.parse(Buffer.from(claims, "base64url").toString()), roles: ["admin"] };
    assert.equal(rejectionOf(`${header}.${encode(promoted)}.${signature}`), "token_signature");
    const other = (await issuer.mint({ claims: { sub: "bob" } })).split(".")[2];
    assert.equal(rejectionOf(`${header}.${claims}.${other}`), "token_signature");
    assert.equal(rejectionOf(`${header}.${claims}.`), "token_signature");
  });

  test("under any other spelling of its bytes is rejected", async () => {
    const token = await issuer.mint();
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    // An ES256 signature is 64 bytes: its last character carries two bits, and four unused ones.
    const last = alphabet.indexOf(token.at(-1) ?? "");
    const respelt = alphabet[last + 1];
    assert.equal(rejectionOf(token), "accepted");
    assert.equal(rejectionOf(token.slice(0, -1) + respelt), "token_malformed");
    for (const spelling of [
      `${token}=`,
      `${token}==`,
      ` ${token}`,
      `${token} `,
      `${token}\n`,
      token.replace(".", "=."),
    ]) {
      assert.equal(rejectionOf(spelling), "token_malformed");
    }
  });

  const malformed = [
    { name: "nothing", token: "" },
    { name: "one part", token: "abc" },
    { name: "two parts", token: "abc.def" },
    { name: "four parts", token: "e30.e30.e30.e30" },
    { name: "ten thousand dots", token: ".".repeat(8_000) },
    { name: "a header that is no JSON", token: "AAAA.e30.AAAA" },
    { name: "a header that is a list", token: `${encode([])}.e30.AAAA` },
    { name: "a key id that is no text", token: `${encode({ alg: "ES256", kid: {} })}.e30.AAAA` },
    { name: "other characters", token: "ä.ö.ü" },
  ];
  for (const { name, token } of malformed) {
    test(`of ${name} is malformed`, () => {
      assert.equal(rejectionOf(token), "token_malformed");
    });
  }

  test("of a megabyte is not read", () => {
    assert.equal(rejectionOf("a".repeat(1_000_000)), "token_too_long");
  });

  test("with critical extensions is rejected", async () => {
    const header = encode({ alg: "ES256", kid: "test-key", typ: "at+jwt", crit: ["exp"] });
    const [, claims, signature] = (await issuer.mint()).split(".");
    assert.equal(rejectionOf(`${header}.${claims}.${signature}`), "token_critical");
  });

  test("accepted once is rejected as soon as it expires", async () => {
    const token = await issuer.mint({ claims: { exp: now() + 10 } });
    assert.equal(rejectionOf(token), "accepted");
    assert.equal(rejectionOf(token, Date.now() + 14_000), "accepted");
    assert.equal(rejectionOf(token, Date.now() + 16_000), "token_expired");
  });

  test("in another scheme is no credential", () => {
    assert.throws(() => authenticate("Basic YWxpY2U6cGFzc3dvcmQ=", 0), { code: "credential_scheme" });
  });
});
