/** The administration as a console or a script uses it, over real HTTP. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { administration, defineSecurity, type GrantData } from "@bulwark/guard";
import * as client from "openid-client";
import { createFolder } from "../../../../testing/folder.ts";
import { postgresMissing, startPostgres } from "../../../../testing/postgres.ts";
import { type Actor, type AdminWorld, openAdminWorld, secret } from "../../../testing/admin-world.ts";
import { describeEachStore } from "../../../testing/each-store.ts";
import { startIdentityServer } from "../../../testing/identity-server.ts";

const read: GrantData = { effect: "allow", permission: "order:read", where: "ofOwnTeam" };

describeEachStore("the administration", ({ options, available, behaves }) => {
  let world: AdminWorld;
  let admin: Actor;
  before(async () => {
    if (!available()) return;
    world = await openAdminWorld(options());
    admin = await world.person({ roles: ["admin"], methods: ["pwd", "mfa"] });
  });
  after(() => world?.stop());

  behaves("says what roles can be made of", async () => {
    const { status, body } = await world.send(admin, "GET", "/permissions");
    assert.equal(status, 200);
    assert.deepEqual(body.permissions[1], {
      permission: "order:read",
      attributes: { id: "string", ownerId: "string", team: "string", status: "string", total: "number" },
    });
    assert.ok(body.permissions.some(({ permission }: GrantData) => permission === "bulwark_role:create"));
    assert.deepEqual(body.conditions[0], { name: "own", resource: "order", text: "ownerId = principal.id" });
    assert.equal(body.conditions[3].text, 'ownerId = principal.id and status in ("draft", "open")');
    assert.deepEqual(body.roles, ["user", "viewer", "steward", "auditor", "admin"]);
    assert.deepEqual(body.assurance, ["password", "mfa"]);
    assert.ok(body.scopes.includes("order:read"));
  });

  behaves("shows the contract's roles with their grants as data", async () => {
    const { body, etag } = await world.send(admin, "GET", "/roles/user");
    assert.equal(etag, "", "what cannot be changed needs no tag");
    assert.deepEqual(body, {
      name: "user",
      origin: "contract",
      extends: [],
      grants: [
        {
          effect: "allow",
          permission: "order:create",
          where: "notYetPaid",
          condition: 'status in ("draft", "open")',
          set: { ownerId: { principal: "id" } },
        },
        {
          effect: "allow",
          permission: "order:read",
          where: "own",
          condition: "ownerId = principal.id",
        },
      ],
    });
    const steward = await world.send(admin, "GET", "/roles/steward");
    assert.deepEqual(steward.body.extends, ["user"]);
    assert.ok(!JSON.stringify(steward.body).includes("order:create"), "what is inherited is not repeated");
    const whole = await world.send(admin, "GET", "/roles/admin");
    const { condition: _, ...deletion } = whole.body.grants.find(
      ({ permission }: GrantData) => permission === "order:delete",
    );
    assert.deepEqual(deletion, {
      effect: "allow",
      permission: "order:delete",
      assurance: "mfa",
      maxAge: "15m",
    });
  });

  behaves("creates, shows, replaces and removes a role", async () => {
    const name = world.newName();
    const contents = { extends: ["user"], grants: [read] };
    const created = await world.send(admin, "POST", "/roles", { name, ...contents });
    assert.equal(created.status, 201);
    assert.deepEqual(created.body, { name, origin: "custom", ...contents });
    const shown = await world.send(admin, "GET", `/roles/${name}`);
    assert.deepEqual(shown.body, created.body);
    assert.equal(shown.etag, created.etag);
    assert.match(shown.etag, /^"[\w-]{22}"$/);

    const { origin: _origin, name: _name, ...again } = shown.body;
    const changed = { ...again, grants: [] };
    const fields = { "if-match": shown.etag };
    const replaced = await world.send(admin, "PUT", `/roles/${name}`, changed, fields);
    assert.equal(replaced.status, 200);
    assert.notEqual(replaced.etag, shown.etag);
    const late = await world.send(admin, "PUT", `/roles/${name}`, again, fields);
    assert.equal(late.code, "changed_meanwhile");
    const lateRemoval = await world.send(admin, "DELETE", `/roles/${name}`, undefined, fields);
    assert.equal(lateRemoval.code, "changed_meanwhile");

    const twice = await world.send(admin, "POST", "/roles", { name, ...contents });
    assert.equal(twice.code, "role_taken");
    const removed = await world.send(admin, "DELETE", `/roles/${name}`, undefined, {
      "if-match": `"other", ${replaced.etag}`,
    });
    assert.equal(removed.status, 204);
    for (const [method, body] of [["GET"], ["PUT", contents], ["DELETE"]] as const) {
      const gone = await world.send(admin, method, `/roles/${name}`, body);
      assert.equal(gone.code, "not_found", method);
    }
  });

  behaves("does not remove a role that is held or extended", async () => {
    const [held, extended] = [
      await world.role({ extends: ["user"] }),
      await world.role({ extends: ["user"] }),
    ];
    const person = await world.person({ roles: [held] });
    assert.equal((await world.send(admin, "DELETE", `/roles/${held}`)).code, "role_in_use");
    await world.send(admin, "PUT", `/accounts/${person.id}/roles`, { roles: [] });
    assert.equal((await world.send(admin, "DELETE", `/roles/${held}`)).status, 204);
    const extending = await world.role({ extends: [extended] });
    assert.equal((await world.send(admin, "DELETE", `/roles/${extended}`)).code, "role_in_use");
    assert.equal((await world.send(admin, "DELETE", `/roles/${extending}`)).status, 204);
    assert.equal((await world.send(admin, "DELETE", `/roles/${extended}`)).status, 204);
  });

  behaves(
    "lists roles a page at a time, the contract's first, also where one is removed in between",
    async () => {
      const names = [await world.role({}), await world.role({}), await world.role({})].sort();
      const seen: string[] = [];
      for (let after: string | null = ""; after !== null; ) {
        const { body } = await world.send(
          admin,
          "GET",
          `/roles?limit=2${after === "" ? "" : `&after=${after}`}`,
        );
        seen.push(...body.items.map(({ name }: { readonly name: string }) => name));
        after = body.next;
      }
      assert.deepEqual(seen.slice(0, 5), ["user", "viewer", "steward", "auditor", "admin"]);
      assert.deepEqual(seen.slice(5), [...(await world.identity.roles.list()).keys()]);
      assert.equal(new Set(seen).size, seen.length);
      const [first = "", second = ""] = names;
      await world.byProgram("role_removed", `role:${first}`, () => world.identity.roles.remove(first));
      const { body } = await world.send(admin, "GET", `/roles?limit=1&after=${first}`);
      assert.equal(body.items[0].name, second);
    },
  );

  behaves("shows what an account holds, and may do by it", async () => {
    const name = await world.role({ extends: ["user"], grants: [read] });
    const person = await world.person({
      roles: [name, "gone"],
      grants: [
        { effect: "allow", permission: "order:update", where: "own", fields: ["status"] },
        { effect: "deny", permission: "order:update", where: "notYetPaid" },
        { effect: "deny", permission: "order:create" },
      ],
    });
    const { status, body, etag } = await world.send(admin, "GET", `/accounts/${person.id}/access`);
    assert.equal(status, 200);
    assert.equal(body.subject.kind, "account");
    assert.match(body.subject.name, /@example\.org$/);
    assert.deepEqual(body.roles, ["gone", name].sort());
    assert.equal(body.grants.length, 3);
    assert.deepEqual(
      body.permissions.map(({ permission }: GrantData) => permission),
      ["order:read", "order:update"],
    );
    const [reading, updating] = body.permissions;
    assert.deepEqual(
      reading.allowedBy.map(({ role, where }: { readonly role: string; readonly where: string }) => [
        role,
        where,
      ]),
      [
        ["user", "own"],
        [name, "ofOwnTeam"],
      ],
    );
    assert.deepEqual(reading.deniedBy, []);
    assert.equal(updating.allowedBy[0].role, null);
    assert.equal(updating.deniedBy[0].where, "notYetPaid");

    const fields = { "if-match": etag };
    const roles = { roles: [name] };
    const put = await world.send(admin, "PUT", `/accounts/${person.id}/roles`, roles, fields);
    assert.equal(put.status, 200);
    assert.deepEqual(put.body.roles, [name]);
    const stale = await world.send(admin, "PUT", `/accounts/${person.id}/grants`, { grants: [] }, fields);
    assert.equal(stale.code, "changed_meanwhile", "roles and grants have one tag");
    const fresh = { "if-match": put.etag };
    const cleared = await world.send(admin, "PUT", `/accounts/${person.id}/grants`, { grants: [] }, fresh);
    assert.deepEqual(cleared.body, { roles: [name], grants: [] });
  });

  behaves("shows and changes a client's access as an account's", async () => {
    const client = await world.client({ roles: ["user"] });
    const path = `/clients/${client.id}`;
    assert.equal((await world.send(admin, "PUT", `${path}/roles`, { roles: ["viewer"] })).status, 200);
    assert.equal((await world.send(admin, "PUT", `${path}/grants`, { grants: [read] })).status, 200);
    const { body } = await world.send(admin, "GET", `${path}/access`);
    assert.deepEqual(body.subject, { kind: "client", id: client.id, name: "Job" });
    assert.deepEqual([body.roles, body.grants], [["viewer"], [read]]);
    assert.equal((await world.send(admin, "GET", `/accounts/${client.id}/access`)).code, "not_found");
  });

  behaves("lists accounts and clients a page at a time", async () => {
    const person = await world.person({ roles: ["viewer"] });
    await world.client();
    await world.identity.accounts.disable((await world.person()).id);
    for (const list of ["accounts", "clients"]) {
      const seen: { readonly id: string }[] = [];
      for (let after: string | null = ""; after !== null; ) {
        const query = after === "" ? "" : `&after=${after}`;
        const { status, body } = await world.send(admin, "GET", `/${list}?limit=3${query}`);
        assert.equal(status, 200);
        seen.push(...body.items);
        after = body.next;
      }
      const all = await world.identity[list as "accounts" | "clients"].list({ limit: 1_000 });
      assert.deepEqual(
        seen.map(({ id }) => id),
        all.map(({ id }) => id),
      );
    }
    const { body } = await world.send(admin, "GET", "/accounts?limit=200");
    const shown = body.items.find(({ id }: { readonly id: string }) => id === person.id);
    assert.deepEqual(Object.keys(shown), ["id", "email", "roles", "disabled"]);
    assert.deepEqual(shown.roles, ["viewer"]);
    assert.ok(body.items.some(({ disabled }: { readonly disabled: boolean }) => disabled));
    assert.equal((await world.send(admin, "GET", "/accounts?after=nobody")).code, "not_found");
  });

  behaves("shows who changed what, newest first, by target and by actor, with where from", async () => {
    const by = await world.person({ roles: ["steward"] });
    const person = await world.person({ roles: ["viewer"] });
    await world.send(by, "PUT", `/accounts/${person.id}/roles`, { roles: ["user"] });
    await world.send(by, "PUT", `/accounts/${person.id}/roles`, { roles: ["admin"] });
    const { body } = await world.send(admin, "GET", `/audit?target=account:${person.id}`);
    const [refused, done] = body.items;
    assert.equal(body.items.length, 2);
    assert.equal(body.next, null);
    assert.deepEqual(
      { ...done, sequence: 0, at: "", address: "" },
      {
        sequence: 0,
        actor: { kind: "account", id: by.id },
        action: "roles_assigned",
        outcome: "done",
        target: { kind: "account", id: person.id },
        detail: { before: ["viewer"], after: ["user"] },
        at: "",
        address: "",
      },
    );
    assert.match(done.address, /127\.0\.0\.1|::1/);
    assert.ok(Math.abs(Date.parse(done.at) - Date.now()) < 60_000);
    assert.equal(refused.outcome, "refused");
    assert.equal(refused.detail.code, "authority_exceeded");
    assert.ok(refused.detail.permissions.includes("order:update"));
    const ofActor = await world.send(admin, "GET", `/audit?actor=account:${by.id}&limit=1`);
    assert.deepEqual(ofActor.body.items, [refused]);
    assert.equal(ofActor.body.next, refused.sequence);
    const older = await world.send(admin, "GET", `/audit?actor=account:${by.id}&before=${refused.sequence}`);
    assert.deepEqual(older.body.items, [done]);
    for (const query of ["target=nobody", "actor=group:x", "before=0", "limit=201", "since=1"]) {
      assert.equal((await world.send(admin, "GET", `/audit?${query}`)).code, "validation_failed", query);
    }
  });

  behaves("lets each do what the contract grants them here, and no more", async () => {
    const steward = await world.person({ roles: ["steward"] });
    const auditor = await world.person({ roles: ["auditor"] });
    const user = await world.person({ roles: ["user"] });
    const routes = [
      "/permissions",
      "/roles",
      "/roles/user",
      "/accounts",
      "/clients",
      `/accounts/${user.id}/access`,
    ];
    for (const path of routes) {
      assert.equal((await world.send(steward, "GET", path)).status, 200, path);
      assert.equal((await world.send(auditor, "GET", path)).code, "permission_denied", path);
      assert.equal((await world.send(user, "GET", path)).code, "permission_denied", path);
    }
    assert.equal((await world.send(auditor, "GET", "/audit")).status, 200);
    assert.equal((await world.send(steward, "GET", "/audit")).code, "permission_denied");
  });

  behaves("refuses what is no name, no list, or too much, before anything else", async () => {
    const person = await world.person();
    const wrong: readonly (readonly [string, string, unknown])[] = [
      ["POST", "/roles", {}],
      ["POST", "/roles", { name: "a", extends: [] }],
      ["POST", "/roles", { name: 7, extends: [], grants: [] }],
      ["POST", "/roles", { name: "a b", extends: [], grants: [] }],
      ["POST", "/roles", { name: "a".repeat(64), extends: [], grants: [] }],
      ["POST", "/roles", { name: "a", extends: Array.from({ length: 21 }, () => "user"), grants: [] }],
      ["POST", "/roles", { name: "a", extends: [], grants: Array.from({ length: 201 }, () => read) }],
      ["POST", "/roles", { name: "a", extends: [], grants: ["order:read"] }],
      ["PUT", `/accounts/${person.id}/roles`, { roles: "admin" }],
      [
        "PUT",
        `/accounts/${person.id}/roles`,
        { roles: Array.from({ length: 51 }, (_, index) => `r${index}`) },
      ],
      [
        "PUT",
        `/accounts/${person.id}/grants`,
        { grants: [{ effect: "deny", permission: "order:read", fields: [] }] },
      ],
      ["PUT", `/accounts/${person.id}/grants`, [read]],
    ];
    for (const [method, path, body] of wrong) {
      const answer = await world.send(admin, method, path, body);
      assert.equal(answer.code, "validation_failed", JSON.stringify(body));
      assert.ok(answer.body.errors.length > 0);
    }
    const { body } = await world.send(admin, "PUT", `/accounts/${person.id}/grants`, {
      grants: [read, { ...read, where: "mine" }],
    });
    assert.equal(body.errors[0].pointer, "/grants/1");
    const long = { name: "a", extends: [], grants: [], padding: "x".repeat(140_000) };
    assert.equal((await world.send(admin, "POST", "/roles", long)).status, 413);
  });

  behaves("keeps its answers out of caches and pages of other origins", async () => {
    const response = await fetch(`${world.origin}/admin/api/roles`, {
      headers: { ...admin.fields, origin: "https://shop.example" },
    });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.equal(response.headers.get("access-control-allow-origin"), null);
  });
});

describe("the administration and its contract", () => {
  it("serves what the contract lists of it, and nothing without a contract", async (test) => {
    const at = { issuer: "", audience: "" };
    const only = await startIdentityServer({}, ({ issuer, audience }) => {
      Object.assign(at, { issuer, audience });
      const roles = { auditor: { grants: [administration.audit.allow("read")] } };
      return defineSecurity({ issuer, audience, resources: [administration.audit], roles });
    });
    const without = await startIdentityServer();
    test.after(async () => {
      await only.stop();
      await without.stop();
    });
    const statusOf = async (origin: string, path: string) =>
      (await fetch(`${origin}/admin/api${path}`)).status;
    assert.equal(await statusOf(only.origin, "/audit"), 401);
    assert.equal(await statusOf(only.origin, "/roles"), 404);
    assert.equal(await statusOf(only.origin, "/accounts"), 404);
    for (const path of ["/audit", "/roles", "/accounts"]) {
      assert.equal(await statusOf(without.origin, path), 404);
    }
  });

  it("takes what is meant for this server's own origin, where the API is on another", async (test) => {
    const folder = createFolder();
    const audience = "https://api.shop.example/v1";
    const world = await openAdminWorld({ dataFolder: folder.path }, { audience });
    test.after(async () => {
      await world.stop();
      folder.remove();
    });
    const { origin } = world;
    const admin = await world.person({ roles: ["admin"] });
    const other = await world.person();
    const path = `/accounts/${other.id}/roles`;
    assert.equal((await world.send(admin, "PUT", path, { roles: ["user"] })).status, 200);
    const fromApi = { origin: "https://api.shop.example", "sec-fetch-site": "cross-site" };
    const refused = await world.send(admin, "PUT", path, { roles: [] }, fromApi);
    assert.equal(refused.code, "cross_site_refused");

    // A token that is bound to a key is proved for this address, not for the API's.
    const { id } = await world.client({ roles: ["admin"] });
    const config = await client.discovery(new URL(origin), id, undefined, client.ClientSecretBasic(secret), {
      execute: [client.allowInsecureRequests],
    });
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair("ES256"));
    const { access_token: token } = await client.clientCredentialsGrant(config, undefined, { DPoP });
    const url = new URL(`${origin}/admin/api/roles`);
    const answer = await client.fetchProtectedResource(config, token, url, "GET", null, undefined, { DPoP });
    assert.equal(answer.status, 200);
    const unproved = await fetch(url, { headers: { authorization: `DPoP ${token}` } });
    assert.equal(unproved.status, 401);
  });

  it("says 503 while the database is away", async (test) => {
    const postgres = await startPostgres();
    if (postgres === undefined) return test.skip(postgresMissing);
    test.after(() => postgres.stop());
    const world = await openAdminWorld(
      { dataFolder: "unused", databaseUrl: postgres.url },
      {
        secrets: [Buffer.alloc(32, 1).toString("base64url")],
      },
    );
    test.after(() => world.stop());
    const admin = await world.person({ roles: ["admin"] });
    const other = await world.person();
    const path = `/accounts/${other.id}/roles`;
    assert.equal((await world.send(admin, "PUT", path, { roles: ["user"] })).status, 200);
    await postgres.crash();
    assert.equal((await world.send(admin, "PUT", path, { roles: [] })).status, 503);
    assert.equal((await world.send(admin, "GET", "/roles")).status, 503);
  });
});
