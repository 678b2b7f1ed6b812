import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";
import { jwsAlgorithms } from "../authentication/jwt/algorithms.ts";
import { defineSecurity } from "../contract/define-security.ts";
import { createJudge } from "../pipeline/testing/judge.ts";
import { createIssuer } from "./index.ts";

describe("an issuer for tests", () => {
  for (const algorithm of jwsAlgorithms) {
    test(`mints ${algorithm} tokens that a guard and another library accept, and spoils them`, async () => {
      const issuer = createIssuer({ algorithm });
      const security = defineSecurity({ ...issuer.contract, resources: [], roles: {} });
      const { judge } = createJudge({ security, now: issuer.clock.now });
      const bring = (token: string) => judge({ headers: { authorization: `Bearer ${token}` } });
      const token = issuer.mint({ subject: "bob", roles: ["manager"], claims: { team: "red" } });

      const keys = createLocalJWKSet(issuer.keys as JSONWebKeySet);
      const { payload, protectedHeader } = await jwtVerify(token, keys, {
        issuer: issuer.issuer,
        audience: issuer.audience,
        algorithms: [algorithm],
        typ: "at+jwt",
      });
      assert.deepEqual([payload.sub, payload.team, protectedHeader.alg], ["bob", "red", algorithm]);
      const { code, exchange } = await bring(token);
      assert.equal(code, "accepted");
      assert.deepEqual(exchange.caller?.principal.roles, ["manager"]);

      for (const how of ["signature", "claims", "algorithm-none", "other-key"] as const) {
        assert.equal((await bring(issuer.tamper(token, how))).status, 401, how);
      }
      issuer.clock.advance(306_000);
      assert.equal((await bring(token)).reason, "token_expired");
    });
  }
});
