/** What only Express has; the rest is in the suite that every adapter is held to. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { describe, test } from "node:test";
import express, { type Response } from "express";
import { z } from "zod";
import { withToken } from "../../testing/http.ts";
import { createIssuer } from "../../testing/issuer.ts";
import type { Declaration } from "../api/call.ts";
import { createCall, describeBehaviour, type TestServer } from "../testing/behaviour.ts";
import { createTestSecurity, type TestAnswer, type TestCall } from "../testing/behaviour-routes.ts";
import { bulwark } from "./bulwark.ts";

async function listen(listener: RequestListener): Promise<TestServer> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

describeBehaviour("Express", async (options, routes) => {
  const app = express();
  const api = bulwark(app, options);
  const declare = { GET: api.get, POST: api.post, PUT: api.put, PATCH: api.patch, DELETE: api.delete };
  for (const { method, path, declaration, handler } of routes) {
    declare[method](path, declaration as Untyped, (request, response) => {
      const send = ({ status = 200, fields = {}, body }: TestAnswer) => {
        response.status(status).set(fields);
        if (body === undefined) response.end();
        else response.send(body);
      };
      const answer = handler(request as unknown as TestCall);
      return answer instanceof Promise ? answer.then(send) : send(answer);
    });
  }
  return listen(app);
});

/** Written for no framework, and so without its types. */
type Untyped = Declaration<undefined, undefined, undefined, undefined, unknown, unknown>;

const issuer = createIssuer();
const security = createTestSecurity(issuer);
const token = issuer.mint({ roles: ["user"] });

describe("a list that forgets its filter, under Express,", () => {
  const attempts: readonly { name: string; write: (response: Response) => unknown }[] = [
    { name: "in one piece", write: (response) => response.json(["bob"]) },
    { name: "in several", write: (response) => response.write("bob") && response.end("bob") },
    {
      name: "with a head of its own",
      write: (response) => response.writeHead(200, { "x-row": "bob" }).end("bob"),
    },
    {
      name: "head first",
      write(response) {
        response.flushHeaders();
        response.end("bob");
      },
    },
    { name: "as a redirection", write: (response) => response.redirect("/bob") },
    { name: "once the handler is done", write: (response) => void setTimeout(() => response.send("bob"), 5) },
    {
      name: "over and over",
      write(response) {
        const timer = setInterval(() => response.write("bob"), 2);
        response.on("close", () => clearInterval(timer));
      },
    },
  ];
  for (const { name, write } of attempts) {
    test(`is not sent ${name}`, async (t) => {
      const app = express();
      const api = bulwark(app, { security, onError: () => {} });
      api.get("/orders", { permission: "order:read", list: true }, (_request, response) => write(response));
      const server = await listen(app);
      t.after(() => server.close());
      const call = createCall(server);
      const answer = await call("/orders", withToken(token));
      assert.deepEqual([answer.status, answer.json().code], [500, "internal"]);
      assert.doesNotMatch(answer.text + [...answer.headers].join(), /bob/);
    });
  }
});

