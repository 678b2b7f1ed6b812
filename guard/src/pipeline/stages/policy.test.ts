/** The stage that asks the policy, in a real server: what it narrows, what it is told, and what happens when it fails. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { describe, type TestContext, test } from "node:test";
import Fastify from "fastify";
import { z } from "zod";
import { opaMissing, startOpa } from "../../../../testing/opa.ts";
import { bulwark } from "../../adapters/fastify/plugin.ts";
import { createLiveRoles } from "../../authorization/live-roles.ts";
import type { PolicyDecision, PolicyEngine, PolicyInput } from "../../authorization/policy/engine.ts";
import { PolicyUntranslatableError } from "../../authorization/policy/engine.ts";
import { opa } from "../../authorization/policy/opa/opa.ts";
import { defineSecurity } from "../../contract/define-security.ts";
import { resource } from "../../contract/resource.ts";
import { serve, withToken } from "../../testing/http.ts";
import { createIssuer } from "../../testing/issuer.ts";
import { createDecider } from "../decide.ts";
import { createJudge } from "../testing/judge.ts";
import type { Denial } from "../verdict.ts";

const order = resource("order", {
  actions: ["create", "read", "update", "delete"],
  attributes: { id: "string", ownerId: "string", team: "string", total: "number" },
});
const customer = resource("customer", { actions: ["read"], attributes: { id: "string", team: "string" } });
const report = resource("report", { actions: ["read"], attributes: {} });
const own = order.where.ownerId.eq({ kind: "principal", claim: undefined });

/** The compiler knows the permissions of one contract, and it is not this one. */
const elsewhere = (permission: string) => permission as never;

const issuer = createIssuer();
const alice = issuer.mint({ subject: "alice", roles: ["user"], claims: { team: "red" } });
const adam = issuer.mint({ subject: "adam", roles: ["admin"], claims: { team: "green" } });
const nobody = issuer.mint({ subject: "nobody" });

const securityWith = (policy: PolicyEngine | undefined) =>
  defineSecurity({
    ...issuer.contract,
    resources: [order, customer, report],
    database: "sqlite",
    roles: {
      user: {
        grants: [
          order.allow("create", { set: { ownerId: { kind: "principal", claim: undefined } } }),
          order.allow("read", { where: own }),
          order.allow("update", { where: own, fields: ["total"] }),
          customer.allow("read"),
          report.allow("read"),
        ],
      },
      admin: { grants: [order.allow("read"), order.allow("update"), order.allow("delete")] },
    },
    ...(policy === undefined ? {} : { policy }),
  });

const allow: PolicyDecision = { effect: "allow", reason: "" };
const denied: PolicyDecision = { effect: "deny", reason: "a reason for the log", decisionId: "4711" };

/** An engine that answers as it is told to, and remembers what it was asked. */
function engineOf(more: Partial<PolicyEngine> = {}) {
  const asked: PolicyInput[] = [];
  const decide: PolicyEngine["decide"] = (input) => {
    asked.push(input);
    return (more.decide ?? (() => allow))(input);
  };
  const engine: PolicyEngine = { name: "test", filter: () => "all", ...more, decide };
  return { engine, asked };
}

interface Order {
  readonly id: string;
  readonly ownerId: string;
  readonly team: string;
  readonly total: number;
}

