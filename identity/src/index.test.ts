/** The server as a program uses it: opened, mounted beside an API that one guard protects, closed, opened again. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { defineSecurity } from "@bulwark/guard";
import { bulwark } from "@bulwark/guard/fastify";
import Fastify, { type FastifyInstance } from "fastify";
import { createFolder } from "../../testing/folder.ts";
import { findFreePort } from "../../testing/port.ts";
import { type Identity, openIdentity } from "./index.ts";

const email = "ada@example.org";
const password = "a long enough password";
const secret = "0123456789abcdefghijklmnopqrstuvwxyz";

describe("an API and its identity server in one process", () => {
  const folder = createFolder();
  let identity: Identity;
  let app: FastifyInstance;
  let origin: string;

  before(async () => {
    origin = `http://localhost:${await findFreePort()}`;
    const audience = `${origin}/api`;
    identity = await openIdentity({ issuer: origin, audience, dataFolder: folder.path });
    await identity.accounts.create({ email, password, roles: ["user"] });
    await identity.clients.create({ id: "job", name: "Job", secret, grantTypes: ["client_credentials"] });
    app = Fastify();
    const security = defineSecurity({
      issuer: origin,
      audience,
      resources: [],
      roles: { user: { grants: [] } },
    });
    await app.register(bulwark, { security, identity });
    await app.register(identity.plugin);
    app.get("/me", { security: { authenticated: true } }, (request) => request.principal);
    await app.listen({ port: Number(new URL(origin).port), host: "localhost" });
  });
  after(async () => {
    await app.close();
    await identity.close();
    folder.remove();
  });

  it("accepts the session it gave, until it is signed out", async () => {
    const signIn = await fetch(`${origin}/auth/sign-in`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email, password }),
    });
    const cookie = signIn.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    const me = await fetch(`${origin}/me`, { headers: { cookie } });
    assert.equal(me.status, 200);
    assert.deepEqual(((await me.json()) as { roles: string[] }).roles, ["user"]);
    await fetch(`${origin}/auth/sign-out`, { method: "POST", headers: { cookie, origin } });
    assert.equal((await fetch(`${origin}/me`, { headers: { cookie } })).status, 401);
  });

  it("accepts the token it gave, and none without", async () => {
    const form = new URLSearchParams({
      grant_type: "client_credentials",
      client_id: "job",
      client_secret: secret,
    });
    const answer = await fetch(`${origin}/oauth/token`, { method: "POST", body: form });
    const { access_token: token } = (await answer.json()) as { access_token: string };
    const me = await fetch(`${origin}/me`, { headers: { authorization: `Bearer ${token}` } });
    assert.equal(me.status, 200);
    assert.equal(((await me.json()) as { id: string }).id, "job");
    assert.equal((await fetch(`${origin}/me`)).status, 401);
  });
});

describe("opening an identity server", () => {
  it("keeps its keys, accounts and sessions from one run to the next", async (test) => {
    const folder = createFolder();
    test.after(() => folder.remove());
    const options = {
      issuer: "https://auth.example",
      audience: "https://api.example",
      dataFolder: folder.path,
    };
    const first = await openIdentity(options);
    const account = await first.accounts.create({ email, password });
    const opened = await first.sessions.create(account.id);
    const keys = await first.keys();
    await first.close();

    const second = await openIdentity(options);
    test.after(() => second.close());
    assert.deepEqual(await second.keys(), keys);
    assert.equal(second.sessionCookieName, "__Host-bulwark");
    assert.deepEqual(await second.accounts.findById(account.id), account);
    assert.equal((await second.findSession(opened?.cookieValue ?? ""))?.accountId, account.id);
    assert.ok(readdirSync(folder.path).includes("secrets.json"));
  });

  it("writes no secrets where they are given, and refuses a database sealed with others", async (test) => {
    const folder = createFolder();
    test.after(() => folder.remove());
    const options = {
      issuer: "https://auth.example",
      audience: "https://api.example",
      dataFolder: folder.path,
    };
    const aSecret = (byte: number) => Buffer.alloc(32, byte).toString("base64url");
    const first = await openIdentity({ ...options, secrets: [aSecret(1)] });
    await first.close();
    assert.ok(!readdirSync(folder.path).includes("secrets.json"));
    await assert.rejects(openIdentity({ ...options, secrets: [aSecret(2)] }), { code: "secret_missing" });
    const rotated = await openIdentity({ ...options, secrets: [aSecret(2), aSecret(1)] });
    await rotated.close();
    await assert.rejects(openIdentity({ ...options, secrets: ["short"] }), { code: "secrets_invalid" });
  });

  it("refuses a limit it cannot read, before it opens anything", async () => {
    const folder = createFolder();
    folder.remove();
    const options = {
      issuer: "https://auth.example",
      audience: "https://api.example",
      dataFolder: folder.path,
    };
    await assert.rejects(openIdentity({ ...options, limits: { signIn: "often" } }), { code: "rate_invalid" });
    assert.throws(() => readdirSync(folder.path), { code: "ENOENT" });
  });
});
