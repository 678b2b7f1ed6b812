/**
 * How every adapter behaves, over real HTTP. An adapter's own test supplies the server; what only its framework has is
 * tested there.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { request as send } from "node:http";
import { after, before, describe, test } from "node:test";
import type { Denial } from "../../pipeline/verdict.ts";
import { createClientKey } from "../../testing/client-key.ts";
import { type Answer, withToken } from "../../testing/http.ts";
import { createIssuer, type MintOptions, type TestIssuer } from "../../testing/issuer.ts";
import type { BulwarkOptions, LoggingOptions } from "../api/options.ts";
import { createTestIdentity, testApiKey, testCookie } from "./behaviour-identity.ts";
import { createTestSecurity, type FurtherOptions, type TestRoute, testRoutes } from "./behaviour-routes.ts";
import { describePolicies } from "./policies.ts";
import { describeRecords } from "./records.ts";

/** A server that listens on a free loopback port. */
export interface TestServer {
  /** `http://127.0.0.1:…` */
  readonly origin: string;
  close(): Promise<unknown>;
}

/** Builds an API on a framework, and starts it. */
export type Build = (
  options: BulwarkOptions & LoggingOptions,
  routes: readonly TestRoute[],
) => Promise<TestServer>;

export type Call = (path: string, init?: RequestInit) => Promise<Answer>;

export function createCall({ origin }: TestServer): Call {
  return async (path, init) => {
    const signal = AbortSignal.timeout(10_000);
    const response = await fetch(`${origin}${path}`, { redirect: "manual", signal, ...init });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: () => JSON.parse(text) };
  };
}

/** Tokens as the contract's roles need them: everyone is of the red team. */
const mint = (issuer: TestIssuer, { claims, ...options }: MintOptions = {}) =>
  issuer.mint({ roles: ["user"], claims: { team: "red", ...claims }, ...options });

