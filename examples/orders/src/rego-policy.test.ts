/** The order API's Rego policy: its own tests, what it makes of the API, and that the API is whole without it. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { opa, type PolicyEngine, policyInput } from "@bulwark/guard";
import { bulwark } from "@bulwark/guard/fastify";
import { opaWasm } from "@bulwark/guard/opa-wasm";
import { createClock, createIssuer } from "@bulwark/guard/testing";
import Fastify from "fastify";
import { createFolder } from "../../../testing/folder.ts";
import { buildBundle, findOpa, opaMissing, startOpa, type TestOpa } from "../../../testing/opa.ts";
import { findFreePort } from "../../../testing/port.ts";
import { addOrderRoutes } from "./fastify/routes.ts";
import { createQueries } from "./orders/queries.ts";
import { type Order, openOrders, seedOrders } from "./orders/store.ts";
import { createSecurity, order } from "./security.ts";
import { asBearer, asSession, machineToken, request, signIn } from "./testing/client.ts";
import { runToEnd, startProgram } from "./testing/program.ts";

const folder = fileURLToPath(new URL("../policy", import.meta.url));
const rego = readFileSync(join(folder, "orders.rego"), "utf8");
const decision = "orders/decision";
const permissions = ["order:create", "order:read", "order:update", "order:delete"];

/** Monday, 7 January 2030. */
const monday = (hour: number, minute = 0) => Date.UTC(2030, 0, 7, hour, minute);
const rows: readonly Order[] = [
  { id: "1", ownerId: "alice", team: "red", status: "open", total: 10 },
  { id: "2", ownerId: "alice", team: "red", status: "draft", total: 20 },
  { id: "3", ownerId: "bob", team: "red", status: "paid", total: 500 },
  { id: "4", ownerId: "bob", team: "red", status: "paid", total: 501 },
  { id: "5", ownerId: "bob", team: "red", status: "draft", total: 30 },
];

test("the policy passes its own tests, and OPA's strict check", async (t) => {
  const binary = findOpa();
  if (binary === undefined) return t.skip(opaMissing);
  const files = ["orders.rego", "orders_test.rego"].map((name) => join(folder, name));
  await promisify(execFile)(binary, ["check", "--strict", ...files], { timeout: 20_000 });
  const { stdout } = await promisify(execFile)(binary, ["test", "--format", "json", ...files], {
    timeout: 20_000,
  });
  const results: readonly { readonly name: string; readonly fail?: boolean }[] = JSON.parse(stdout);
  assert.deepEqual(
    results.filter(({ fail }) => fail === true),
    [],
  );
  assert.ok(results.length >= 9);
});

/** The API with a clock of its own, over real HTTP. */
async function start(t: TestContext, policy: PolicyEngine | undefined) {
  const data = createFolder();
  const clock = createClock(monday(9));
  const issuer = createIssuer({
    issuer: "http://localhost:3000",
    audience: "http://localhost:3000/api",
    clock,
  });
  const db = await openOrders(data.path);
  await seedOrders(db, () => rows);
  const app = Fastify();
  t.after(async () => {
    await app.close();
    await db.destroy();
    data.remove();
  });
  const security = createSecurity({ issuer: issuer.issuer, origin: "http://localhost:3000" }, policy);
  const identity = {
    issuer: issuer.issuer,
    sessionCookieName: "session",
    keys: async () => issuer.keys,
    findSession: async () => undefined,
  };
  await app.register(bulwark, { security, identity, now: clock.now });
  await app.register(async (api) => addOrderRoutes(api, createQueries(db)));
  const origin = await app.listen({ host: "127.0.0.1", port: 0 });
  const call = async (
    who: string,
    role: string,
    path: string,
    method = "GET",
    body?: unknown,
    claims = {},
  ) => {
    const token = issuer.mint({ subject: who, roles: [role], claims: { team: "red", ...claims } });
    const { status, json } = await request(origin + path, asBearer(token, method, body));
    return { status, json };
  };
  const list = async (who: string, role: string) =>
    (await call(who, role, "/orders")).json.items.map(({ id }: Order) => id);
  return { call, list, clock, app };
}