async function start(t: TestContext, policy: PolicyEngine | undefined) {
  const db = new DatabaseSync(":memory:");
  db.exec('create table "order" (id text primary key, "ownerId" text, team text, total real)');
  const insert = db.prepare('insert into "order" values (?, ?, ?, ?)');
  const rows: readonly Order[] = [
    { id: "1", ownerId: "alice", team: "red", total: 10 },
    { id: "2", ownerId: "alice", team: "green", total: 2_000 },
    { id: "3", ownerId: "bob", team: "red", total: 30 },
  ];
  for (const { id, ownerId, team, total } of rows) insert.run(id, ownerId, team, total);
  const byId = (id: string) =>
    db.prepare('select * from "order" where id = ?').get(id) as unknown as Order | undefined;

  const denials: Denial[] = [];
  const app = Fastify();
  t.after(async () => {
    await app.close();
    db.close();
  });
  const security = securityWith(policy);
  const onDenial = (denial: Denial) => void denials.push(denial);
  await app.register(bulwark, { security, now: issuer.clock.now, onDenial });
  const Id = z.object({ id: z.string() });
  const load = ({ params }: { readonly params: { readonly id: string } }) => byId(params.id);
  const list = (request: {
    allowed: (of: typeof order) => { toSql(): { sql: string; params: readonly (string | number)[] } };
  }) => {
    const { sql, params } = request.allowed(order).toSql();
    return {
      ids: db
        .prepare(`select id from "order" where ${sql} order by id`)
        .all(...params)
        .map(({ id }) => id),
    };
  };
  app.get("/orders", { security: { permission: "order:read", list: true } }, (request) =>
    list(request as never),
  );
  app.get(
    "/orders/:id",
    { security: { permission: "order:read", params: Id, resource: load } },
    (request) => request.resource,
  );
  app.post(
    "/orders",
    {
      security: {
        permission: "order:create",
        body: z.object({ id: z.string(), team: z.string(), total: z.number() }),
      },
    },
    (request) => request.values,
  );
  app.patch(
    "/orders/:id",
    {
      security: {
        permission: "order:update",
        params: Id,
        body: z.object({ total: z.number() }),
        resource: load,
      },
    },
    (request) => {
      // Somebody else is quicker.
      if (request.values.total === 666)
        db.exec(`update "order" set team = 'blue' where id = '${request.params.id}'`);
      const { sql, params } = request.allowed(order, "update").toSql();
      const update = db.prepare(`update "order" set total = ? where ${sql}`);
      return { changes: Number(update.run(request.values.total, ...params).changes) };
    },
  );
  app.delete("/orders/:id", { security: { permission: "order:delete", params: Id, resource: load } }, () => ({
    gone: true,
  }));
  app.get("/mine", { security: { authenticated: true } }, () => ({ ok: true }));
  app.get(
    "/customers-of",
    { security: { authenticated: true, filters: [elsewhere("customer:read")] } },
    (request) => request.allowed(customer).toSql(),
  );
  app.get("/forgotten", { security: { authenticated: true } }, (request) =>
    request.allowed(customer).toSql(),
  );
  app.get("/report", { security: { permission: elsewhere("report:read"), list: true } }, (request) =>
    request.allowed(report).toSql(),
  );
  return { call: await serve(app), denials, app, security, db };
}