export function describeBehaviour(framework: string, build: Build): void {
  describe(`the guard under ${framework}`, () => {
    const issuer = createIssuer();
    const denials: Denial[] = [];
    const errors: unknown[] = [];
    let server: TestServer;
    let call: Call;
    const alice = mint(issuer);
    const admin = mint(issuer, { subject: "adam", roles: ["admin"] });

    before(async () => {
      server = await build(
        {
          security: createTestSecurity(issuer),
          now: issuer.clock.now,
          onDenial: (denial) => denials.push(denial),
          onError: (error) => errors.push(error),
        },
        testRoutes,
      );
      call = createCall(server);
    });
    after(() => server.close());

    test("answers a public route without a credential, and a protected one only with it", async () => {
      assert.equal((await call("/health")).status, 200);
      const refused = await call("/me");
      assert.equal(refused.status, 401);
      assert.match(refused.headers.get("www-authenticate") ?? "", /^Bearer/);
      assert.equal(refused.headers.get("content-type"), "application/problem+json; charset=utf-8");
      assert.equal(refused.json().code, "unauthenticated");
      assert.equal((await call("/me", withToken(issuer.tamper(alice, "claims")))).status, 401);
      assert.deepEqual((await call("/me", withToken(alice))).json(), { id: "alice" });
    });

    test("takes every kind of credential, in this framework's own requests", async () => {
      const identity = createTestIdentity(issuer);
      const further = { dpop: { baseUrl: "https://api.example", nonces: true } };
      const open = await build(
        { security: createTestSecurity(issuer, further), identity, now: issuer.clock.now },
        testRoutes,
      );
      try {
        const ask = createCall(open);
        assert.deepEqual((await ask("/me", { headers: { cookie: testCookie } })).json(), { id: "alice" });
        assert.deepEqual((await ask("/me", { headers: { "x-api-key": testApiKey } })).json(), { id: "shop" });
        assert.equal(
          (await ask("/me", { headers: { "x-api-key": testApiKey, cookie: testCookie } })).status,
          400,
        );
        const write = (headers: Record<string, string>) =>
          ask("/ping", { method: "POST", headers: { cookie: testCookie, ...headers } });
        assert.equal((await write({})).json().code, "cross_site_refused");
        assert.equal((await write({ "sec-fetch-site": "cross-site" })).status, 403);
        assert.equal(
          (await write({ "sec-fetch-site": "same-origin", origin: "https://evil.example" })).status,
          403,
        );
        assert.equal((await write({ "sec-fetch-site": "same-origin" })).status, 200);

        const client = createClientKey();
        const token = mint(issuer, { claims: { cnf: { jkt: client.thumbprint } } });
        const prove = (nonce?: string) => {
          const made = { method: "GET", url: "https://api.example/me", token, nowMs: issuer.clock.now() };
          const dpop = client.prove(nonce === undefined ? made : { ...made, nonce });
          return ask("/me", { headers: { authorization: `DPoP ${token}`, dpop } });
        };
        const asked = await prove();
        assert.equal(asked.status, 401);
        assert.match(asked.headers.get("www-authenticate") ?? "", /use_dpop_nonce/);
        const proved = await prove(asked.headers.get("dpop-nonce") ?? "");
        assert.deepEqual(proved.json(), { id: "alice" });
        assert.ok(proved.headers.get("dpop-nonce"));
        assert.equal((await ask("/me", withToken(token))).status, 401);
      } finally {
        await open.close();
      }
    });

    test("tells each of many callers at once who they are", async () => {
      const subjects = Array.from({ length: 50 }, (_, index) => `account-${index}`);
      const answers = await Promise.all(
        subjects.map((subject) => call("/me", withToken(mint(issuer, { subject })))),
      );
      assert.deepEqual(
        answers.map((answer) => answer.json().id),
        subjects,
      );
    });

    test("lets people reach their own row, and tells them nothing of another's", async () => {
      assert.equal((await call("/orders/1", withToken(alice))).status, 200);
      const foreign = await call("/orders/2", withToken(alice));
      const absent = await call("/orders/99", withToken(alice));
      assert.equal(foreign.status, 404);
      assert.deepEqual([foreign.status, foreign.text], [absent.status, absent.text]);
      const manager = mint(issuer, { subject: "mona", roles: ["manager"] });
      assert.equal((await call("/orders/2", withToken(manager))).status, 200);
      assert.equal((await call("/orders/3", withToken(manager))).status, 404);
      assert.equal((await call("/orders/3", withToken(admin))).status, 200);
    });

    test("refuses what no role grants before it looks at row or body", async () => {
      const refused = await call("/orders/2", withToken(alice, "DELETE"));
      assert.equal(refused.status, 403);
      assert.equal(refused.json().code, "permission_denied");
      assert.equal((await call("/orders/2", withToken(admin, "DELETE"))).status, 204);
      const nobody = mint(issuer, { roles: ["someone-elses-role"] });
      assert.equal((await call("/orders/1", withToken(nobody))).status, 403);
    });

    test("lets a write set only the granted fields, and keep to the granted rows before and after", async () => {
      const patch = (id: string, token: string, body: unknown) =>
        call(`/orders/${id}`, withToken(token, "PATCH", body));
      assert.deepEqual((await patch("1", alice, { status: "draft" })).json(), { status: "draft" });
      const owner = await patch("1", alice, { ownerId: "bob" });
      assert.deepEqual(
        [owner.status, owner.json().code, owner.json().fields],
        [403, "fields_denied", ["ownerId"]],
      );
      assert.equal((await patch("1", alice, { status: "paid" })).json().code, "row_denied");
      assert.equal((await patch("4", alice, { total: 1 })).json().code, "row_denied");
      assert.equal((await patch("2", alice, { total: 1 })).status, 404);
      assert.deepEqual((await patch("4", admin, { ownerId: "bob" })).json(), { ownerId: "bob" });
    });

    test("sets what the grant sets on a new row, whoever asks", async () => {
      const created = await call("/orders", withToken(alice, "POST", { total: 5 }));
      assert.deepEqual(created.json(), { total: 5, ownerId: "alice", team: "red" });
      const teamless = mint(issuer, { claims: { team: undefined } });
      assert.equal(
        (await call("/orders", withToken(teamless, "POST", { total: 5 }))).json().code,
        "row_denied",
      );
    });

    describeBodies(() => ({ call, server, token: alice }));
    describeAddresses(() => ({ call, server, token: alice }));

    test("does not send a list whose handler forgot the filter, and sends the others", async () => {
      assert.deepEqual((await call("/orders", withToken(alice))).json(), []);
      for (const path of ["/forgetful", "/forgetful/text"]) {
        const answer = await call(path, withToken(alice));
        assert.deepEqual([answer.status, answer.json().code], [500, "internal"], path);
        assert.doesNotMatch(answer.text, /bob/);
        assert.match(answer.headers.get("content-security-policy") ?? "", /^default-src 'none'/);
      }
      const head = await call("/forgetful", withToken(alice, "HEAD"));
      assert.equal(head.status, 500);
      assert.equal((await call("/forgetful/gone", withToken(alice))).status, 410);
    });

    test("answers HEAD as it does GET, without the body", async () => {
      const got = await call("/orders/1", withToken(alice));
      const head = await call("/orders/1", withToken(alice, "HEAD"));
      assert.deepEqual([head.status, head.text], [200, ""]);
      for (const name of ["content-type", "content-security-policy", "cache-control"]) {
        assert.equal(head.headers.get(name), got.headers.get(name), name);
      }
      assert.equal((await call("/orders/2", withToken(alice, "HEAD"))).status, 404);
      assert.equal((await call("/orders/1", { method: "HEAD" })).status, 401);
    });

    test("answers an error of a handler with a problem that tells nothing of it", async () => {
      for (const path of ["/throws", "/throws/later"]) {
        denials.length = 0;
        const answer = await call(path);
        assert.deepEqual([answer.status, answer.json().code], [500, "internal"], path);
        assert.equal(answer.headers.get("content-type"), "application/problem+json; charset=utf-8");
        assert.match(answer.headers.get("content-security-policy") ?? "", /^default-src 'none'/, path);
        assert.doesNotMatch(answer.text, /secret|TypeError|\bat\b/);
        assert.deepEqual(
          denials.map(({ by, code }) => [by, code]),
          [["handler", "internal"]],
        );
      }
      const conflict = await call("/throws/conflict");
      assert.deepEqual([conflict.status, conflict.json().detail], [409, "Read it again."]);
      const unavailable = await call("/throws/unavailable");
      assert.deepEqual([unavailable.status, unavailable.json().code], [503, "unavailable"]);
      assert.equal(unavailable.headers.get("retry-after"), "3");
    });

    test("keeps a protected query to the caller's rows, and answers for a write that is not the caller's", async () => {
      const answer = await call("/protected", withToken(alice));
      assert.equal(answer.status, 200);
      const ids = (answer.json() as unknown as { readonly id: string }[]).map(({ id }) => id);
      assert.deepEqual(ids, ["%41", "1", "4", "a/b"]);
      assert.equal((await call("/protected/not", withToken(alice))).status, 500);
      const write = await call("/protected/write", withToken(alice));
      assert.deepEqual(
        [write.status, write.json().code, write.json().fields],
        [403, "fields_denied", ["ownerId"]],
      );
      const remove = await call("/protected/delete", withToken(alice));
      assert.deepEqual([remove.status, remove.json().code], [403, "row_denied"]);
    });

    test("tells the log of a denial what it does not tell the caller", async () => {
      denials.length = 0;
      const { text } = await call("/me", withToken(issuer.tamper(alice, "signature")));
      const [denial, ...others] = denials;
      assert.deepEqual([denial?.code, denial?.reason], ["unauthenticated", "token_signature"]);
      assert.deepEqual(others, []);
      assert.doesNotMatch(text, /signature/);
    });

    test("sends the security fields with every answer", async () => {
      for (const path of ["/health", "/me", "/nowhere", "/orders/1"]) {
        const { headers } = await call(path, path === "/orders/1" ? withToken(alice) : {});
        assert.match(headers.get("content-security-policy") ?? "", /^default-src 'none'/, path);
        assert.equal(headers.get("x-content-type-options"), "nosniff", path);
        assert.equal(headers.get("x-powered-by"), null, path);
      }
      assert.equal((await call("/orders/1", withToken(alice))).headers.get("cache-control"), "no-store");
    });

    test("lets the application override a field, and add to Vary", async () => {
      const { headers } = await call("/page", { headers: { origin: "https://shop.example" } });
      assert.equal(headers.get("content-security-policy"), "default-src 'self'");
      assert.equal(headers.get("vary"), "Accept, Origin");
      assert.equal(headers.get("x-content-type-options"), "nosniff");
      assert.equal(headers.get("access-control-allow-origin"), "https://shop.example");
    });

    test("lets a listed origin read, and no other", async () => {
      const from = (origin: string) =>
        call("/orders/1", { headers: { authorization: `Bearer ${alice}`, origin } });
      const listed = await from("https://shop.example");
      assert.equal(listed.headers.get("access-control-expose-headers"), null);
      const denied = await call("/me", { headers: { origin: "https://shop.example" } });
      assert.match(denied.headers.get("access-control-expose-headers") ?? "", /WWW-Authenticate/);
      assert.equal(listed.headers.get("access-control-allow-origin"), "https://shop.example");
      assert.equal(listed.headers.get("access-control-allow-credentials"), "true");
      for (const origin of [
        "https://evil.example",
        "https://shop.example.evil.example",
        "http://shop.example",
        "null",
      ]) {
        const other = await from(origin);
        assert.equal(other.headers.get("access-control-allow-origin"), null, origin);
        assert.equal(other.headers.get("vary"), "Origin");
      }
    });

    test("answers a preflight with the path's methods, without a credential", async () => {
      const preflight = (origin: string) =>
        call("/orders/1", {
          method: "OPTIONS",
          headers: { origin, "access-control-request-method": "PATCH" },
        });
      const listed = await preflight("https://shop.example");
      assert.equal(listed.status, 204);
      assert.equal(listed.headers.get("access-control-allow-methods"), "GET, HEAD, PATCH, DELETE");
      const allowed = "Authorization, Content-Type, DPoP, X-API-Key";
      assert.equal(listed.headers.get("access-control-allow-headers"), allowed);
      assert.equal(
        (await preflight("https://evil.example")).headers.get("access-control-allow-methods"),
        null,
      );
      assert.equal((await call("/nowhere", { method: "OPTIONS" })).status, 404);
    });
  });

  describeLimits(framework, build);
  describeRecords(framework, build);
  describePolicies(framework, build);
}

