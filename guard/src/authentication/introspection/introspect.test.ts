/** Opaque tokens: what an issuer says of them, and what becomes of it when the issuer is ill. */
import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, describe, test } from "node:test";
import { defineSecurity } from "../../contract/define-security.ts";
import { createJudge, type Judge } from "../../pipeline/testing/judge.ts";
import { createIssuer } from "../../testing/index.ts";

const issuer = createIssuer();
const { clock } = issuer;
const seconds = () => Math.floor(clock.now() / 1000);
const live = () => ({
  active: true,
  sub: "alice",
  aud: issuer.audience,
  roles: ["user"],
  exp: seconds() + 60,
});

describe("an opaque token (RFC 7662)", () => {
  type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;
  let handler: Handler;
  let asked: string[] = [];
  let judge: Judge["judge"];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    asked.push(`${request.headers.authorization} ${body}`);
    handler(request, response, body);
  });
  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/introspect`;
    const introspection = { endpoint, clientId: "api", clientSecret: () => "s:3 cret", cacheSeconds: 10 };
    const issuers = { keycloak: { issuer: "https://kc.example/realms/shop" } };
    const security = defineSecurity({ ...issuer.contract, issuers, introspection, resources: [], roles: {} });
    judge = createJudge({ security, now: clock.now }).judge;
  });
  after(() => server.closeAllConnections() ?? server.close());
  beforeEach(() => {
    asked = [];
  });

  const answering = (answer: unknown) => {
    handler = (_request, response) => {
      response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
    };
  };
  let serial = 0;
  const bring = (token = `opaque-${serial++}`) => judge({ headers: { authorization: `Bearer ${token}` } });

  test("is asked about once while the answer is kept, and never longer than it lives", async () => {
    answering(live());
    const { code, exchange } = await bring("kept");
    assert.equal(code, "accepted");
    assert.equal(exchange.caller?.principal.id, "alice");
    assert.deepEqual(exchange.caller?.principal.roles, ["user"]);
    await bring("kept");
    assert.equal(asked.length, 1);
    assert.equal(asked[0], `Basic ${btoa("api:s%3A3+cret")} token=kept&token_type_hint=access_token`);
    clock.advance(10_000);
    await bring("kept");
    assert.equal(asked.length, 2);
    answering({ ...live(), exp: seconds() + 3 });
    await bring("short");
    clock.advance(3_000);
    answering({ active: false });
    assert.equal((await bring("short")).reason, "token_inactive");
  });

  test("that comes many times at once is asked about once", async () => {
    answering(live());
    const all = await Promise.all(Array.from({ length: 50 }, () => bring("many")));
    assert.ok(all.every(({ code }) => code === "accepted"));
    assert.equal(asked.length, 1);
  });

  const rows: readonly { name: string; answer: unknown; status: number; reason?: string }[] = [
    { name: "not active", answer: { active: false }, status: 401, reason: "token_inactive" },
    {
      name: "active in another spelling",
      answer: { ...live(), active: "true" },
      status: 401,
      reason: "token_inactive",
    },
    {
      name: "for another audience",
      answer: { ...live(), aud: "other" },
      status: 401,
      reason: "token_audience",
    },
    { name: "for no audience", answer: { ...live(), aud: undefined }, status: 401, reason: "token_audience" },
    {
      name: "by another issuer",
      answer: { ...live(), iss: "https://evil.example" },
      status: 401,
      reason: "token_issuer",
    },
    { name: "for nobody", answer: { ...live(), sub: undefined }, status: 401, reason: "token_claims" },
    { name: "expired", answer: { ...live(), exp: seconds() - 3_600 }, status: 401, reason: "token_expired" },
    {
      name: "bound to a key",
      answer: { ...live(), cnf: { jkt: "j".repeat(43) } },
      status: 401,
      reason: "token_bound",
    },
    {
      name: "to be a refresh token",
      answer: { ...live(), token_use: "refresh_token" },
      status: 401,
      reason: "token_type",
    },
    {
      name: "to be one by its type",
      answer: { ...live(), token_type: "refresh_token" },
      status: 401,
      reason: "token_type",
    },
    {
      name: "to be an ID token",
      answer: { ...live(), typ: "ID", nonce: "n" },
      status: 401,
      reason: "token_type",
    },
    {
      name: "bound, and not to what",
      answer: { ...live(), token_type: "DPoP" },
      status: 401,
      reason: "token_type",
    },
    {
      name: "another issuer's",
      answer: { ...live(), sub: "keycloak:alice" },
      status: 401,
      reason: "token_claims",
    },
    {
      name: "signed in later than now",
      answer: { ...live(), auth_time: seconds() + 600 },
      status: 401,
      reason: "token_not_yet_valid",
    },
    {
      name: "with roles that are no list",
      answer: { ...live(), roles: "admin" },
      status: 401,
      reason: "token_claims",
    },
    { name: "a list", answer: [], status: 503 },
    { name: "nothing", answer: null, status: 503 },
  ];
  for (const { name, answer, status, reason } of rows) {
    test(`of which the issuer says ${name}: ${status}`, async () => {
      answering(answer);
      const judgement = await bring();
      assert.equal(judgement.status, status);
      if (reason !== undefined) assert.equal(judgement.reason, reason);
    });
  }

  test("of which the issuer says a thing twice is not believed", async () => {
    handler = (_request, response) => response.end(`{"active":false,${JSON.stringify(live()).slice(1)}`);
    assert.equal((await bring()).status, 503);
  });

  const ills: readonly { name: string; handler: Handler }[] = [
    { name: "an error", handler: (_request, response) => response.writeHead(500).end() },
    { name: "no JSON", handler: (_request, response) => response.end("<html>") },
    {
      name: "a redirect",
      handler: (_request, response) => response.writeHead(307, { location: "http://127.0.0.1:1/" }).end(),
    },
    {
      name: "a megabyte",
      handler: (_request, response) => response.end(JSON.stringify({ ...live(), x: "x".repeat(1e6) })),
    },
    { name: "a broken connection", handler: (request) => request.socket.destroy() },
    { name: "nothing, for ever", handler: () => {} },
  ];
  for (const { name, handler: ill } of ills) {
    test(`is refused with 503 when the issuer answers ${name}, and accepted once it is well`, async () => {
      handler = ill;
      const token = `ill-${name.replaceAll(/\W/g, "-")}`;
      const { status, fields } = await bring(token);
      assert.deepEqual([status, fields["retry-after"]], [503, "2"]);
      answering(live());
      assert.equal((await bring(token)).code, "accepted");
    });
  }

  test("of odd characters or great length is not asked about", async () => {
    answering(live());
    for (const token of ["a b", "ä", "x".repeat(5_000), "a\nb"]) {
      assert.equal((await bring(token)).status, 401);
    }
    assert.equal(asked.length, 0);
  });

  test("asks only so many questions at once", async () => {
    handler = () => {};
    const waiting = Array.from({ length: 64 }, () => bring());
    await new Promise(setImmediate);
    assert.equal((await bring()).status, 503);
    assert.ok((await Promise.all(waiting)).every(({ status }) => status === 503));
  });

  test("is no signed token: one that looks signed is verified, not asked about", async () => {
    answering(live());
    assert.equal((await bring(issuer.tamper(issuer.mint(), "other-key"))).reason, "token_signature");
    assert.equal((await bring(issuer.mint())).code, "accepted");
    assert.equal(asked.length, 0);
  });
});