describe("the policy stage", () => {
  test("only narrows: what the contract denies is not even asked about", async (t) => {
    const { engine, asked } = engineOf();
    const { call } = await start(t, engine);
    assert.equal((await call("/orders/1", withToken(alice))).status, 200);
    assert.equal(asked.length, 1);
    assert.equal((await call("/orders/3", withToken(alice))).status, 404);
    assert.equal((await call("/orders/1", withToken(nobody))).status, 403);
    assert.equal((await call("/orders/1", withToken(alice, "DELETE"))).status, 403);
    assert.equal((await call("/orders/9", withToken(adam))).status, 404);
    assert.equal((await call("/orders", withToken(alice, "POST", { id: 1 }))).status, 422);
    assert.equal((await call("/mine", withToken(alice))).status, 200);
    assert.equal(asked.length, 1);
  });

  test("tells the caller a denial and its word, and the log the reason and the decision's id", async (t) => {
    const { engine } = engineOf({ decide: () => ({ ...denied, code: "too_late" }) });
    const { call, denials } = await start(t, engine);
    const { status, text, json } = await call("/orders/1", withToken(alice));
    assert.deepEqual([status, json().code, json().policy], [403, "policy_denied", "too_late"]);
    assert.doesNotMatch(text, /reason|4711/);
    assert.deepEqual(
      denials.map(({ by, code, reason }) => [by, code, reason]),
      [["policy", "policy_denied", "test: a reason for the log (decision 4711)"]],
    );
  });

  test("answers as for a row that is not there, where the policy hides it", async (t) => {
    const { engine } = engineOf({ decide: () => ({ ...denied, hide: true }) });
    const { call, denials } = await start(t, engine);
    const [hidden, absent] = [
      await call("/orders/1", withToken(adam)),
      await call("/orders/9", withToken(adam)),
    ];
    assert.deepEqual([hidden.status, hidden.text], [404, absent.text]);
    assert.deepEqual(
      denials.map(({ by }) => by),
      ["policy", "row"],
    );
  });

  test("tells the engine the row before and after, and what a write sets", async (t) => {
    const { engine, asked } = engineOf({ claims: ["team"] });
    const { call } = await start(t, engine);
    await call("/orders/1", withToken(alice, "PATCH", { total: 11 }));
    await call("/orders", withToken(alice, "POST", { id: "4", team: "red", total: 5 }));
    await call("/orders/1", withToken(adam, "DELETE"));
    const row = { id: "1", ownerId: "alice", team: "red", total: 10 };
    const created = { id: "4", ownerId: "alice", team: "red", total: 5 };
    assert.deepEqual(
      asked.map(({ permission, row, after, changes }) => ({ permission, row, after, changes })),
      [
        { permission: "order:update", row, after: { ...row, total: 11 }, changes: { total: 11 } },
        { permission: "order:create", row: null, after: created, changes: created },
        { permission: "order:delete", row: { ...row, total: 11 }, after: null, changes: null },
      ],
    );
    assert.deepEqual(asked[0]?.principal, {
      id: "alice",
      kind: "account",
      roles: ["user"],
      claims: { team: "red" },
      assurance: null,
      authenticatedAtMs: null,
    });
    assert.equal(asked[0]?.nowMs, issuer.clock.now());
  });

  test("is not run for permissions that the engine does not name", async (t) => {
    const { engine, asked } = engineOf({ permissions: ["order:delete"], decide: () => denied });
    const { call } = await start(t, { ...engine, filter: undefined } as object as PolicyEngine);
    assert.equal((await call("/orders/1", withToken(alice))).status, 200);
    assert.deepEqual((await call("/orders", withToken(alice))).json().ids, ["1", "2"]);
    assert.equal((await call("/orders/1", withToken(adam, "DELETE"))).status, 403);
    assert.equal(asked.length, 1);
  });

  const failing: readonly { readonly name: string; readonly decide: () => unknown }[] = [
    {
      name: "throws",
      decide: () => {
        throw new Error("secret detail");
      },
    },
    { name: "answers garbage", decide: () => "allow" },
    { name: "never answers", decide: () => new Promise(() => {}) },
  ];
  for (const { name, decide } of failing) {
    test(`answers 503 in time where the engine ${name}, on rows and on lists`, async (t) => {
      const filter = decide as PolicyEngine["filter"];
      const { engine } = engineOf({
        decide: decide as PolicyEngine["decide"],
        filter,
        timeoutMs: 100,
      } as object);
      const { call, denials, app } = await start(t, engine);
      for (const path of ["/orders/1", "/orders"]) {
        const begun = performance.now();
        const { status, text, headers } = await call(path, withToken(alice));
        assert.deepEqual([status, headers.get("retry-after")], [503, "1"]);
        assert.doesNotMatch(text, /secret/);
        assert.ok(performance.now() - begun < 1_000);
      }
      assert.deepEqual(
        denials.map(({ by, code }) => [by, code]),
        [
          ["policy", "unavailable"],
          ["policy", "unavailable"],
        ],
      );
      assert.equal(app.guardHealth().policy?.state, "failing");
    });
  }

  test("denies a row that no policy can be told", async (t) => {
    const { engine, asked } = engineOf();
    const { call, db } = await start(t, engine);
    db.exec("update \"order\" set total = 'a lot' where id = '1'");
    const { status, json } = await call("/orders/1", withToken(alice));
    assert.deepEqual([status, json().code], [403, "policy_denied"]);
    assert.equal(asked.length, 0);
  });

  test("is part of the filter that a handler changes rows under: the decided row, as it was", async (t) => {
    const { engine } = engineOf({ filter: undefined } as object);
    const { call, db } = await start(t, {
      ...engine,
      permissions: ["order:update"],
    });
    // Without a policy the filter of Alice's is both of her orders.
    assert.deepEqual((await call("/orders/1", withToken(alice, "PATCH", { total: 12 }))).json(), {
      changes: 1,
    });
    assert.deepEqual((await call("/orders/1", withToken(alice, "PATCH", { total: 666 }))).json(), {
      changes: 0,
    });
    assert.deepEqual(
      db
        .prepare('select total from "order" order by id')
        .all()
        .map(({ total }) => total),
      [12, 2_000, 30],
    );
  });
});