/** What a test needs, once the server is there. */
type Given = () => { readonly call: Call; readonly server: TestServer; readonly token: string };

function describeBodies(given: Given): void {
  const post = (path: string, body: unknown, type?: string) => {
    const { call, token } = given();
    const init = withToken(token, "POST", body);
    return call(
      path,
      type === undefined ? init : { ...init, headers: { ...init.headers, "content-type": type } },
    );
  };

  const refused: readonly { name: string; body: unknown; status: number }[] = [
    { name: "an unknown field", body: { total: 5, ownerId: "bob" }, status: 422 },
    { name: "a field of the wrong type", body: { total: "5" }, status: 422 },
    { name: "a missing field", body: {}, status: 422 },
    { name: "no JSON", body: "{", status: 400 },
    { name: "nothing in it", body: "", status: 400 },
    { name: "__proto__", body: '{"total":5,"__proto__":{"admin":true}}', status: 400 },
    { name: "constructor.prototype", body: '{"total":5,"constructor":{"prototype":{}}}', status: 400 },
    { name: "too many bytes", body: { total: 5, note: "x".repeat(70_000) }, status: 413 },
  ];
  for (const { name, body, status } of refused) {
    test(`refuses a body with ${name} with ${status}`, async () => {
      const answer = await post("/orders", body);
      assert.equal(answer.status, status);
      assert.equal(answer.headers.get("content-type"), "application/problem+json; charset=utf-8");
      assert.equal(answer.json().status, status);
    });
  }

  test("refuses a body that is not declared as JSON with 415, and none at all with 422", async () => {
    assert.equal((await post("/orders", { total: 5 }, "text/plain")).status, 415);
    assert.equal((await post("/orders", "total=5", "application/x-www-form-urlencoded")).status, 415);
    assert.equal((await post("/orders", undefined)).status, 422);
  });

  test("reads a body that comes in pieces, and no further than its bound", async () => {
    const { call, token } = given();
    const stream = (chunk: string, count: number) => {
      let sent = 0;
      const body = new ReadableStream({
        pull(controller) {
          sent += 1;
          if (sent > count) controller.close();
          else controller.enqueue(new TextEncoder().encode(chunk));
        },
      });
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
      // fetch wants `duplex` for a body that it has to send while it may already read.
      return call("/orders", { method: "POST", headers, body, duplex: "half" } as RequestInit);
    };
    assert.equal((await stream('{"total":5}', 1)).status, 200);
    assert.equal((await stream(" ".repeat(8_192), 10)).status, 413);
    assert.equal((await call("/health")).status, 200);
  });

  test("answers a body that is too long before it has ended", async () => {
    const { server, token } = given();
    const { hostname, port } = new URL(server.origin);
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const sent = send({ hostname, port, path: "/orders", method: "POST", headers });
    sent.on("error", () => {});
    sent.write(" ".repeat(70_000));
    const [answer] = await once(sent, "response", { signal: AbortSignal.timeout(5_000) });
    assert.equal(answer.statusCode, 413);
    sent.destroy();
  });

  test("refuses a body where none is declared, and does not mind that nothing came", async () => {
    assert.equal((await post("/ping", undefined)).status, 200);
    assert.equal((await post("/ping", {})).status, 200);
    const refused = await post("/ping", { admin: true });
    assert.deepEqual([refused.status, refused.json().code], [422, "validation_failed"]);
    assert.equal((await post("/ping", "{")).status, 400);
    assert.equal((await post("/ping", "a=1", "application/x-www-form-urlencoded")).status, 415);
  });
}

