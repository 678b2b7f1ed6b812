/** The rule, read over `/admin/api`, over real HTTP. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { administration, defineSecurity, principal, resource } from "@bulwark/guard";
import { startIdentityServer, type TestIdentityServer } from "../../../testing/identity-server.ts";
import type { Identity } from "../../index.ts";

const order = resource("order", {
  actions: ["create", "read", "update", "delete"],
  attributes: { id: "string", ownerId: "string", team: "string", total: "number", paidAt: "date" },
});
const own = order.where.ownerId.eq(principal.id);

describe("/admin/api: explain, who-can, what-can", () => {
  let server: TestIdentityServer;
  let identity: Identity;
  let key: string;
  const ids: Record<string, string> = {};

  before(async () => {
    server = await startIdentityServer({}, ({ issuer, audience }) =>
      defineSecurity({
        issuer,
        audience,
        resources: [order, ...administration.resources],
        roles: {
          user: {
            grants: [
              order.allow("read", { where: own }),
              order.allow("create", { set: { ownerId: principal.id } }),
            ],
          },
          manager: {
            extends: ["user"],
            grants: [order.allow("read", { where: order.where.team.eq(principal.claim("team")) })],
          },
          auditor: { grants: [administration.access.allow("read")] },
          deleter: { grants: [order.allow("read"), order.allow("delete", { assurance: "mfa" })] },
        },
        conditions: { own, unpaid: order.where.paidAt.isNull() },
        scopes: { "orders.see": ["order:read"] },
        database: "sqlite",
      }),
    );
    ({ identity } = server);
    const people = {
      alice: ["user"],
      mona: ["manager"],
      vera: ["auditor"],
      dora: ["deleter"],
      gone: ["deleter"],
    };
    for (const [name, roles] of Object.entries(people)) {
      const email = `${name}@example.org`;
      ids[name] = (await identity.accounts.create({ email, roles, claims: { team: "red" } })).id;
    }
    await identity.accounts.disable(idOf("gone"));
    key = await keyOf("vera");
  });
  after(() => server.stop());

  const idOf = (name: string) => ids[name] ?? "";
  const keyOf = async (name: string) =>
    (
      await identity.apiKeys.create({
        accountId: idOf(name),
        name: "test",
        scopes: undefined,
        expiresAtMs: undefined,
      })
    ).key;
  const post = async (path: string, body: object, withKey: string | undefined = key) => {
    const response = await fetch(`${server.origin}/admin/api/${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(withKey === "" ? {} : { "x-api-key": withKey }) },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
    const text = await response.text();
    return { status: response.status, body: JSON.parse(text) };
  };
  const account = (name: string, more = {}) => ({ kind: "account", id: idOf(name), ...more });
  const row = (owner: string, changes = {}) => ({
    id: "7",
    ownerId: idOf(owner),
    team: "red",
    total: 1,
    paidAt: null,
    ...changes,
  });

  test("are for who may read all access, and nobody else", async () => {
    const question = { principal: account("alice"), permission: "order:read" };
    const asked: readonly (readonly [string, object])[] = [
      ["explain", question],
      ["what-can", { principal: account("alice") }],
      ["who-can", { permission: "order:read" }],
    ];
    const other = await keyOf("mona");
    for (const [path, body] of asked) {
      assert.equal((await post(path, body)).status, 200, path);
      assert.deepEqual((await post(path, body, other)).body.code, "permission_denied", path);
      assert.equal((await post(path, body, "")).status, 401, path);
    }
  });

  test("explain a decision about an account, with the roles and claims it holds", async () => {
    const explain = async (name: string, of: object) =>
      (await post("explain", { principal: account(name), permission: "order:read", row: of })).body;
    const hers = await explain("alice", row("alice"));
    assert.deepEqual([hers.effect, hers.code, hers.grants[0].role], ["allow", "allowed", "user"]);
    const foreign = await explain("alice", row("mona"));
    assert.deepEqual([foreign.effect, foreign.code], ["deny", "not_found"]);
    assert.match(foreign.because[0], /^ownerId = principal\.id: false/);
    const ofTeam = await explain("mona", row("alice"));
    assert.deepEqual(
      ofTeam.grants.map(({ role, outcome }: { role: string; outcome: string }) => `${role} ${outcome}`),
      ["user row", "manager covers"],
    );
  });

  test("explain what would be with other roles, claims, scopes and sign-ins", async () => {
    const codeOf = async (more: object, who: object) =>
      (await post("explain", { principal: who, permission: "order:delete", row: row("alice"), ...more })).body
        .code;
    const stranger = { kind: "client", id: "stranger", roles: ["deleter"], claims: {} };
    assert.equal(await codeOf({}, account("alice")), "permission_denied");
    assert.equal(await codeOf({}, account("alice", { roles: ["deleter"] })), "step_up_needed");
    assert.equal(await codeOf({ acr: "mfa" }, account("alice", { roles: ["deleter"] })), "allowed");
    assert.equal(await codeOf({ acr: "mfa" }, stranger), "allowed");
    assert.equal(await codeOf({ acr: "mfa", scope: "orders.see" }, stranger), "permission_denied");
  });

  test("count custom roles and direct grants, as they are now", async () => {
    await identity.roles.create("reader", {
      extends: [],
      grants: [{ effect: "allow", permission: "order:read", where: "unpaid" }],
    });
    const read = async (of: object) => {
      const who = account("alice", { roles: ["reader"] });
      return (await post("explain", { principal: who, permission: "order:read", row: of })).body.code;
    };
    assert.equal(await read(row("mona")), "allowed");
    assert.equal(await read(row("mona", { paidAt: "2026-01-01T00:00:00Z" })), "not_found");
    await identity.roles.setGrants({ kind: "account", id: idOf("alice") }, [
      { effect: "deny", permission: "order:read" },
    ]);
    assert.equal(await read(row("mona")), "permission_denied");
    const { body } = await post("who-can", { permission: "order:read", row: row("mona") });
    assert.deepEqual(
      body.direct.map(({ subject, text, bars }: { subject: object; text: string; bars: string }) => ({
        subject,
        text,
        bars,
      })),
      [{ subject: { kind: "account", id: idOf("alice") }, text: "no one", bars: "anyone" }],
    );
    await identity.roles.setGrants({ kind: "account", id: idOf("alice") }, []);
  });

  test("answer who can: per role, and which accounts, a page at a time", async () => {
    const ask = async (more = {}) =>
      (await post("who-can", { permission: "order:read", row: row("alice"), ...more })).body;
    const { roles, accounts } = await ask();
    const texts = Object.fromEntries(
      roles.map(({ role, text }: { role: string; text: string }) => [role, text]),
    );
    assert.equal(texts.user, `principal.id = ${JSON.stringify(idOf("alice"))}`);
    assert.equal(texts.manager, `${texts.user} or claim team = "red"`);
    assert.equal(texts.deleter, "anyone");
    assert.deepEqual(
      accounts.items.map(({ email }: { email: string }) => email),
      ["alice@example.org", "dora@example.org", "mona@example.org"],
      "not the disabled one",
    );
    assert.equal(accounts.next, null);

    const found: string[] = [];
    let pages = 0;
    for (let after: string | null | undefined; after !== null; pages += 1) {
      const page = await ask({ limit: 2, ...(after === undefined ? {} : { after }) });
      found.push(...page.accounts.items.map(({ id }: { id: string }) => id));
      after = page.accounts.next;
    }
    assert.equal(pages, 3);
    assert.deepEqual(found, ["alice", "dora", "mona"].map(idOf));

    const named = await ask({ roles: ["manager"] });
    assert.deepEqual(
      named.roles.map(({ role }: { role: string }) => role),
      ["manager"],
    );
  });

  test("answer who would need a stronger sign-in", async () => {
    const { body } = await post("who-can", { permission: "order:delete", row: row("alice") });
    assert.deepEqual(
      body.accounts.items.map(({ id, needsStepUp }: { id: string; needsStepUp: boolean }) => [
        id,
        needsStepUp,
      ]),
      [[idOf("dora"), true]],
    );
  });

  test("answer what someone can, with their own values", async () => {
    const { body } = await post("what-can", { principal: account("mona") });
    const read = body.permissions.find(
      ({ permission }: { permission: string }) => permission === "order:read",
    );
    assert.equal(read.answer, "sometimes");
    assert.deepEqual(
      read.grants.map(({ where }: { where: string }) => where),
      [`ownerId = ${JSON.stringify(idOf("mona"))}`, 'team = "red"'],
    );
  });

  const mistakes: readonly (readonly [name: string, path: string, body: () => object, status: number])[] = [
    [
      "an account that is not there",
      "explain",
      () => ({ principal: { kind: "account", id: "nobody" }, permission: "order:read" }),
      404,
    ],
    ["a client that is not there", "what-can", () => ({ principal: { kind: "client", id: "nobody" } }), 404],
    [
      "a permission that is none",
      "explain",
      () => ({ principal: account("alice"), permission: "order:burn" }),
      422,
    ],
    ["an unknown attribute", "who-can", () => ({ permission: "order:read", row: { owner: "a" } }), 422],
    [
      "an attribute of another type",
      "who-can",
      () => ({ permission: "order:read", row: { total: "high" } }),
      422,
    ],
    ["a row of what is created", "who-can", () => ({ permission: "order:create", row: { total: 1 } }), 422],
    ["changes of no row", "who-can", () => ({ permission: "order:update", changes: { total: 1 } }), 422],
    ["a role that is none", "who-can", () => ({ permission: "order:read", roles: ["ghost"] }), 422],
    [
      "an account to go on after that is not there",
      "who-can",
      () => ({ permission: "order:read", after: "nobody" }),
      404,
    ],
    ["too many accounts", "who-can", () => ({ permission: "order:read", limit: 201 }), 422],
    ["an unknown field", "what-can", () => ({ principal: account("alice"), role: "admin" }), 422],
    ["a time that is none", "what-can", () => ({ principal: account("alice"), at: "now" }), 422],
  ];
  for (const [name, path, body, status] of mistakes) {
    test(`refuse ${name}`, async () => {
      const answered = await post(path, body());
      assert.equal(answered.status, status, JSON.stringify(answered.body));
      assert.equal(answered.body.code, status === 404 ? "not_found" : "validation_failed");
    });
  }
});