describe("a list under a policy", () => {
  test("leaves the rows that grants and policy both leave", async (t) => {
    const { engine } = engineOf({
      filter: (_input, of) => (of === order ? order.where.total.lt(1_000) : "none"),
    });
    const { call } = await start(t, engine);
    assert.deepEqual((await call("/orders", withToken(alice))).json().ids, ["1"]);
    assert.deepEqual((await call("/orders", withToken(adam))).json().ids, ["1", "3"]);
    assert.equal((await call("/orders", withToken(nobody))).status, 403);
  });

  test("is empty, not refused, where the policy leaves nothing", async (t) => {
    const { call } = await start(t, engineOf({ filter: async () => "none" as const }).engine);
    const { status, json } = await call("/orders", withToken(adam));
    assert.deepEqual([status, json().ids], [200, []]);
  });

  test("is not declared with an engine that filters none", async (t) => {
    const { filter: _, ...engine } = engineOf().engine;
    await assert.rejects(start(t, engine), { name: "ContractError", code: "policy_unfiltered" });
  });

  test("of rows without attributes is decided once for all", async (t) => {
    const { engine, asked } = engineOf({
      decide: ({ permission }) => (permission === "report:read" ? denied : allow),
    });
    const { call } = await start(t, engine);
    assert.equal((await call("/report", withToken(alice))).status, 403);
    assert.deepEqual(
      asked.map(({ row }) => row),
      [null],
    );
  });

  test("needs a further permission named, and the policy is asked about it", async (t) => {
    const filter: PolicyEngine["filter"] = (_input, of) =>
      of === customer ? customer.where.team.eq("red") : "all";
    const { call } = await start(t, engineOf({ filter }).engine);
    const { sql, params } = (await call("/customers-of", withToken(alice))).json();
    assert.deepEqual([sql, params], ['(true and "team" = ?)', ["red"]]);
    assert.equal((await call("/forgotten", withToken(alice))).status, 500);
    const without = await start(t, undefined);
    assert.equal((await without.call("/forgotten", withToken(alice))).status, 200);
  });

  test("that no query can ask stops the start; an engine that is not there does not", async (t) => {
    const untranslatable = () => {
      throw new PolicyUntranslatableError("it looks at the weather");
    };
    await assert.rejects(start(t, engineOf({ filter: untranslatable }).engine), {
      name: "ContractError",
      code: "policy_untranslatable",
    });
    let there = false;
    const filter = () => (there ? "all" : untranslatableNow());
    const { call, app } = await start(
      t,
      engineOf({ filter: filter as PolicyEngine["filter"] } as object).engine,
    );
    assert.equal((await call("/orders", withToken(alice))).status, 503);
    there = true;
    assert.equal((await call("/orders", withToken(alice))).status, 200);
    assert.equal(app.guardHealth().policy?.state, "answering");
  });

  const untranslatableNow = (): never => {
    throw new Error("connection refused");
  };

  test("can be asked about beforehand by who filters for the handler", async () => {
    const { engine } = engineOf({ filter: async () => customer.where.team.eq("red") });
    const { guard, judge } = createJudge({ security: securityWith(engine), now: issuer.clock.now });
    const { exchange } = await judge({ headers: { authorization: `Bearer ${alice}` } });
    assert.throws(() => guard.allowed(exchange, customer, "read"), /has not been asked/);
    await guard.askPolicy(exchange, customer, "read");
    assert.deepEqual(guard.allowed(exchange, customer, "read").toSql().params, ["red"]);
    assert.equal(guard.askPolicy(exchange, customer, "read"), undefined, "it is known");

    const broken = createJudge({
      security: securityWith(engineOf({ filter: untranslatableNow }).engine),
      now: issuer.clock.now,
    });
    const other = await broken.judge({ headers: { authorization: `Bearer ${alice}` } });
    assert.throws(() => broken.guard.askPolicy(other.exchange, customer, "read"), {
      name: "UnavailableError",
    });
  });
});

