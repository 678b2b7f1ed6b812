import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import Fastify, { type FastifyInstance } from "fastify";
import { z } from "zod";
import { all, principal } from "../../authorization/conditions/condition.ts";
import { defineSecurity } from "../../contract/define-security.ts";
import { resource } from "../../contract/resource.ts";
import { type Answer, serve, withToken } from "../../testing/http.ts";
import { createTestIssuer, type TestIssuer } from "../../testing/issuer.ts";
import { bulwark } from "./plugin.ts";

const order = resource("order", {
  actions: ["create", "read", "update", "delete"],
  attributes: { id: "string", ownerId: "string", team: "string", status: "string", total: "number" },
});
const own = order.where.ownerId.eq(principal.id);

const rows = new Map(
  [
    { id: "1", ownerId: "alice", team: "red", status: "open", total: 10 },
    { id: "2", ownerId: "bob", team: "red", status: "open", total: 20 },
    { id: "3", ownerId: "carol", team: "blue", status: "open", total: 30 },
    { id: "4", ownerId: "alice", team: "red", status: "paid", total: 40 },
  ].map((row) => [row.id, row]),
);

const Id = z.object({ id: z.string().max(10) });
const OrderChanges = z
  .object({ ownerId: z.string(), status: z.string(), total: z.number().nonnegative() })
  .partial();

async function buildApp(issuer: TestIssuer, limits = {}): Promise<FastifyInstance> {
  const app = Fastify();
  await app.register(bulwark, {
    security: defineSecurity({
      issuer: issuer.issuer,
      audience: issuer.audience,
      keys: issuer.keys,
      resources: [order],
      roles: {
        user: {
          grants: [
            order.allow("create", { set: { ownerId: principal.id, team: principal.claim("team") } }),
            order.allow("read", { where: own }),
            order.allow("update", {
              where: all(own, order.where.status.in(["draft", "open"])),
              fields: ["status", "total"],
            }),
          ],
        },
        manager: {
          extends: ["user"],
          grants: [order.allow("read", { where: order.where.team.eq(principal.claim("team")) })],
        },
        admin: {
          extends: ["manager"],
          grants: [order.allow("read"), order.allow("update"), order.allow("delete")],
        },
      },
      cors: { origins: ["https://shop.example"], credentials: true },
      limits,
    }),
  });
  app.get("/health", { security: "public" }, () => ({ ok: true }));
  app.get("/page", { security: "public" }, (_request, reply) =>
    reply.header("content-security-policy", "default-src 'self'").header("vary", "Accept").send("page"),
  );
  app.get("/hijacked", { security: "public" }, (_request, reply) => {
    reply.hijack();
    reply.raw.setHeader("content-security-policy", "mine");
    reply.raw.end("raw");
  });
  app.get("/me", { security: { authenticated: true } }, (request) => ({ id: request.principal.id }));
  app.get(
    "/orders/:id",
    {
      security: { permission: "order:read", params: Id, resource: (request) => rows.get(request.params.id) },
    },
    (request) => request.resource,
  );
  app.post(
    "/orders",
    { security: { permission: "order:create", body: z.object({ total: z.number() }) } },
    (request) => request.values,
  );
  app.patch(
    "/orders/:id",
    {
      security: {
        permission: "order:update",
        params: Id,
        body: OrderChanges,
        resource: async (request) => rows.get(request.params.id),
      },
    },
    (request) => request.values,
  );
  app.delete(
    "/orders/:id",
    {
      security: {
        permission: "order:delete",
        params: Id,
        resource: (request) => rows.get(request.params.id),
      },
    },
    (_request, reply) => reply.code(204).send(),
  );
  app.get("/forgetful", { security: { permission: "order:read", list: true } }, () => [...rows.values()]);
  return app;
}

