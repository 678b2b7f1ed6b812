import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from "jose";
import { defineSecurity } from "../../contract/define-security.ts";
import { createJudge } from "../../pipeline/testing/judge.ts";
import { createClientKey, createIssuer, type ProofOptions } from "../../testing/index.ts";
import { signJwt } from "../../testing/sign.ts";
import type { DpopOptions } from "./dpop-rules.ts";
import { createReplayMemory } from "./replay.ts";

const issuer = createIssuer();
const client = createClientKey();
const stranger = createClientKey();
const bound = { cnf: { jkt: client.thumbprint } };
const url = "https://api.example/orders/7?full=1";
const path = "/orders/7?full=1";

function judgeWith(dpop?: DpopOptions) {
  const security = defineSecurity({ ...issuer.contract, ...(dpop && { dpop }), resources: [], roles: {} });
  return createJudge({ security, now: issuer.clock.now });
}

const { judge } = judgeWith();

/** What becomes of a bound token with a proof that differs from a good one. */
async function prove(changes: Partial<ProofOptions> & { readonly key?: typeof client } = {}) {
  const token = issuer.mint({ claims: bound });
  const { key = client, ...options } = changes;
  const proof = key.prove({ method: "GET", url, token, nowMs: issuer.clock.now(), ...options });
  return judge({ url: path, headers: { authorization: `DPoP ${token}`, dpop: proof } });
}

