/** What only the Fetch guard has; the rest is in the suite that every adapter is held to. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { z } from "zod";
import { createIssuer } from "../../testing/issuer.ts";
import type { Declaration } from "../api/call.ts";
import { describeBehaviour } from "../testing/behaviour.ts";
import { createTestSecurity, type TestAnswer, type TestCall } from "../testing/behaviour-routes.ts";
import { serveFetch } from "../testing/serve-fetch.ts";
import { createFetchGuard } from "./fetch-guard.ts";

/** Written for no framework, and so without its types. */
type Untyped = Declaration<undefined, undefined, undefined, undefined, unknown, unknown>;

const toResponse = ({ status = 200, fields = {}, body }: TestAnswer): Response => {
  if (body === undefined) return new Response(null, { status, headers: fields });
  return typeof body === "string"
    ? new Response(body, { status, headers: fields })
    : Response.json(body, { status, headers: fields });
};

describeBehaviour("Fetch", async (options, routes) => {
  const guard = createFetchGuard(options);
  const declare = {
    GET: guard.get,
    POST: guard.post,
    PUT: guard.put,
    PATCH: guard.patch,
    DELETE: guard.delete,
  };
  for (const { method, path, declaration, handler } of routes) {
    declare[method](path, declaration as Untyped, (_request, call) => {
      const answer = handler(call as TestCall);
      return answer instanceof Promise ? answer.then(toResponse) : toResponse(answer);
    });
  }
  return serveFetch((request, { incoming }) => {
    return guard.fetch(request, { address: incoming.socket.remoteAddress });
  });
});

const issuer = createIssuer();
const security = createTestSecurity(issuer);
const token = issuer.mint({ roles: ["user"] });
const authorization = `Bearer ${token}`;

describe("a handler under a Fetch guard", () => {
  const guard = createFetchGuard({ security });
  const one = { public: true, params: z.object({ id: z.string().max(4) }) } as const;
  const show = guard.protect({ method: "GET", path: "/things/:id" }, one, (_request, { params }) =>
    Response.json(params),
  );
  guard.protect({ method: "PATCH", path: "/things/:thing" }, one, () => new Response(null));
  const options = guard.preflight("/things/:id");
  const at = (path: string, init?: RequestInit) => new Request(`https://api.example${path}`, init);

  test("takes the platform's path parameters, or reads them from the path", async () => {
    assert.deepEqual(await (await show(at("/base/things/7"), { params: { id: "7" } })).json(), { id: "7" });
    assert.deepEqual(await (await show(at("/things/%C3%A9"))).json(), { id: "é" });
    assert.equal((await show(at("/elsewhere"))).status, 422);
    assert.equal((await show(at("/things/too-long"))).status, 422);
    assert.equal((await show(at("/things/7"), { params: { id: "7", more: "8" } })).status, 422);
  });

  test("is not reached by another method, and by HEAD as by GET", async () => {
    assert.equal((await show(at("/things/7", { method: "DELETE" }))).status, 404);
    assert.equal((await show(at("/things/7", { method: "OPTIONS" }))).status, 404);
    const head = await show(at("/things/7", { method: "HEAD" }));
    assert.deepEqual([head.status, await head.text()], [200, ""]);
  });

  test("has its path's preflight, with the methods declared so far", async () => {
    const headers = { origin: "https://shop.example", "access-control-request-method": "PATCH" };
    const answer = await options(at("/things/7", { method: "OPTIONS", headers }));
    assert.equal(answer.status, 204);
    assert.equal(answer.headers.get("access-control-allow-methods"), "GET, HEAD, PATCH");
  });

  test("may be declared again, as platforms do that reload a changed file; a routed one may not", () => {
    guard.protect({ method: "GET", path: "/things/:id" }, one, () => new Response(null));
    const routed = createFetchGuard({ security });
    routed.get("/health", "public", () => new Response("ok"));
    assert.throws(() => routed.get("/health", "public", () => new Response("ok")), {
      code: "route_conflict",
    });
  });

  test("does not start undeclared, nor with options or handlers that there are not", () => {
    const none = undefined as never;
    assert.throws(() => guard.protect({ method: "GET", path: "/open" }, none, () => new Response("open")), {
      code: "route_undeclared",
      place: "GET /open",
    });
    assert.throws(() => guard.get("/open", none, () => new Response("open")), { code: "route_undeclared" });
    assert.throws(() => guard.get("/open", "public", none), { code: "option_invalid" });
    assert.throws(() => guard.get("open", "public", () => new Response("open")), { code: "option_invalid" });
    assert.throws(() => createFetchGuard({ security, cors: {} } as never), { code: "option_unknown" });
  });

  test("takes a body that no field announces, and refuses one that is not JSON all the same", async () => {
    const body = { authenticated: true, body: z.object({ total: z.number() }) } as const;
    const create = guard.protect({ method: "POST", path: "/things" }, body, (_request, call) =>
      Response.json(call.body),
    );
    const post = (text: string, type: string) =>
      create(at("/things", { method: "POST", headers: { authorization, "content-type": type }, body: text }));
    assert.deepEqual(await (await post('{"total":1}', "application/json")).json(), { total: 1 });
    assert.equal((await post('{"total":1}', "text/plain")).status, 415);
    assert.equal((await post(`"${"x".repeat(70_000)}"`, "application/json")).status, 413);
  });

  test("answers 500 for a body that something read before", async () => {
    const quiet = createFetchGuard({ security, onError: () => {} });
    const body = { public: true, body: z.object({}) } as const;
    const create = quiet.protect({ method: "POST", path: "/things" }, body, () => new Response("reached"));
    const headers = { "content-type": "application/json" };
    const request = at("/things", { method: "POST", headers, body: "{}" });
    await request.text();
    const answer = await create(request);
    assert.doesNotMatch(await answer.text(), /reached/);
    assert.ok(answer.status >= 400);
  });

  test("hands the client's certificate to the guard only when it is asked for", async () => {
    let asked = 0;
    const clientCertificate = () => {
      asked += 1;
      return undefined;
    };
    const me = guard.protect(
      { method: "GET", path: "/me" },
      { authenticated: true },
      () => new Response("ok"),
    );
    assert.equal((await me(at("/me", { headers: { authorization } }), { clientCertificate })).status, 200);
    assert.equal(asked, 0);
    const claims = { cnf: { "x5t#S256": "A".repeat(43) } };
    const bound = { authorization: `Bearer ${issuer.mint({ claims })}` };
    assert.equal((await me(at("/me", { headers: bound }), { clientCertificate })).status, 401);
    assert.equal(asked, 1);
  });
});
