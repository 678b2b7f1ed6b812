/** Several issuers side by side: each proves only its own people. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { defineSecurity } from "../contract/define-security.ts";
import { createJudge } from "../pipeline/testing/judge.ts";
import { createIssuer } from "../testing/index.ts";

const audience = "https://api.example";
const own = createIssuer({ issuer: "https://auth.example", audience });
const keycloak = createIssuer({ issuer: "https://kc.example/realms/shop", audience, algorithm: "RS256" });
const auth0 = createIssuer({ issuer: "https://shop.eu.auth0.example/", audience, algorithm: "RS256" });
const entra = createIssuer({
  issuer: "https://login.example/tenant/v2.0",
  audience: "api-client-id",
  algorithm: "RS256",
});
const stranger = createIssuer({ issuer: "https://evil.example", audience });

const security = defineSecurity({
  ...own.contract,
  issuers: {
    keycloak: { ...keycloak.contract, tokenTypes: ["jwt"], rolesClaim: ["realm_access", "roles"] },
    auth0: { ...auth0.contract, tokenTypes: ["at+jwt", "jwt"], rolesClaim: "https://shop.example/roles" },
    entra: { ...entra.contract, tokenTypes: ["jwt"], requiredClaims: ["scp"] },
  },
  resources: [],
  roles: {},
});
const { judge } = createJudge({ security, now: own.clock.now });
const bring = (token: string) => judge({ headers: { authorization: `Bearer ${token}` } });
const plain = { header: { typ: "JWT" } };

describe("a guard with several issuers", () => {
  test("accepts each one's tokens, as its own people, with the roles where it has them", async () => {
    const rows = [
      { token: own.mint({ roles: ["user"] }), id: "alice", roles: ["user"] },
      {
        token: keycloak.mint({
          ...plain,
          claims: { realm_access: { roles: ["user"] }, typ: "Bearer", jti: "1" },
        }),
        id: "keycloak:alice",
        roles: ["user"],
      },
      {
        token: auth0.mint({ ...plain, claims: { "https://shop.example/roles": ["admin"] } }),
        id: "auth0:alice",
        roles: ["admin"],
      },
      { token: auth0.mint(), id: "auth0:alice", roles: [] },
      {
        token: entra.mint({ header: { typ: undefined }, roles: ["user"], claims: { scp: "read" } }),
        id: "entra:alice",
        roles: ["user"],
      },
    ];
    for (const { token, id, roles } of rows) {
      const { code, reason, exchange } = await bring(token);
      assert.equal(code, "accepted", `${id}: ${reason}`);
      assert.equal(exchange.caller?.principal.id, id);
      assert.deepEqual(exchange.caller?.principal.roles, roles);
    }
  });

  const rows = [
    { name: "of an issuer that is not listed", token: stranger.mint(), reason: "token_issuer" },
    {
      name: "that names another listed issuer than the one who signed",
      token: stranger.mint({ claims: { iss: own.issuer } }),
      reason: "token_signature",
    },
    {
      name: "of one issuer in another's name",
      token: keycloak.mint({ ...plain, claims: { iss: auth0.issuer } }),
      reason: "token_signature",
    },
    {
      name: "with an algorithm of another issuer's",
      token: own.mint({ claims: { iss: keycloak.issuer } }),
      reason: "token_algorithm",
    },
    {
      name: "with another issuer's audience",
      token: entra.mint({ ...plain, claims: { aud: audience, scp: "x" } }),
      reason: "token_audience",
    },
    { name: "without a claim it must have", token: entra.mint(plain), reason: "token_claims" },
    { name: "of a type its issuer does not use", token: keycloak.mint(), reason: "token_type" },
    {
      name: "whose subject reads like another issuer's",
      token: own.mint({ subject: "keycloak:alice" }),
      reason: "token_claims",
    },
    {
      name: "with roles that are no list",
      token: keycloak.mint({ ...plain, claims: { realm_access: { roles: "admin" } } }),
      reason: "token_claims",
    },
    {
      name: "that is an ID token by its nonce",
      token: keycloak.mint({ ...plain, claims: { nonce: "n" } }),
      reason: "token_type",
    },
    {
      name: "that is an ID token by its hash",
      token: keycloak.mint({ ...plain, claims: { at_hash: "h" } }),
      reason: "token_type",
    },
    {
      name: "that says it is an ID token",
      token: keycloak.mint({ ...plain, claims: { typ: "ID" } }),
      reason: "token_type",
    },
    {
      name: "that says it is a refresh token",
      token: keycloak.mint({ ...plain, claims: { typ: "Refresh" } }),
      reason: "token_type",
    },
    {
      name: "that is a logout token",
      token: keycloak.mint({ ...plain, claims: { events: {} } }),
      reason: "token_type",
    },
    {
      name: "whose issuer is no text",
      token: own.mint({ claims: { iss: [own.issuer] } }),
      reason: "token_issuer",
    },
  ];
  for (const { name, token, reason } of rows) {
    test(`refuses a token ${name}`, async () => {
      const judgement = await bring(token);
      assert.deepEqual([judgement.status, judgement.reason], [401, reason]);
    });
  }

  test("does not start with an issuer twice, by a bad name, or with an option it does not know", () => {
    const base = { ...own.contract, resources: [], roles: {} } as const;
    const declare = (issuers: object) => () => defineSecurity({ ...base, issuers: issuers as never });
    assert.throws(declare({ again: { issuer: own.issuer } }), { code: "issuer_duplicate" });
    assert.throws(declare({ "Not:Plain": { issuer: auth0.issuer } }), { code: "option_invalid" });
    assert.throws(declare({ auth0: { issuer: "http://shop.example" } }), { code: "issuer_invalid" });
    assert.throws(declare({ auth0: { issuer: auth0.issuer, jwks: {} } }), { code: "option_unknown" });
    assert.throws(declare({ auth0: { issuer: auth0.issuer, algorithms: ["none"] } }), {
      code: "algorithm_none",
    });
    assert.throws(declare({ auth0: { issuer: auth0.issuer, tokenTypes: [] } }), { code: "option_invalid" });
  });
});