describe("the guard under Fastify", () => {
  let issuer: TestIssuer;
  let app: FastifyInstance;
  let call: (path: string, init?: RequestInit) => Promise<Answer>;
  let alice: string;
  let admin: string;

  before(async () => {
    issuer = await createTestIssuer();
    app = await buildApp(issuer);
    call = await serve(app);
    alice = await issuer.mint();
    admin = await issuer.mint({ claims: { sub: "adam", roles: ["admin"] } });
  });
  after(() => app.close());

  test("answers a public route without a credential, and a protected one only with it", async () => {
    assert.equal((await call("/health")).status, 200);
    const refused = await call("/me");
    assert.equal(refused.status, 401);
    assert.equal(refused.headers.get("www-authenticate"), "Bearer");
    assert.equal(refused.headers.get("content-type"), "application/problem+json; charset=utf-8");
    assert.equal(refused.json().code, "unauthenticated");
    assert.deepEqual((await call("/me", withToken(alice))).json(), { id: "alice" });
  });

  test("lets people reach their own row, and tells them nothing of another's", async () => {
    assert.equal((await call("/orders/1", withToken(alice))).status, 200);
    const foreign = await call("/orders/2", withToken(alice));
    const absent = await call("/orders/99", withToken(alice));
    assert.equal(foreign.status, 404);
    assert.deepEqual([foreign.status, foreign.text], [absent.status, absent.text]);
    const manager = await issuer.mint({ claims: { sub: "mona", roles: ["manager"] } });
    assert.equal((await call("/orders/2", withToken(manager))).status, 200);
    assert.equal((await call("/orders/3", withToken(manager))).status, 404);
    assert.equal((await call("/orders/3", withToken(admin))).status, 200);
  });

  test("refuses what no role grants before it looks at row or body", async () => {
    const refused = await call("/orders/2", withToken(alice, "DELETE"));
    assert.equal(refused.status, 403);
    assert.equal(refused.json().code, "permission_denied");
    assert.equal((await call("/orders/2", withToken(admin, "DELETE"))).status, 204);
    const nobody = await issuer.mint({ claims: { roles: ["someone-elses-role"] } });
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
    const teamless = await issuer.mint({ claims: { team: undefined } });
    assert.equal(
      (await call("/orders", withToken(teamless, "POST", { total: 5 }))).json().code,
      "row_denied",
    );
  });

  const badBodies = [
    { name: "an unknown field", body: { total: 5, ownerId: "bob" }, status: 422 },
    { name: "a field of the wrong type", body: { total: "5" }, status: 422 },
    { name: "a missing field", body: {}, status: 422 },
    { name: "no JSON", body: "{", status: 400 },
    { name: "__proto__", body: '{"total":5,"__proto__":{"admin":true}}', status: 400 },
    {
      name: "constructor.prototype",
      body: '{"total":5,"constructor":{"prototype":{"admin":true}}}',
      status: 400,
    },
    { name: "too many bytes", body: { total: 5, note: "x".repeat(70_000) }, status: 413 },
  ];
  for (const { name, body, status } of badBodies) {
    test(`refuses a body with ${name} with ${status}`, async () => {
      const answer = await call("/orders", withToken(alice, "POST", body));
      assert.equal(answer.status, status);
      assert.equal(answer.headers.get("content-type"), "application/problem+json; charset=utf-8");
      assert.equal(answer.json().status, status);
    });
  }

  test("refuses a body that is not declared as JSON with 415", async () => {
    const init = withToken(alice, "POST", { total: 5 });
    const answer = await call("/orders", {
      ...init,
      headers: { ...init.headers, "content-type": "text/plain" },
    });
    assert.equal(answer.status, 415);
  });

  test("refuses query parameters that the route does not declare", async () => {
    const answer = await call("/orders/1?verbose=1", withToken(alice));
    assert.equal(answer.status, 422);
    assert.deepEqual(answer.json().errors, [{ in: "query", pointer: "", message: "Not expected here." }]);
  });

  test("does not send a list whose handler forgot the filter", async () => {
    const answer = await call("/forgetful", withToken(alice));
    assert.equal(answer.status, 500);
    assert.doesNotMatch(answer.text, /bob/);
  });

  test("sends the security fields with every answer", async () => {
    for (const path of ["/health", "/me", "/nowhere", "/orders/1"]) {
      const { headers } = await call(path, path === "/orders/1" ? withToken(alice) : {});
      assert.match(headers.get("content-security-policy") ?? "", /^default-src 'none'/, path);
      assert.equal(headers.get("x-content-type-options"), "nosniff", path);
    }
    assert.equal((await call("/orders/1", withToken(alice))).headers.get("cache-control"), "no-store");
  });

  test("lets the application override a field, add to Vary, and see all of them in an injected answer", async () => {
    const headers = { origin: "https://shop.example" };
    const answer = await call("/page", { headers });
    assert.equal(answer.headers.get("content-security-policy"), "default-src 'self'");
    assert.equal(answer.headers.get("vary"), "Accept, Origin");
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
    const injected = await app.inject({ url: "/page", headers });
    assert.equal(injected.headers["content-security-policy"], "default-src 'self'");
    assert.equal(injected.headers["access-control-allow-origin"], "https://shop.example");
    const hijacked = await call("/hijacked");
    assert.equal(hijacked.headers.get("content-security-policy"), "mine");
    assert.equal(hijacked.headers.get("x-content-type-options"), "nosniff");
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
      call("/orders/1", { method: "OPTIONS", headers: { origin, "access-control-request-method": "PATCH" } });
    const listed = await preflight("https://shop.example");
    assert.equal(listed.status, 204);
    assert.equal(listed.headers.get("access-control-allow-methods"), "GET, HEAD, PATCH, DELETE");
    assert.equal(listed.headers.get("access-control-allow-headers"), "Authorization, Content-Type");
    assert.equal((await preflight("https://evil.example")).headers.get("access-control-allow-methods"), null);
  });
});

