/** The program as its user runs it: what it keeps, shows, logs and refuses to start with. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, test } from "node:test";
import * as oauth from "openid-client";
import { createFolder, type TestFolder } from "../../../testing/folder.ts";
import { findFreePort } from "../../../testing/port.ts";
import { type Answer, asBearer, asSession, discoverAs, request } from "./testing/client.ts";
import { password, runToEnd, startProgram } from "./testing/program.ts";

/** Passwords and the client's secret generated at first start. */
const random = { BULWARK_DEMO_PASSWORD: "", BULWARK_DEMO_CLIENT_SECRET: "" };

function askToSignIn(origin: string, withPassword: string) {
  return request(`${origin}/auth/sign-in`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: "alice@example.com", password: withPassword }),
  });
}

describe("the program", () => {
  let folder: TestFolder;
  before(() => {
    folder = createFolder();
  });
  after(() => folder.remove());

  test("keeps accounts, keys, sessions and orders over a restart, and prints secrets once", async () => {
    const data = join(folder.path, "kept");
    const port = await findFreePort();
    const first = await startProgram(data, port, random);
    assert.match(first.output(), /alice@example\.com +\S{32}\n/);
    await first.stop();
    const secret = /client billing +(\S+)/.exec(first.output())?.[1] ?? "";
    const secondStart = await startProgram(data, port, random);
    assert.doesNotMatch(secondStart.output(), /alice/);
    const client = await discoverAs(secondStart.origin, "billing", oauth.ClientSecretBasic(secret));
    const { access_token: token } = await oauth.clientCredentialsGrant(client);
    const alicePassword = /alice@example\.com +(\S+)/.exec(first.output())?.[1];
    const answer = await request(`${secondStart.origin}/auth/sign-in`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email: "Alice@Example.com", password: alicePassword }),
    });
    const cookie = answer.headers.getSetCookie()[0]?.split(";", 1)[0] ?? "";
    const created = await request(
      `${secondStart.origin}/api/orders`,
      asSession(cookie, "POST", { total: 9 }),
    );
    await secondStart.stop();

    const third = await startProgram(data, port, random);
    const path = `${third.origin}/api/orders/${created.json.id}`;
    assert.equal((await request(path, asBearer(token))).status, 200);
    assert.equal((await request(path, asSession(cookie))).json.total, 9);
    await third.stop();
  });

  test("keeps no secret in its files", async () => {
    const data = join(folder.path, "secret");
    const { origin, output, stop } = await startProgram(data, await findFreePort(), random);
    const [password = "", secret = ""] = [/alice@example\.com +(\S+)/, /client billing +(\S+)/].map(
      (pattern) => pattern.exec(output())?.[1],
    );
    assert.ok(password.length >= 32 && secret.length >= 32);
    const { headers } = await askToSignIn(origin, password);
    const cookie = headers.getSetCookie()[0]?.split(/[=;]/)[1] ?? "";
    assert.equal(cookie.length, 43);
    await stop();
    const files = readdirSync(data).map((name) => readFileSync(join(data, name), "latin1"));
    assert.ok(files.length >= 3);
    for (const text of files) {
      assert.doesNotMatch(text, /"d":/, "a private key");
      for (const value of [password, secret, cookie]) assert.ok(!text.includes(value));
    }
  });

  test("shows every secret it stores, also when the start then fails", async () => {
    const data = join(folder.path, "interrupted");
    const bad = { ...random, BULWARK_DEMO_CLIENT_SECRET: "short" };
    const failed = await runToEnd(data, await findFreePort(), bad);
    assert.equal(failed.exitCode, 1);
    const password = /alice@example\.com +(\S+)/.exec(failed.stdout)?.[1] ?? "";
    const { origin, output, stop } = await startProgram(data, await findFreePort(), random);
    assert.match(output(), /client billing +\S{32}/);
    assert.equal((await askToSignIn(origin, password)).status, 200);
    await stop();
  });

  test("leaves a port in use without having begun anything: the next start is the first", async () => {
    const data = join(folder.path, "in-use");
    const port = await findFreePort();
    const server = createServer().listen(port, "localhost");
    assert.equal((await runToEnd(data, port, random)).exitCode, 1);
    await new Promise((resolve) => server.close(resolve));
    const { output, stop } = await startProgram(data, port, random);
    assert.match(output(), /alice@example\.com +\S{32}\n/);
    await stop();
  });

  test("logs an error of its own in one line, and denials where it is asked to", async () => {
    const data = join(folder.path, "logged");
    const { origin, output, stop } = await startProgram(data, await findFreePort(), { BULWARK_LOG: "info" });
    const cookie = (await askToSignIn(origin, password)).headers.getSetCookie()[0]?.split(";", 1)[0] ?? "";
    await request(`${origin}/api/orders/x`, asBearer("e30.e30.AAAA"));
    const orders = new DatabaseSync(join(data, "orders.db"));
    orders.exec('alter table "order" rename to "gone"');
    orders.close();
    const broken = await request(`${origin}/api/orders`, asSession(cookie));
    assert.equal(broken.status, 500);
    assert.doesNotMatch(broken.text, /order/);
    await stop();
    assert.match(
      output(),
      /"denial":\{"code":"unauthenticated","by":"authenticate","reason":"token_algorithm"\}/,
    );
    assert.match(output(), /no such table: order/);
    assert.ok(!output().includes(cookie.slice(8)));
  });

  test("limits sign-ins from one address", async (t) => {
    const program = await startProgram(join(folder.path, "guessed"), await findFreePort());
    t.after(() => program.stop());
    const attempt = () =>
      request(`${program.origin}/auth/sign-in`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: '{"email":"alice@example.com","password":"a wrong password"}',
      });
    for (let count = 0; count < 20; count += 1) assert.equal((await attempt()).status, 401);
    const guessed = await attempt();
    assert.deepEqual([guessed.status, guessed.json.code], [429, "rate_limited"]);
    assert.ok(Number(guessed.headers.get("retry-after")) >= 1);
  });

  test("refuses a client with a wrong secret, and a code without its verifier", async (t) => {
    const program = await startProgram(join(folder.path, "clients"), await findFreePort());
    t.after(() => program.stop());
    const wrong = await discoverAs(program.origin, "billing", oauth.ClientSecretBasic("wrong".repeat(8)));
    await assert.rejects(oauth.clientCredentialsGrant(wrong), { status: 401 });
    const plain = new URL(`${program.origin}/oauth/auth`);
    plain.search = new URLSearchParams({
      client_id: "shop",
      response_type: "code",
      redirect_uri: "https://shop.example/callback",
      scope: "openid",
    }).toString();
    const answer: Answer = await request(plain.href);
    assert.equal(new URL(answer.headers.get("location") ?? "").searchParams.get("error"), "invalid_request");
  });

  const refusals: readonly {
    name: string;
    prepare: () => Promise<[string, number | string]>;
    says: RegExp;
  }[] = [
    {
      name: "a port in use",
      async prepare() {
        const port = await findFreePort();
        const server = createServer().listen(port, "localhost");
        server.unref();
        return [join(folder.path, "port"), port];
      },
      says: /^bulwark: Port \d+ is in use: .*\n$/,
    },
    {
      name: "a port that is none",
      prepare: async () => [join(folder.path, "port"), "http"],
      says: /^bulwark: PORT is "http": .*\n$/,
    },
    {
      name: "a data folder that cannot be written",
      async prepare() {
        writeFileSync(join(folder.path, "file"), "");
        return [join(folder.path, "file", "data"), await findFreePort()];
      },
      says: /^bulwark: \w+ at .*file.*\n$/,
    },
    {
      name: "a damaged database",
      async prepare() {
        const data = join(folder.path, "damaged");
        mkdirSync(data);
        writeFileSync(join(data, "identity.db"), "this is no database, whatever its name says".repeat(100));
        return [data, await findFreePort()];
      },
      says: /^bulwark: store_damaged at .*identity\.db.*\n$/,
    },
    {
      name: "a damaged order database",
      async prepare() {
        const data = join(folder.path, "damaged-orders");
        mkdirSync(data);
        writeFileSync(join(data, "orders.db"), "this is no database, whatever its name says".repeat(100));
        return [data, await findFreePort()];
      },
      says: /^bulwark: .*orders\.db cannot be used: .*\n$/,
    },
    {
      name: "a demonstration password that is too short",
      prepare: async () => [join(folder.path, "short"), await findFreePort()],
      says: /^bulwark: password_length .*\n$/,
    },
  ];
  for (const { name, prepare, says } of refusals) {
    test(`says in one line what is wrong, and ends with 1, on ${name}`, async () => {
      const [data, port] = await prepare();
      const settings = /password/.test(name) ? { BULWARK_DEMO_PASSWORD: "short" } : {};
      const ended = await runToEnd(data, port, settings);
      assert.equal(ended.exitCode, 1);
      assert.match(ended.stderr, says);
      assert.equal(ended.stdout, "");
    });
  }
});