function describeAddresses(given: Given): void {
  test("refuses query parameters that the route does not declare", async () => {
    const { call, token } = given();
    const answer = await call("/orders/1?verbose=1", withToken(token));
    assert.equal(answer.status, 422);
    assert.deepEqual(answer.json().errors, [{ in: "query", pointer: "", message: "Not expected here." }]);
  });

  test("reads a query parameter that comes twice as a list", async () => {
    const { call } = given();
    assert.deepEqual((await call("/search?tag=a")).json(), { tag: "a" });
    assert.deepEqual((await call("/search?tag=a&tag=b%20c")).json(), { tag: ["a", "b c"] });
    for (const query of ["", "?tag", "?tag=a&other=b", "?tag[x]=a", "?__proto__=a&tag=a"]) {
      assert.equal((await call(`/search${query}`)).status, query === "?tag" ? 200 : 422, query);
    }
  });

  test("decodes a path parameter once", async () => {
    const { call, token } = given();
    assert.equal((await call("/orders/a%2Fb", withToken(token))).json().id, "a/b");
    assert.equal((await call("/orders/%2541", withToken(token))).json().id, "%41");
    assert.equal((await call("/orders/a/b", withToken(token))).status, 404);
  });

  test("guards a route however its path is spelt", async () => {
    const { call } = given();
    for (const path of ["/me/", "/ME", "//me", "/%6de", "/./me", "/x/../me", "/me?", "/me#me", "/me;a"]) {
      const { status } = await call(path);
      assert.ok(status === 401 || status === 404, `${path}: ${status}`);
    }
  });

  test("answers a path without a route with 404, whatever the method", async () => {
    const { call, token } = given();
    for (const [path, method] of [
      ["/nowhere", "GET"],
      ["/nowhere", "POST"],
      ["/orders/1", "PUT"],
      ["/health", "DELETE"],
    ] as const) {
      const answer = await call(path, withToken(token, method));
      assert.deepEqual([answer.status, answer.json().code], [404, "not_found"], `${method} ${path}`);
    }
  });

  test("refuses a path that cannot be decoded with 400", async () => {
    const { call, token } = given();
    for (const path of ["/%zz", "/orders/%zz", "/orders/%ff", "/%", "/orders/%c3%28"]) {
      const answer = await call(path, withToken(token));
      assert.deepEqual([answer.status, answer.json().code], [400, "request_malformed"], path);
      assert.match(answer.headers.get("content-security-policy") ?? "", /^default-src 'none'/, path);
    }
  });

  test("refuses an address that is too long with 414", async () => {
    const { call } = given();
    assert.equal((await call(`/health?${"x".repeat(9_000)}`)).status, 414);
    assert.equal((await call(`/nowhere?${"x".repeat(9_000)}`)).status, 414);
  });

  test("refuses two Authorization fields with 400", async () => {
    const { server, token } = given();
    for (const second of [`Bearer ${token}`, "Basic eDp4"]) {
      const { hostname, port } = new URL(server.origin);
      const headers = [
        "Host",
        `${hostname}:${port}`,
        "Authorization",
        `Bearer ${token}`,
        "authorization",
        second,
      ];
      const sent = send({ hostname, port, path: "/me", headers });
      sent.end();
      const [answer] = await once(sent, "response");
      answer.resume();
      assert.equal(answer.statusCode, 400);
    }
  });
}