describe("the order API under the policy", () => {
  let server: TestOpa | undefined;
  before(async () => {
    server = await startOpa({ "orders.rego": rego });
  });
  after(() => server?.close());
  const remote = () =>
    opa({ url: server?.url ?? "", decision, filter: "orders/visible", permissions, timeoutMs: 2_000 });

  test("deletes in office hours only", async (t) => {
    if (server === undefined) return t.skip(opaMissing);
    const { call, clock } = await start(t, remote());
    clock.advance(monday(7, 59) - clock.now());
    const early = await call("adam", "admin", "/orders/1", "DELETE");
    assert.deepEqual(
      [early.status, early.json.code, early.json.policy],
      [403, "policy_denied", "outside_office_hours"],
    );
    assert.equal((await call("adam", "admin", "/orders/1")).status, 200);
    clock.advance(60_000);
    assert.equal((await call("adam", "admin", "/orders/1", "DELETE")).status, 204);
    clock.advance(5 * 86_400_000);
    assert.equal((await call("adam", "admin", "/orders/3", "DELETE")).json.code, "policy_denied");
  });

  test("pays back up to the ceiling, and more with a second factor", async (t) => {
    if (server === undefined) return t.skip(opaMissing);
    const { call } = await start(t, remote());
    const cancel = (id: string, claims = {}) =>
      call("adam", "admin", `/orders/${id}`, "PATCH", { status: "cancelled" }, claims);
    assert.equal((await cancel("3")).status, 200);
    const large = await cancel("4");
    assert.deepEqual([large.status, large.json.policy], [403, "refund_needs_mfa"]);
    assert.equal((await cancel("4", { acr: "password" })).status, 403);
    assert.equal((await cancel("4", { acr: "mfa" })).status, 200);
  });

  test("shows drafts to their owner and to administrators, one by one as in lists", async (t) => {
    if (server === undefined) return t.skip(opaMissing);
    const { call, list } = await start(t, remote());
    const seen: Readonly<Record<string, readonly string[]>> = {
      "alice user": ["1", "2"],
      "mona manager": ["1", "3", "4"],
      "adam admin": ["1", "2", "3", "4", "5"],
      "billing billing": ["1", "3", "4"],
    };
    for (const [name, ids] of Object.entries(seen)) {
      const [who = "", role = ""] = name.split(" ");
      assert.deepEqual(await list(who, role), ids, name);
      for (const { id } of rows) {
        const { status } = await call(who, role, `/orders/${id}`);
        assert.equal(status, ids.includes(id) ? 200 : 404, `${name} ${id}`);
      }
    }
  });

  test("denies while OPA is down, and goes on once it is back", async (t) => {
    if (server === undefined) return t.skip(opaMissing);
    const { call, app } = await start(t, remote());
    const statuses = async () => [
      (await call("alice", "user", "/orders")).status,
      (await call("alice", "user", "/orders/1")).status,
      (await call("alice", "user", "/orders/1", "PATCH", { total: 11 })).status,
      (await call("alice", "user", "/orders", "POST", { total: 1 })).status,
    ];
    assert.deepEqual(await statuses(), [200, 200, 200, 201]);
    await server.stop();
    assert.deepEqual(await statuses(), [503, 503, 503, 503]);
    assert.equal(app.guardHealth().policy?.state, "failing");
    await server.start();
    assert.deepEqual(await statuses(), [200, 200, 200, 201]);
  });

  test("decides on the server as in WebAssembly", async (t) => {
    if (server === undefined) return t.skip(opaMissing);
    const bundle = await buildBundle({ "orders.rego": rego }, [decision]);
    t.after(() => bundle?.remove());
    const engines = [remote(), opaWasm({ wasm: bundle?.path ?? "", decision, reload: false })];
    const security = createSecurity({ issuer: "http://localhost:3000", origin: "http://localhost:3000" });
    let compared = 0;
    const effects = new Set<string>();
    for (const hour of [0, 7, 8, 12, 17, 18, 24 * 5 + 12]) {
      for (const action of order.actions) {
        for (const row of rows) {
          for (const [id, role] of [
            ["alice", "user"],
            ["adam", "admin"],
            ["mona", "manager"],
          ] as const) {
            const whole: Readonly<Record<string, unknown>> = { ...row };
            const values = {
              create: whole,
              read: undefined,
              update: { status: "cancelled" },
              delete: undefined,
            };
            const input = policyInput(security, {
              principal: { id, kind: "account", roles: [role], claims: {} },
              permission: `order:${action}`,
              row: action === "create" ? undefined : whole,
              values: values[action],
              nowMs: monday(hour),
            });
            const [one, other] = await Promise.all(engines.map((engine) => engine.decide(input)));
            assert.deepEqual(one, other);
            effects.add(`${action} ${one?.effect}`);
            compared += 1;
          }
        }
      }
    }
    for (const action of ["read", "update", "delete"]) {
      assert.ok(effects.has(`${action} allow`) && effects.has(`${action} deny`), action);
    }
    t.diagnostic(`${compared} comparisons`);
  });
});