describe("a question without a request", () => {
  test("is decided by the policy as a request is", async () => {
    const decide: PolicyEngine["decide"] = async ({ row }) => (Number(row?.total) > 1_000 ? denied : allow);
    const security = securityWith(engineOf({ decide }).engine);
    const roles = createLiveRoles({ table: security.roles, vocabulary: security });
    const decider = createDecider(security, roles);
    const principal = { id: "alice", kind: "account", roles: ["user"], claims: {} } as const;
    const about = async (total: number) => {
      const row = { id: "1", ownerId: "alice", team: "red", total };
      const { verdict } = await decider.decide({ principal, permission: "order:read", row });
      return [verdict.code, verdict.by];
    };
    assert.deepEqual(await about(10), ["allowed", "policy"]);
    assert.deepEqual(await about(2_000), ["policy_denied", "policy"]);
    const atAll = await decider.decide({ principal, permission: "order:read" });
    assert.equal(atAll.verdict.code, "allowed");
  });
});

describe("OPA behind the stage", () => {
  const rego = `package orders

default allow := false
allow if input.action != "delete"
allow if { input.action == "delete"; input.row.total < 1000 }

visible if input.row.total < 1000
visible if input.row.team == input.principal.claims.team

broken if lower(input.row.team) == "red"
`;

  test("allows, denies, filters; stopped it denies in time, and back it works without a restart", async (t) => {
    const server = await startOpa({ "orders.rego": rego });
    if (server === undefined) return t.skip(opaMissing);
    t.after(() => server.close());
    const engine = opa({
      url: server.url,
      decision: "orders/allow",
      filter: "orders/visible",
      permissions: ["order:read", "order:update", "order:delete"],
      claims: ["team"],
      timeoutMs: 500,
    });
    const { call, app } = await start(t, engine);
    const statuses = async () => [
      (await call("/orders/1", withToken(alice))).status,
      (await call("/orders/2", withToken(adam, "DELETE"))).status,
      (await call("/orders/1", withToken(adam, "DELETE"))).status,
      (await call("/orders", withToken(alice))).status,
      (await call("/mine", withToken(alice))).status,
    ];
    assert.deepEqual(await statuses(), [200, 403, 200, 200, 200]);
    assert.deepEqual((await call("/orders", withToken(alice))).json().ids, ["1"]);
    assert.deepEqual((await call("/orders", withToken(adam))).json().ids, ["1", "2", "3"]);

    await server.stop();
    const begun = performance.now();
    assert.deepEqual(await statuses(), [503, 503, 503, 503, 200]);
    assert.ok(performance.now() - begun < 5 * 500);
    assert.equal(app.guardHealth().policy?.state, "failing");

    await server.start();
    assert.deepEqual(await statuses(), [200, 403, 200, 200, 200]);
    assert.equal(app.guardHealth().policy?.state, "answering");
  });

  test("is asked at start what lists will be filtered by, and may still be on its way", async (t) => {
    const server = await startOpa({ "orders.rego": rego });
    if (server === undefined) return t.skip(opaMissing);
    t.after(() => server.close());
    const permissions = ["order:read"];
    const broken = opa({ url: server.url, decision: "orders/allow", filter: "orders/broken", permissions });
    await assert.rejects(start(t, broken), { name: "ContractError", code: "policy_untranslatable" });

    await server.stop();
    const early = opa({ url: server.url, decision: "orders/allow", filter: "orders/visible", permissions });
    const { call } = await start(t, early);
    assert.equal((await call("/orders", withToken(alice))).status, 503);
    await server.start();
    assert.equal((await call("/orders", withToken(alice))).status, 200);
  });
});