describe("limits under Fastify", () => {
  test("answers 429 with the fields once an address has spent its budget, and says so before", async (t) => {
    const issuer = await createTestIssuer();
    const app = await buildApp(issuer, { address: "3/1m", principal: "2/1m" });
    t.after(() => app.close());
    const call = await serve(app);
    const first = await call("/me", withToken(await issuer.mint()));
    assert.equal(first.headers.get("ratelimit-policy"), '"address";q=3;w=60, "principal";q=2;w=60');
    assert.equal(first.headers.get("ratelimit"), '"address";r=2;t=20, "principal";r=1;t=30');
    assert.equal((await call("/health")).status, 200);
    assert.equal((await call("/health")).status, 200);
    const refused = await call("/health");
    assert.equal(refused.status, 429);
    assert.match(refused.headers.get("retry-after") ?? "", /^(19|20)$/);
    assert.equal(refused.json().code, "rate_limited");
  });

  test("leave preflights alone: they are answered before any work", async (t) => {
    const app = await buildApp(await createTestIssuer(), { address: "1/1m" });
    t.after(() => app.close());
    const call = await serve(app);
    const headers = { origin: "https://shop.example", "access-control-request-method": "GET" };
    for (let count = 0; count < 3; count += 1) {
      assert.equal((await call("/me", { method: "OPTIONS", headers })).status, 204);
    }
    assert.equal((await call("/health")).status, 200);
  });

  test("counts a principal whatever token it brings", async (t) => {
    const issuer = await createTestIssuer();
    const app = await buildApp(issuer, { principal: "2/1m" });
    t.after(() => app.close());
    const call = await serve(app);
    const statuses: number[] = [];
    for (const sub of ["alice", "alice", "alice", "bob"]) {
      statuses.push((await call("/me", withToken(await issuer.mint({ claims: { sub } })))).status);
    }
    assert.deepEqual(statuses, [200, 200, 429, 200]);
  });
});

describe("what does not start under Fastify", () => {
  const security = defineSecurity({
    issuer: "https://issuer.example",
    audience: "https://api.example",
    resources: [order],
    roles: {},
  });

  test("a route without security", async () => {
    const app = Fastify();
    await app.register(bulwark, { security });
    assert.throws(() => app.get("/open", () => "open"), { code: "route_undeclared", place: "GET /open" });
    await app.close();
  });

  test("a route without security in an inner scope", async () => {
    const app = Fastify();
    await app.register(bulwark, { security });
    app.register(async (scope) => {
      scope.get("/open", () => "open");
    });
    await assert.rejects(async () => app.ready(), { code: "route_undeclared" });
  });

  test("a guard registered after routes", async () => {
    const app = Fastify();
    app.get("/early", () => "open");
    await assert.rejects(async () => app.register(bulwark, { security }), { code: "route_before_guard" });
  });

  test("a route that was declared while the guard was still being registered: its handler is never reached", async () => {
    const app = Fastify();
    app.register(
      async (scope) => {
        const registered = scope.register(bulwark, { security });
        scope.get("/early", () => "open");
        await registered;
      },
      { prefix: "/inner" },
    );
    const call = await serve(app);
    const answer = await call("/inner/early");
    assert.equal(answer.status, 500);
    assert.doesNotMatch(answer.text, /open/);
    await app.close();
  });

  test("an option that the plugin does not have", async () => {
    const app = Fastify();
    await assert.rejects(async () => app.register(bulwark, { security, cors: {} } as never), {
      code: "option_unknown",
    });
  });
});