describe("an Express app under the guard", () => {
  test("refuses what is declared on it directly, where it is declared", () => {
    const app = express();
    bulwark(app, { security });
    const attempts: readonly (() => unknown)[] = [
      () => app.get("/open", () => {}),
      () => app.all("/open", () => {}),
      () => app.route("/open").get(() => {}),
      () => app.use(() => {}),
      () => app.use("/files", express.static(".")),
      () =>
        app.use(
          "/inner",
          express.Router().get("/open", () => {}),
        ),
      () =>
        app.use(
          "/inner",
          express().get("/open", () => {}),
        ),
    ];
    for (const attempt of attempts) assert.throws(attempt, { code: "route_undeclared" }, String(attempt));
    assert.throws(() => app.get("/open", () => {}), { place: "/open" });
    assert.throws(() => app.param("id", () => {}), { code: "route_undeclared", place: "param id" });
  });

  test("answers nothing once something is on it all the same", async (t) => {
    const app = express();
    const api = bulwark(app, { security, onError: () => {} });
    api.get("/health", "public", (_request, response) => response.send("ok"));
    const server = await listen(app);
    t.after(() => server.close());
    const call = createCall(server);
    assert.equal((await call("/health")).status, 200);
    const other = express();
    other.get("/open", (_request, response) => response.send("open"));
    app.router.stack.unshift(...other.router.stack);
    for (const path of ["/open", "/health"]) {
      const answer = await call(path);
      assert.deepEqual([answer.status, answer.json().code], [500, "internal"], path);
      assert.match(answer.headers.get("content-security-policy") ?? "", /^default-src 'none'/);
    }
  });

  test("cannot have had routes or middleware before", () => {
    const app = express();
    app.use(express.json());
    assert.throws(() => bulwark(app, { security }), { code: "route_before_guard" });
  });

  test("refuses a route without security, one declared twice, one without a handler, an unknown option", () => {
    const api = bulwark(express(), { security });
    assert.throws(() => api.get("/open", undefined as never, () => {}), {
      code: "route_undeclared",
      place: "GET /open",
    });
    api.get("/health", "public", () => {});
    assert.throws(() => api.get("/health", "public", () => {}), { code: "route_conflict" });
    assert.throws(() => api.get("/none", "public", undefined as never), { code: "option_invalid" });
    assert.throws(() => bulwark(express(), { security, cors: {} } as never), { code: "option_unknown" });
  });

  test("has routes below prefixes, and middlewares that run for who the guard lets through", async (t) => {
    const app = express();
    const api = bulwark(app, { security });
    const seen: string[] = [];
    const v1 = api.router("/v1");
    v1.use((request, _response, next) => {
      seen.push(request.path);
      next();
    });
    v1.get("/me", { authenticated: true }, ({ principal }, response) => response.json({ id: principal.id }));
    api.get("/health", "public", (_request, response) => response.send("ok"));
    const server = await listen(app);
    t.after(() => server.close());
    const call = createCall(server);
    assert.equal((await call("/v1/me")).status, 401);
    assert.equal((await call("/health")).status, 200);
    assert.deepEqual(seen, []);
    assert.deepEqual((await call("/v1/me", withToken(token))).json(), { id: "alice" });
    assert.deepEqual(seen, ["/v1/me"]);
    const errorHandler = (_error: unknown, _request: never, _response: never, _next: never) => {};
    assert.throws(() => api.use(errorHandler as never), { code: "option_invalid" });
  });

  test("keeps its guard when it is mounted on another app, unknown paths and all", async (t) => {
    const outer = express();
    const app = express();
    const api = bulwark(app, { security });
    api.get("/me", { authenticated: true }, ({ principal }, response) => response.json({ id: principal.id }));
    outer.use("/api", app);
    const server = await listen(outer);
    t.after(() => server.close());
    const call = createCall(server);
    assert.equal((await call("/api/me")).status, 401);
    assert.deepEqual((await call("/api/me", withToken(token))).json(), { id: "alice" });
    assert.equal((await call("/api/nowhere")).json().code, "not_found");
  });

  test("goes on with a connection whose last body was too long", async (t) => {
    const app = express();
    const api = bulwark(app, { security });
    const echo = { public: true, body: z.object({ total: z.number() }) } as const;
    api.post("/echo", echo, ({ body }, response) => response.json(body));
    const server = await listen(app);
    t.after(() => server.close());
    const socket = connect(Number(new URL(server.origin).port), "127.0.0.1");
    t.after(() => socket.destroy());
    const next = async () => String((await once(socket, "data", { signal: AbortSignal.timeout(5_000) }))[0]);
    const head = "POST /echo HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\n";
    const chunk = `${(10_000).toString(16)}\r\n${" ".repeat(10_000)}\r\n`;
    socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(7)}`);
    assert.match(await next(), /^HTTP\/1.1 413 /);
    socket.write(`${chunk.repeat(20)}0\r\n\r\n${head}Content-Length: 11\r\n\r\n{"total":1}`);
    assert.match(await next(), /^HTTP\/1.1 200 /);
  });

  test("breaks off an answer whose handler fails half way, and goes on", async (t) => {
    const app = express();
    const errors: unknown[] = [];
    const api = bulwark(app, { security, onError: (error) => errors.push(error) });
    api.get("/half", "public", (_request, response) => {
      response.write("half");
      throw new Error("It failed.");
    });
    api.get("/on", "public", (_request, response, next) => {
      response.send("whole");
      next();
    });
    const server = await listen(app);
    t.after(() => server.close());
    const call = createCall(server);
    await assert.rejects(call("/half"));
    assert.equal((await call("/on")).text, "whole");
    assert.equal(errors.length, 1);
  });
});