test("the order API without the policy lets the contract alone decide", async (t) => {
  const { call, list, clock } = await start(t, undefined);
  clock.advance(monday(3) - clock.now());
  assert.deepEqual(await list("mona", "manager"), ["1", "2", "3", "4", "5"]);
  assert.equal((await call("adam", "admin", "/orders/4", "PATCH", { status: "cancelled" })).status, 200);
  assert.equal((await call("adam", "admin", "/orders/1", "DELETE")).status, 204);
});

describe("the program", () => {
  const statuses = async (origin: string) => {
    const billing = await machineToken(origin);
    const adam = await signIn(origin, "adam");
    const cancel = (id: string) =>
      request(`${origin}/api/orders/${id}`, asSession(adam, "PATCH", { status: "cancelled" }));
    // Every fifth order is a draft: `order-00005`. Of the shipped, `order-00003` costs 237.57, `order-00008` 633.52.
    return {
      draft: (await request(`${origin}/api/orders/order-00005`, asBearer(billing))).status,
      small: (await cancel("order-00003")).status,
      large: (await cancel("order-00008")).status,
    };
  };

  test("is governed by an OPA server that its settings name", async (t) => {
    const server = await startOpa({ "orders.rego": rego });
    if (server === undefined) return t.skip(opaMissing);
    const data = createFolder();
    const program = await startProgram(data.path, await findFreePort(), { OPA_URL: server.url });
    t.after(async () => {
      await program.stop();
      await server.close();
      data.remove();
    });
    assert.deepEqual(await statuses(program.origin), { draft: 404, small: 200, large: 403 });
    await server.stop();
    assert.deepEqual(await statuses(program.origin), { draft: 503, small: 503, large: 503 });
    assert.equal((await request(`${program.origin}/health`)).status, 200);
  });

  test("is governed by a bundle, on every framework", async (t) => {
    const bundle = await buildBundle({ "orders.rego": rego }, [decision]);
    if (bundle === undefined) return t.skip(opaMissing);
    const data = createFolder();
    t.after(() => {
      bundle.remove();
      data.remove();
    });
    for (const framework of ["fastify", "hono"]) {
      const identityPort = framework === "fastify" ? undefined : await findFreePort();
      const settings = { OPA_WASM: bundle.path, BULWARK_FRAMEWORK: framework };
      const program = await startProgram(
        join(data.path, framework),
        await findFreePort(),
        settings,
        identityPort,
      );
      try {
        const token = await machineToken(program.issuer);
        const api = `${program.origin}/api/orders`;
        // Compiled, the policy says nothing of reading.
        assert.equal((await request(`${api}/order-00005`, asBearer(token))).status, 200);
        assert.equal((await request(`${api}?limit=1`, asBearer(token))).status, 200);
        assert.equal(
          (await request(`${api}/order-00001`, asBearer(token, "PATCH", { status: "paid" }))).status,
          200,
        );
      } finally {
        await program.stop();
      }
    }
  });

  test("does not start with settings that name no policy, in one line", async () => {
    const data = createFolder();
    const wrong: readonly Readonly<Record<string, string>>[] = [
      { OPA_URL: "http://127.0.0.1:8181", OPA_WASM: "bundle.tar.gz" },
      { OPA_URL: "opa" },
      { OPA_WASM: "/nowhere/bundle.tar.gz" },
    ];
    for (const settings of wrong) {
      const { exitCode, stderr } = await runToEnd(data.path, await findFreePort(), settings);
      assert.equal(exitCode, 1);
      assert.match(stderr, /^bulwark: [^\n]+\n$/);
    }
    data.remove();
  });
});