describe("a token bound to a key (RFC 9449)", () => {
  test("is accepted with a proof of that key", async () => {
    const { code, exchange } = await prove();
    assert.equal(code, "accepted");
    assert.equal(exchange.caller?.principal.credential, "dpop");
  });

  const seconds = () => Math.floor(issuer.clock.now() / 1000);
  const rows: readonly { name: string; changes: Parameters<typeof prove>[0]; reason: string }[] = [
    { name: "of another key", changes: { key: stranger }, reason: "proof_key" },
    { name: "for another method", changes: { method: "POST" }, reason: "proof_request" },
    { name: "for another path", changes: { url: "https://api.example/orders/8" }, reason: "proof_request" },
    { name: "for another host", changes: { url: "https://evil.example/orders/7" }, reason: "proof_request" },
    { name: "for another scheme", changes: { url: "http://api.example/orders/7" }, reason: "proof_request" },
    {
      name: "for another port",
      changes: { url: "https://api.example:444/orders/7" },
      reason: "proof_request",
    },
    {
      name: "with a name in its address",
      changes: { url: "https://a@api.example/orders/7" },
      reason: "proof_request",
    },
    { name: "with no address", changes: { claims: { htu: undefined } }, reason: "proof_request" },
    {
      name: "with another query, which does not count",
      changes: { url: "https://api.example/orders/7?x=2" },
      reason: "",
    },
    {
      name: "with its path in another spelling",
      changes: { url: "https://API.example:443/a/../orders/7" },
      reason: "",
    },
    { name: "for another token", changes: { claims: { ath: "x" } }, reason: "proof_token" },
    { name: "for no token", changes: { claims: { ath: undefined } }, reason: "proof_token" },
    { name: "too old", changes: { claims: { iat: seconds() - 61 } }, reason: "proof_time" },
    { name: "from the future", changes: { claims: { iat: seconds() + 7 } }, reason: "proof_time" },
    { name: "without a time", changes: { claims: { iat: undefined } }, reason: "proof_malformed" },
    { name: "with a time that is text", changes: { claims: { iat: "0" } }, reason: "proof_malformed" },
    { name: "without an id", changes: { claims: { jti: undefined } }, reason: "proof_malformed" },
    { name: "with a long id", changes: { claims: { jti: "x".repeat(129) } }, reason: "proof_malformed" },
    { name: "of another type", changes: { header: { typ: "jwt" } }, reason: "proof_malformed" },
    { name: "without its key", changes: { header: { jwk: undefined } }, reason: "proof_malformed" },
    { name: "with a private key", changes: { header: { jwk: privateJwk() } }, reason: "proof_malformed" },
    {
      name: "with a secret key",
      changes: { header: { jwk: { kty: "oct", k: "AA" } } },
      reason: "proof_malformed",
    },
    { name: "with no algorithm", changes: { header: { alg: "none" } }, reason: "proof_malformed" },
    {
      name: "by an algorithm that is not listed",
      changes: { header: { alg: "RS256" } },
      reason: "proof_algorithm",
    },
  ];
  for (const { name, changes, reason } of rows) {
    test(`with a proof ${name}: ${reason || "accepted"}`, async () => {
      const judgement = await prove(changes);
      assert.equal(judgement.reason, reason);
      if (reason === "") return;
      assert.equal(judgement.status, 401);
      assert.match(
        judgement.fields["www-authenticate"] ?? "",
        /^DPoP error="invalid_dpop_proof", .*algs="ES256 EdDSA"$/,
      );
    });
  }

  test("is refused without a proof, as plain bearer, and with a proof used before", async () => {
    const token = issuer.mint({ claims: bound });
    const dpop = client.prove({ method: "GET", url, token, nowMs: issuer.clock.now() });
    const without = await judge({ url: path, headers: { authorization: `DPoP ${token}` } });
    assert.equal(without.reason, "proof_missing");
    const bearer = await judge({ url: path, headers: { authorization: `Bearer ${token}`, dpop } });
    assert.equal(bearer.reason, "token_bound");
    const headers = { authorization: `DPoP ${token}`, dpop };
    assert.equal((await judge({ url: path, headers })).code, "accepted");
    assert.equal((await judge({ url: path, headers })).reason, "proof_replayed");
    assert.equal(
      (await judge({ url: path, headers: { ...headers, dpop: `${dpop}, ${dpop}` } })).reason,
      "proof_malformed",
    );
  });

  test("is not accepted unbound under its scheme, nor as bearer once it was seen bound", async () => {
    const unbound = issuer.mint();
    const dpop = client.prove({ method: "GET", url, token: unbound, nowMs: issuer.clock.now() });
    assert.equal(
      (await judge({ url: path, headers: { authorization: `DPoP ${unbound}`, dpop } })).reason,
      "token_unbound",
    );
    assert.equal(
      (await judge({ url: path, headers: { authorization: `Bearer ${unbound}`, dpop } })).code,
      "accepted",
    );
  });

  test("is accepted with proofs of another library, on its own thumbprint", async () => {
    for (const alg of ["ES256", "EdDSA"]) {
      const { publicKey, privateKey } = await generateKeyPair(alg);
      const jwk = await exportJWK(publicKey);
      const token = issuer.mint({ claims: { cnf: { jkt: await calculateJwkThumbprint(jwk) } } });
      const hash = await crypto.subtle.digest("SHA-256", Buffer.from(token));
      const dpop = await new SignJWT({
        htm: "GET",
        htu: "https://api.example/orders/7",
        ath: Buffer.from(hash).toString("base64url"),
      })
        .setProtectedHeader({ alg, typ: "dpop+jwt", jwk })
        .setIssuedAt(seconds())
        .setJti("one")
        .sign(privateKey);
      assert.equal(
        (await judge({ url: path, headers: { authorization: `DPoP ${token}`, dpop } })).code,
        "accepted",
      );
    }
  });

  test("is refused where its proof key does not carry the algorithm", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "secp384r1" });
    const jwk = publicKey.export({ format: "jwk" });
    const thumbprint = await calculateJwkThumbprint(jwk as never);
    const token = issuer.mint({ claims: { cnf: { jkt: thumbprint } } });
    const dpop = signJwt(
      { alg: "ES256", typ: "dpop+jwt", jwk },
      {},
      { algorithm: "ES384", privateKey, publicJwk: jwk },
    );
    assert.equal(
      (await judge({ url: path, headers: { authorization: `DPoP ${token}`, dpop } })).reason,
      "proof_signature",
    );
  });
});

