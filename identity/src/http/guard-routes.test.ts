/** What guards in other processes ask, over real HTTP. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { parseApiKey } from "@bulwark/guard";
import Fastify from "fastify";
import { createClock, type TestClock } from "../../../testing/clock.ts";
import { createFolder, type TestFolder } from "../../../testing/folder.ts";
import { findFreePort } from "../../../testing/port.ts";
import { postgresMissing, startPostgres } from "../../../testing/postgres.ts";
import { type EventStream, openEventStream } from "../../testing/event-stream.ts";
import { startIdentityServer, type TestIdentityServer } from "../../testing/identity-server.ts";
import { createShopContract } from "../../testing/shop-contract.ts";
import { createFeed } from "../feed/feed.ts";
import { type Identity, openIdentity } from "../index.ts";
import { openStore } from "../storage/open-store.ts";

const isSynchronised = ({ events }: EventStream) => events.some(({ event }) => event === "synchronised");

describe("the guards' routes", () => {
  let server: TestIdentityServer;
  let identity: Identity;
  let clock: TestClock;
  let folder: TestFolder;
  let ownerId: string;
  let key: string;
  let count = 0;
  before(async () => {
    clock = createClock();
    folder = createFolder();
    server = await startIdentityServer({ now: clock.now, dataFolder: folder.path }, createShopContract);
    identity = server.identity;
    ownerId = (await anAccount()).id;
    key = await aKey(["guard"]);
  });
  after(async () => {
    await server.stop();
    folder.remove();
  });

  const anAccount = () => {
    count += 1;
    return identity.accounts.create({
      email: `a${count}@example.org`,
      roles: ["user"],
      claims: { team: "x" },
    });
  };
  const aKey = async (scopes?: readonly string[], expiresAtMs?: number) =>
    (await identity.apiKeys.create({ accountId: ownerId, name: "guard", scopes, expiresAtMs })).key;
  const bearer = (text: string) => ({ authorization: `Bearer ${text}` });
  const post = async (path: string, body: object, headers: Record<string, string> = bearer(key)) => {
    const response = await fetch(`${server.origin}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
    return { response, body: (await response.json()) as Record<string, unknown> };
  };
  const openFeed = (headers: Record<string, string> = {}, text = key) =>
    openEventStream(`${server.origin}/guard/feed`, { ...bearer(text), ...headers });
  const withStream = async (work: (stream: EventStream) => Promise<void>, headers = {}) => {
    const stream = await openFeed(headers);
    try {
      await stream.until(isSynchronised);
      await work(stream);
    } finally {
      stream.close();
    }
  };

  it("tell a guard whose tokens and which cookie to expect", async () => {
    const response = await fetch(`${server.origin}/guard/about`, { headers: bearer(key) });
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), { issuer: server.origin, sessionCookieName: "bulwark" });
  });

  it("find a session by its cookie's value, and say null where there is none", async () => {
    const { id } = await anAccount();
    const opened = await identity.sessions.create(id, { methods: ["pwd"] });
    const { response, body } = await post("/guard/session", { cookieValue: opened?.cookieValue });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.deepEqual(body.session, {
      id: opened?.session.id,
      accountId: id,
      roles: ["user"],
      claims: { team: "x" },
      assurance: "password",
      authenticatedAtMs: clock.now(),
      expiresAtMs: opened?.session.expiresAtMs,
    });
    for (const cookieValue of ["", "x", "A".repeat(43), "\u0000"]) {
      const { response: none, body: nobody } = await post("/guard/session", { cookieValue });
      assert.equal(none.status, 200);
      assert.deepEqual(nobody, { session: null });
    }
    await identity.revoke({ session: opened?.session.id ?? "" });
    assert.deepEqual((await post("/guard/session", { cookieValue: opened?.cookieValue })).body, {
      session: null,
    });
  });

  it("find an API key by its id and secret, and say null where there is none", async () => {
    const parts = parseApiKey(await aKey(["order:read"]));
    assert.ok(parts);
    const { response, body } = await post("/guard/api-key", { ...parts });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.deepEqual(body.apiKey, {
      id: parts.id,
      ownerId,
      ownerKind: "account",
      roles: ["user"],
      claims: { team: "x" },
      scopes: ["order:read"],
    });
    for (const wrong of [
      { ...parts, secret: `${parts.secret.slice(1)}0` },
      { id: "\u0000", secret: "" },
    ]) {
      assert.deepEqual((await post("/guard/api-key", wrong)).body, { apiKey: null });
    }
  });

  it("tell what has changed in the roles since a version", async () => {
    const since = (await identity.roleChanges(0)).version;
    const { id } = await anAccount();
    await identity.roles.create("support", { extends: ["user"], grants: [] });
    const grants = [{ effect: "deny", permission: "order:read" }] as const;
    await identity.roles.setGrants({ kind: "account", id }, grants);
    const { response, body } = await post("/guard/roles", { since });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.deepEqual(body, {
      since,
      version: since + 2,
      complete: true,
      roles: { support: { extends: ["user"], grants: [] } },
      subjects: [{ kind: "account", id, grants }],
    });
    assert.equal((await post("/guard/roles", { since: since + 3 })).body.since, 0, "of another history");
    for (const wrong of [{}, { since: -1 }, { since: 0.5 }, { since: "0" }, { since: 0, all: true }]) {
      assert.equal((await post("/guard/roles", wrong)).response.status, 422);
    }
  });

  it("refuse a body that is not the question, after the key", async () => {
    assert.equal((await post("/guard/session", { cookieValue: 7 })).response.status, 422);
    assert.equal((await post("/guard/session", { cookieValue: "x", more: 1 })).response.status, 422);
    assert.equal((await post("/guard/session", { cookieValue: "x".repeat(9_000) })).response.status, 413);
    assert.equal((await post("/guard/session", { cookieValue: 7 }, {})).response.status, 401);
  });

  const routes = [
    { method: "GET", path: "/guard/about" },
    { method: "HEAD", path: "/guard/about" },
    { method: "POST", path: "/guard/session" },
    { method: "POST", path: "/guard/api-key" },
    { method: "POST", path: "/guard/roles" },
    { method: "GET", path: "/guard/feed" },
  ];
  for (const { method, path } of routes) {
    it(`answer ${method} ${path} to nobody without a live key, alike whatever is wrong`, async () => {
      const revoked = await aKey(["guard"]);
      await identity.revoke({ apiKey: parseApiKey(revoked)?.id ?? "" });
      const expired = await aKey(["guard"], clock.now() + 1);
      clock.advance(1);
      const secret = parseApiKey(key)?.secret ?? "";
      const wrong: Record<string, string>[] = [
        {},
        { authorization: "" },
        { authorization: key },
        { authorization: `Basic ${btoa(`${key}:`)}` },
        bearer("bw_no_key_atall"),
        bearer(key.replace(secret, `${secret.slice(1)}0`)),
        bearer(`${key}0`),
        bearer(`${key}, ${key}`),
        bearer(revoked),
        bearer(expired),
        { cookie: `bulwark=${key}` },
        { "x-api-key": key },
      ];
      const answers = new Set<string>();
      for (const headers of wrong) {
        const response = await fetch(`${server.origin}${path}`, { method, headers });
        assert.equal(response.status, 401, JSON.stringify(headers));
        assert.equal(response.headers.get("www-authenticate"), "Bearer");
        answers.add(await response.text());
      }
      assert.equal(answers.size, 1);
    });

    it(`answer ${method} ${path} to no key that lacks the scope, or names none`, async () => {
      for (const scopes of [undefined, [], ["order:read"]]) {
        const response = await fetch(`${server.origin}${path}`, {
          method,
          headers: bearer(await aKey(scopes)),
        });
        assert.equal(response.status, 403);
        assert.match(response.headers.get("www-authenticate") ?? "", /error="insufficient_scope"/);
      }
    });
  }

  it("are not counted against the limit of people's requests", async () => {
    const response = await fetch(`${server.origin}/guard/about`, { headers: bearer(key) });
    assert.match(response.headers.get("ratelimit-policy") ?? "", /q=60000;w=60/);
  });

  it("stream the feed: how to reconnect, what is retained, then what happens", async () => {
    const stream = await openFeed();
    assert.equal(stream.response.status, 200);
    assert.equal(stream.response.headers.get("content-type"), "text/event-stream");
    assert.equal(stream.response.headers.get("cache-control"), "no-store");
    assert.equal(stream.response.headers.get("x-content-type-options"), "nosniff");
    await stream.until(isSynchronised);
    assert.ok(stream.text.startsWith("retry: 500\n\n"));
    assert.deepEqual(stream.events[0], { id: "1", event: "feed", data: { kind: "keys" } });
    const known = stream.events.length;
    const { id } = await anAccount();
    await identity.revoke({ subject: id });
    await stream.until(({ events }) => events.length > known);
    stream.close();
    const [synchronised, revoked] = stream.events.slice(-2);
    assert.equal(synchronised?.event, "synchronised");
    assert.deepEqual(revoked, {
      id: String(Number(synchronised?.id) + 1),
      event: "feed",
      data: { kind: "revoked", subject: id, beforeMs: clock.now() },
    });
  });

  it("resume after the last event received, and start anew for one that is not of this history", async () => {
    let last = "";
    await withStream(async (stream) => {
      await identity.revoke({ token: "seen" });
      await stream.until(({ events }) => events.at(-1)?.event === "feed");
      last = stream.events.at(-1)?.id ?? "";
    });
    await identity.revoke({ token: "missed" });
    await withStream(
      async ({ events }) => {
        assert.deepEqual(
          events.map(({ event, id }) => [event, id]),
          [
            ["feed", String(Number(last) + 1)],
            ["synchronised", String(Number(last) + 1)],
          ],
        );
      },
      { "last-event-id": last },
    );
    for (const unknown of ["999999", "x", "-1", "1e3", "9".repeat(30)]) {
      await withStream(
        async ({ events }) => {
          assert.equal(events[0]?.event, "reset", unknown);
          assert.equal(events[1]?.id, "1");
        },
        { "last-event-id": unknown },
      );
    }
  });

  it("beat every five seconds, so that a guard knows a dead connection", async () => {
    await withStream(async (stream) => {
      await setTimeout(4_500);
      assert.equal(stream.comments, 0);
      await stream.until(({ comments }) => comments === 1, 1_500);
    });
  });

  it("end the stream when its key is revoked", async () => {
    const own = await aKey(["guard"]);
    const stream = await openFeed({}, own);
    await withStream(async (other) => {
      await stream.until(isSynchronised);
      const apiKey = parseApiKey(own)?.id ?? "";
      await identity.revoke({ apiKey });
      await stream.until(({ ended }) => ended, 1_000);
      assert.ok(stream.events.some(({ data }) => (data as { apiKey?: string }).apiKey === apiKey));
      assert.equal(other.ended, false);
    });
    assert.equal((await openFeed({}, own)).response.status, 401);
  });

  it("end the stream when its key's owner is disabled, and not when only the owner's tokens are revoked", async () => {
    const former = ownerId;
    ownerId = (await anAccount()).id;
    const stream = await openFeed({}, await aKey(["guard"]));
    await stream.until(isSynchronised);
    await identity.revoke({ subject: ownerId });
    await setTimeout(100);
    assert.equal(stream.ended, false);
    await identity.accounts.disable(ownerId);
    await stream.until(({ ended }) => ended, 1_000);
    ownerId = former;
  });

  it("end the stream when its key expires", async () => {
    const stream = await openFeed({}, await aKey(["guard"], clock.now() + 1_000));
    await stream.until(isSynchronised);
    clock.advance(1_000);
    await stream.until(({ ended }) => ended, 6_000);
  });

  it("drop a connection that does not read, and serve the others all there is", async (test) => {
    const { hostname, port } = new URL(server.origin);
    const socket = connect(Number(port), hostname);
    const dropped = new Promise((resolve) => socket.once("close", resolve));
    socket.on("error", () => {});
    socket.write(`GET /guard/feed HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${key}\r\n\r\n`);
    await new Promise((resolve) => socket.once("data", resolve));
    socket.pause();
    // 20 MB: more than the sockets' own buffers and what is kept, however the system sets them.
    const db = await openStore({ dataFolder: folder.path });
    test.after(() => db.destroy());
    const publisher = createFeed({ db, now: clock.now });
    await withStream(async (stream) => {
      await publisher.transact(async (_transaction, publish) => {
        for (let index = 0; index < 60_000; index += 1) {
          publish({ kind: "revoked", token: `${index}-${"x".repeat(250)}`, beforeMs: 0 });
        }
      });
      await identity.revoke({ token: "the-last" });
      await stream.until(({ text }) => text.includes("the-last", text.length - 1_000), 30_000);
      assert.equal(stream.text.match(/"token":"\d+-x/g)?.length, 60_000);
      await setTimeout(10_500);
      socket.resume();
      await Promise.race([dropped, setTimeout(5_000).then(() => assert.fail("It was not dropped."))]);
      assert.equal(stream.ended, false);
    });
  });
});

describe("the guards' feed and its server", () => {
  it("let the server stop while guards are connected, also one that does not read", async () => {
    const server = await startIdentityServer();
    const { identity, origin } = server;
    const { id: accountId } = await identity.accounts.create({ email: "a@example.org" });
    const { key } = await identity.apiKeys.create({ accountId, name: "guard", scopes: ["guard"] });
    const stream = await openEventStream(`${origin}/guard/feed`, { authorization: `Bearer ${key}` });
    await stream.until(isSynchronised);
    const stopping = Date.now();
    await server.stop();
    assert.ok(Date.now() - stopping < 3_000);
    await stream.until(({ ended }) => ended);
  });

  it("lose no event while the server is away", async (test) => {
    const folder = createFolder();
    const port = await findFreePort();
    const origin = `http://localhost:${port}`;
    const start = async () => {
      const identity = await openIdentity({
        issuer: origin,
        audience: `${origin}/api`,
        dataFolder: folder.path,
      });
      const app = Fastify();
      await app.register(identity.plugin);
      await app.listen({ port, host: "localhost" });
      const stop = async () => {
        await app.close();
        await identity.close();
      };
      return { identity, stop };
    };
    const first = await start();
    const { id: accountId } = await first.identity.accounts.create({ email: "a@example.org" });
    const { key } = await first.identity.apiKeys.create({ accountId, name: "guard", scopes: ["guard"] });
    const headers = { authorization: `Bearer ${key}` };
    const before = await openEventStream(`${origin}/guard/feed`, headers);
    await before.until(isSynchronised);
    await first.identity.revoke({ token: "told" });
    await before.until(({ events }) => events.at(-1)?.event === "feed");
    const last = before.events.at(-1)?.id ?? "";
    await first.stop();

    const offline = await openIdentity({
      issuer: origin,
      audience: `${origin}/api`,
      dataFolder: folder.path,
    });
    await offline.revoke({ token: "while-away" });
    await offline.close();
    const second = await start();
    test.after(async () => {
      await second.stop();
      folder.remove();
    });
    const after = await openEventStream(`${origin}/guard/feed`, { ...headers, "last-event-id": last });
    await after.until(isSynchronised);
    after.close();
    assert.deepEqual(
      after.events.map(({ data }) => (data as { token?: string }).token),
      ["while-away", undefined],
    );
  });

  it("serve no more than 256 guards at once, and one more when one leaves", async (test) => {
    const server = await startIdentityServer();
    const { identity, origin } = server;
    test.after(() => server.stop());
    const { id: accountId } = await identity.accounts.create({ email: "a@example.org" });
    const { key } = await identity.apiKeys.create({ accountId, name: "guard", scopes: ["guard"] });
    const open = () => openEventStream(`${origin}/guard/feed`, { authorization: `Bearer ${key}` });
    const streams = await Promise.all(Array.from({ length: 256 }, open));
    test.after(() => {
      for (const stream of streams) stream.close();
    });
    assert.ok(streams.every(({ response }) => response.status === 200));
    const refused = await open();
    assert.equal(refused.response.status, 503);
    assert.ok(Number(refused.response.headers.get("retry-after")) > 0);
    streams.pop()?.close();
    await setTimeout(100);
    const welcome = await open();
    assert.equal(welcome.response.status, 200);
    welcome.close();
    const told = Promise.all(
      streams.map((stream) => stream.until(({ text }) => text.includes('"token":"everybody"'))),
    );
    await identity.revoke({ token: "everybody" });
    await told;
  });

  it("say 503 while the database is away, and tell connected guards that they are lost", async (test) => {
    const postgres = await startPostgres();
    if (postgres === undefined) return test.skip(postgresMissing);
    test.after(() => postgres.stop());
    const server = await startIdentityServer({ databaseUrl: postgres.url });
    test.after(() => server.stop());
    const { identity, origin } = server;
    const { id: accountId } = await identity.accounts.create({ email: "a@example.org" });
    const { key } = await identity.apiKeys.create({ accountId, name: "guard", scopes: ["guard"] });
    const headers = { authorization: `Bearer ${key}` };
    const stream = await openEventStream(`${origin}/guard/feed`, headers);
    await stream.until(isSynchronised);
    await postgres.crash();
    await stream.until(({ events }) => events.at(-1)?.event === "lost", 3_000);
    stream.close();
    const response = await fetch(`${origin}/guard/about`, { headers });
    assert.equal(response.status, 503);
    assert.ok(Number(response.headers.get("retry-after")) > 0);
  });
});
