/** What only Fastify has; the rest is in the suite that every adapter is held to. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import Fastify from "fastify";
import { serve } from "../../testing/http.ts";
import { createIssuer } from "../../testing/issuer.ts";
import { describeBehaviour } from "../testing/behaviour.ts";
import { createTestSecurity, type TestAnswer, type TestCall } from "../testing/behaviour-routes.ts";
import { bulwark, frameworkErrors } from "./plugin.ts";

describeBehaviour("Fastify", async ({ onError: _, ...options }, routes) => {
  const app = Fastify({ frameworkErrors });
  await app.register(bulwark, options);
  for (const { method, path, declaration, handler } of routes) {
    app.route({
      method,
      url: path,
      // Written for no framework, and so without Fastify's types.
      ...({ security: declaration } as object),
      handler(request, reply) {
        const send = ({ status = 200, fields = {}, body }: TestAnswer) =>
          reply.code(status).headers(fields).send(body);
        const answer = handler(request as unknown as TestCall);
        return answer instanceof Promise ? answer.then(send) : send(answer);
      },
    });
  }
  return { origin: await app.listen({ host: "127.0.0.1", port: 0 }), close: () => app.close() };
});

const security = createTestSecurity(createIssuer());

describe("answers under Fastify", () => {
  test("carry the fields when they are injected, and when the reply is hijacked", async (t) => {
    const app = Fastify();
    t.after(() => app.close());
    await app.register(bulwark, { security });
    app.get("/page", { security: "public" }, (_request, reply) =>
      reply.header("content-security-policy", "mine").send("page"),
    );
    app.get("/hijacked", { security: "public" }, (_request, reply) => {
      reply.hijack();
      reply.raw.setHeader("content-security-policy", "mine");
      reply.raw.end("raw");
    });
    const injected = await app.inject({ url: "/page", headers: { origin: "https://shop.example" } });
    assert.equal(injected.headers["content-security-policy"], "mine");
    assert.equal(injected.headers["access-control-allow-origin"], "https://shop.example");
    const hijacked = await (await serve(app))("/hijacked");
    assert.equal(hijacked.headers.get("content-security-policy"), "mine");
    assert.equal(hijacked.headers.get("x-content-type-options"), "nosniff");
  });

  test("to a path that cannot be decoded are Fastify's own, unless the app takes `frameworkErrors`", async (t) => {
    const app = Fastify();
    t.after(() => app.close());
    await app.register(bulwark, { security });
    assert.equal((await (await serve(app))("/%zz")).headers.get("x-content-type-options"), null);

    const outside = Fastify({ frameworkErrors });
    t.after(() => outside.close());
    await outside.register(
      async (scope) => {
        await scope.register(bulwark, { security });
      },
      { prefix: "/inner" },
    );
    const answer = await (await serve(outside))("/%zz");
    assert.deepEqual([answer.status, answer.json().code], [400, "request_malformed"]);
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
  });
});

describe("what does not start under Fastify", () => {
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

  test("a HEAD route of its own that declares nothing, beside a GET", async () => {
    const app = Fastify({ exposeHeadRoutes: false });
    await app.register(bulwark, { security });
    app.get("/open", { security: "public" }, () => "open");
    assert.throws(() => app.head("/open", () => "open"), { code: "route_undeclared", place: "HEAD /open" });
    app.head("/closed", { security: { authenticated: true } }, () => "");
    app.get("/closed", { security: "public" }, () => "open");
    const call = await serve(app);
    assert.equal((await call("/closed", { method: "HEAD" })).status, 401);
    assert.equal((await call("/closed")).status, 200);
    await app.close();
  });

  test("a scope's own handler of unknown paths", async () => {
    const app = Fastify();
    await app.register(bulwark, { security });
    app.register(async (scope) => scope.setNotFoundHandler(() => "open"), { prefix: "/inner" });
    await assert.rejects(async () => app.ready(), { code: "route_undeclared", place: "/inner/*" });
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
