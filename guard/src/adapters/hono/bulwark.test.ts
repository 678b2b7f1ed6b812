/** What only Hono has; the rest is in the suite that every adapter is held to. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Context, Hono } from "hono";
import { withToken } from "../../testing/http.ts";
import { createIssuer } from "../../testing/issuer.ts";
import type { Declaration } from "../api/call.ts";
import { describeBehaviour } from "../testing/behaviour.ts";
import { createTestSecurity, type TestAnswer, type TestCall } from "../testing/behaviour-routes.ts";
import { serveFetch } from "../testing/serve-fetch.ts";
import { bulwark } from "./bulwark.ts";

/** Written for no framework, and so without its types. */
type Untyped = Declaration<undefined, undefined, undefined, undefined, unknown, unknown>;

describeBehaviour("Hono", async (options, routes) => {
  const app = new Hono();
  const api = bulwark(app, options);
  const declare = { GET: api.get, POST: api.post, PUT: api.put, PATCH: api.patch, DELETE: api.delete };
  for (const { method, path, declaration, handler } of routes) {
    declare[method](path, declaration as Untyped, (context, call) => {
      const send = ({ status = 200, fields = {}, body }: TestAnswer): Response => {
        for (const [name, value] of Object.entries(fields)) context.header(name, value);
        if (body === undefined) return context.body(null, status as 204);
        return typeof body === "string" ? context.text(body) : context.json(body, status as 200);
      };
      const answer = handler(call as TestCall);
      return answer instanceof Promise ? answer.then(send) : send(answer);
    });
  }
  return serveFetch(app.fetch);
});

const issuer = createIssuer();
const security = createTestSecurity(issuer, { limits: { address: "2/1m" } });
const token = issuer.mint({ roles: ["user"] });

describe("a Hono app under the guard", () => {
  test("refuses what is declared on it directly, where it is declared, and answers nothing then", async () => {
    const attempts: readonly ((app: Hono) => unknown)[] = [
      (app) => app.get("/open", (context) => context.text("open")),
      (app) => app.all("/open", (context) => context.text("open")),
      (app) => app.on("GET", "/open", (context) => context.text("open")),
      (app) => app.use((context) => Promise.resolve(context.text("open"))),
      (app) =>
        app.route(
          "/",
          new Hono().get("/open", (context) => context.text("open")),
        ),
      (app) => app.basePath("/inner").get("/open", (context) => context.text("open")),
      (app) => app.mount("/", () => new Response("open")),
      (app) => app.notFound((context) => context.text("open")),
      (app) => app.onError((_error, context) => context.text("open")),
    ];
    for (const attempt of attempts) {
      const app = new Hono();
      bulwark(app, { security, onError: () => {} });
      assert.throws(() => attempt(app), { code: "route_undeclared" }, String(attempt));
      const answer = await app.request("/open");
      assert.ok(answer.status >= 400, String(attempt));
      assert.doesNotMatch(await answer.text(), /open/);
      assert.match(answer.headers.get("content-security-policy") ?? "", /^default-src 'none'/);
    }
    const app = new Hono();
    bulwark(app, { security });
    assert.throws(() => app.get("/open", (context) => context.text("open")), { place: "GET /open" });
  });

  test("cannot have had routes before, nor a base path, nor options that there are not", () => {
    const early = new Hono().get("/early", (context) => context.text("early"));
    assert.throws(() => bulwark(early, { security }), { code: "route_before_guard", message: /GET \/early/ });
    assert.throws(() => bulwark(new Hono().basePath("/v1"), { security }), { code: "option_invalid" });
    assert.throws(() => bulwark(new Hono(), { security, cors: {} } as never), { code: "option_unknown" });
    const api = bulwark(new Hono(), { security });
    assert.throws(() => api.get("/open", undefined as never, (context: Context) => context.text("")), {
      code: "route_undeclared",
      place: "GET /open",
    });
    assert.throws(() => api.get("/none", "public", undefined as never), { code: "option_invalid" });
  });

  test("has routes below prefixes, and middlewares around who the guard lets through", async () => {
    const app = new Hono();
    const api = bulwark(app, { security });
    const seen: string[] = [];
    const v1 = api.router("/v1");
    v1.use(async (context, next) => {
      seen.push(context.req.path);
      await next();
      context.header("x-seen", String(context.res.status));
    });
    v1.get("/me", { authenticated: true }, (context, { principal }) => context.json({ id: principal.id }));
    assert.equal((await app.request("/v1/me")).status, 401);
    assert.deepEqual(seen, []);
    const answer = await app.request("/v1/me", withToken(token));
    assert.deepEqual([await answer.json(), answer.headers.get("x-seen")], [{ id: "alice" }, "200"]);
    assert.equal(answer.headers.get("cache-control"), "no-store");
  });

  test("counts by the address that the application names", async () => {
    const app = new Hono();
    const api = bulwark(app, {
      security,
      address: (context) => context.req.header("cf-connecting-ip") ?? "",
    });
    api.get("/health", "public", (context) => context.text("ok"));
    const from = async (address: string) =>
      (await app.request("/health", { headers: { "cf-connecting-ip": address } })).status;
    assert.deepEqual(
      [await from("192.0.2.1"), await from("192.0.2.1"), await from("192.0.2.1")],
      [200, 200, 429],
    );
    assert.equal(await from("192.0.2.2"), 200);
  });

  test("answers an address that cannot be told with 500, and no handler", async () => {
    const app = new Hono();
    const api = bulwark(app, {
      security,
      onError: () => {},
      address: () => {
        throw new Error("There is none.");
      },
    });
    api.get("/health", "public", (context) => context.text("ok"));
    for (const path of ["/health", "/nowhere"]) {
      const answer = await app.request(path);
      assert.equal(answer.status, 500);
      assert.equal(((await answer.json()) as { code: string }).code, "internal");
    }
  });

  test("puts the fields on answers that cannot be changed", async () => {
    const app = new Hono();
    const api = bulwark(app, { security });
    api.get("/elsewhere", "public", () => Response.redirect("https://shop.example/", 302));
    api.get("/fetched", "public", () => fetch("data:text/plain,fetched"));
    const redirected = await app.request("/elsewhere");
    assert.deepEqual([redirected.status, redirected.headers.get("location")], [302, "https://shop.example/"]);
    const fetched = await app.request("/fetched");
    assert.deepEqual([fetched.status, await fetched.text()], [200, "fetched"]);
    for (const { headers } of [redirected, fetched]) {
      assert.equal(headers.get("x-content-type-options"), "nosniff");
    }
  });
});