function describeLimits(framework: string, build: Build): void {
  describe(`limits under ${framework}`, () => {
    const issuer = createIssuer();
    const start = async (t: { after(end: () => unknown): void }, further: FurtherOptions) => {
      const security = createTestSecurity(issuer, further);
      const server = await build({ security, now: issuer.clock.now }, testRoutes);
      t.after(() => server.close());
      return createCall(server);
    };

    test("answer 429 with the fields once an address has spent its budget, and say so before", async (t) => {
      const call = await start(t, { limits: { address: "3/1m", principal: "2/1m" } });
      const first = await call("/me", withToken(mint(issuer)));
      assert.equal(first.headers.get("ratelimit-policy"), '"address";q=3;w=60, "principal";q=2;w=60');
      assert.equal(first.headers.get("ratelimit"), '"address";r=2;t=20, "principal";r=1;t=30');
      assert.equal((await call("/health")).status, 200);
      assert.equal((await call("/health", { method: "HEAD" })).status, 200);
      const refused = await call("/health");
      assert.equal(refused.status, 429);
      assert.equal(refused.headers.get("retry-after"), "20");
      assert.equal(refused.json().code, "rate_limited");
      issuer.clock.advance(20_000);
      assert.equal((await call("/health")).status, 200);
    });

    test("count requests for what is not there, or cannot be read", async (t) => {
      const call = await start(t, { limits: { address: "3/1m" } });
      assert.equal((await call("/nowhere")).status, 404);
      assert.equal((await call("/nowhere", { method: "DELETE" })).status, 404);
      assert.equal((await call("/%zz")).status, 400);
      for (const path of ["/nowhere", "/%zz", "/health"]) assert.equal((await call(path)).status, 429, path);
    });

    test("leave preflights alone: they are answered before any work", async (t) => {
      const call = await start(t, { limits: { address: "1/1m" } });
      const headers = { origin: "https://shop.example", "access-control-request-method": "GET" };
      for (let count = 0; count < 3; count += 1) {
        assert.equal((await call("/me", { method: "OPTIONS", headers })).status, 204);
      }
      assert.equal((await call("/health")).status, 200);
    });

    test("count a principal whatever token it brings", async (t) => {
      const call = await start(t, { limits: { principal: "2/1m" } });
      const statuses: number[] = [];
      for (const subject of ["alice", "alice", "alice", "bob"]) {
        statuses.push((await call("/me", withToken(mint(issuer, { subject })))).status);
      }
      assert.deepEqual(statuses, [200, 200, 429, 200]);
    });

    test("without CORS, OPTIONS is a path without a route", async (t) => {
      const call = await start(t, { cors: null });
      for (const path of ["/me", "/orders/1", "/nowhere"]) {
        const answer = await call(path, { method: "OPTIONS" });
        assert.deepEqual([answer.status, answer.json().code], [404, "not_found"], path);
        assert.match(answer.headers.get("content-security-policy") ?? "", /^default-src 'none'/, path);
      }
    });
  });
}