describe("a base URL with a path", () => {
  test("is what a proxy takes away: proofs are for the address that clients use", async () => {
    const { judge: behind } = judgeWith({ baseUrl: "https://gw.example/shop" });
    const send = async (url: string) => {
      const token = issuer.mint({ claims: bound });
      const dpop = client.prove({ method: "GET", url, token, nowMs: issuer.clock.now() });
      return behind({ url: path, headers: { authorization: `DPoP ${token}`, dpop } });
    };
    assert.equal((await send("https://gw.example/shop/orders/7")).code, "accepted");
    for (const url of [
      "https://gw.example/orders/7",
      "https://gw.example/shop/shop/orders/7",
      "https://api.example/shop/orders/7",
    ]) {
      assert.equal((await send(url)).reason, "proof_request", url);
    }
    for (const baseUrl of [
      "gw.example",
      "https://gw.example/shop/",
      "https://gw.example/?x",
      "ftp://gw.example",
    ]) {
      assert.throws(() => judgeWith({ baseUrl }), { code: "option_invalid" }, baseUrl);
    }
  });
});

describe("nonces (RFC 9449 §9)", () => {
  const withNonces = judgeWith({ nonces: true });
  const send = async (nonce?: string) => {
    const token = issuer.mint({ claims: bound });
    const dpop = client.prove({
      method: "GET",
      url,
      token,
      nowMs: issuer.clock.now(),
      ...(nonce !== undefined && { nonce }),
    });
    return withNonces.judge({ url: path, headers: { authorization: `DPoP ${token}`, dpop } });
  };

  test("are asked for, given out, good for a while, and no longer", async () => {
    const asked = await send();
    assert.equal(asked.reason, "proof_nonce");
    assert.match(asked.fields["www-authenticate"] ?? "", /^DPoP error="use_dpop_nonce"/);
    const nonce = asked.fields["dpop-nonce"] ?? "";
    assert.ok(nonce.length >= 32);
    const good = await send(nonce);
    assert.equal(good.code, "accepted");
    assert.equal(good.fields["dpop-nonce"], nonce, "the next one comes with the answer");
    assert.equal((await send(`${nonce}x`)).reason, "proof_nonce");
    issuer.clock.advance(120_000);
    const turned = await send(nonce);
    assert.equal(turned.code, "accepted");
    assert.notEqual(turned.fields["dpop-nonce"], nonce);
    issuer.clock.advance(120_000);
    assert.equal((await send(nonce)).reason, "proof_nonce");
  });

  test("are the same in two processes that share the secret, which must be long", async () => {
    const nonceSecret = () => Buffer.alloc(32, 7).toString("base64url");
    const [first, second] = [
      judgeWith({ nonces: true, nonceSecret }),
      judgeWith({ nonces: true, nonceSecret }),
    ];
    const nonces = await Promise.all(
      [first, second].map(async ({ judge: ask }) => {
        const token = issuer.mint({ claims: bound });
        const dpop = client.prove({ method: "GET", url, token, nowMs: issuer.clock.now() });
        return (await ask({ url: path, headers: { authorization: `DPoP ${token}`, dpop } })).fields[
          "dpop-nonce"
        ];
      }),
    );
    assert.equal(nonces[0], nonces[1]);
    assert.throws(() => judgeWith({ nonces: true, nonceSecret: () => "short" }), { code: "option_invalid" });
  });
});

describe("the memory of used proofs", () => {
  test("keeps a proof for a whole window, whenever it was used", () => {
    for (const usedAt of [0, 1, 500, 999]) {
      const memory = createReplayMemory(1_000);
      memory.use("first", 0);
      assert.equal(memory.use("proof", usedAt), true);
      for (const later of [0, 1, 500, 999])
        assert.equal(memory.use("proof", usedAt + later), false, `${usedAt}+${later}`);
    }
  });

  test("refuses what it cannot remember, and forgets what cannot come back", () => {
    const memory = createReplayMemory(1_000, 2);
    assert.equal(memory.use("a", 0), true);
    assert.equal(memory.use("b", 0), true);
    assert.throws(() => memory.use("c", 0), { name: "UnavailableError" });
    assert.equal(memory.use("c", 1_000), true);
    assert.equal(memory.use("a", 5_000), true);
  });
});

function privateJwk() {
  return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });
}
