/**
 * A guard and an identity server, each a process: what changes in the roles counts within a second, also for tokens that
 * the guard has remembered, and nothing is missed while the identity server is away.
 */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { after, before, describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { CustomRole, GrantData } from "@bulwark/guard";
import { createFolder, type TestFolder } from "../../../testing/folder.ts";
import { findFreePort } from "../../../testing/port.ts";
import { openServerKey } from "../../../testing/server-key.ts";
import { createShopContract } from "../../testing/shop-contract.ts";
import type { ShopMessage } from "../../testing/shop-identity-process.ts";
import { openIdentity } from "../index.ts";

const identityModule = new URL("../../testing/shop-identity-process.ts", import.meta.url);
const guardModule = new URL("../../testing/shop-guard-process.ts", import.meta.url);
const pauseMs = 5;
const longestMs = 10_000;
const update: GrantData = { effect: "allow", permission: "order:update" };
const role = (...grants: GrantData[]): CustomRole => ({ extends: [], grants });

describe("changing roles, across processes", () => {
  let folder: TestFolder;
  let issuer: string;
  let port: number;
  let identity: ChildProcess;
  let guard: ChildProcess;
  let guardPort: number;
  let accountId: string;
  let mint: (roles: readonly string[]) => Promise<string>;

  const start = async (module: URL, options: object): Promise<{ process: ChildProcess; message: object }> => {
    const child = fork(fileURLToPath(module), [JSON.stringify(options)]);
    const [message] = await once(child, "message", { signal: AbortSignal.timeout(longestMs) });
    return { process: child, message };
  };
  const open = () =>
    openIdentity({
      issuer,
      audience: `${issuer}/api`,
      dataFolder: folder.path,
      contract: createShopContract({ issuer, audience: `${issuer}/api` }),
    });
  const startIdentity = async () => (await start(identityModule, { port, dataFolder: folder.path })).process;

  before(async () => {
    folder = createFolder();
    port = await findFreePort();
    issuer = `http://localhost:${port}`;
    const store = await open();
    accountId = (await store.accounts.create({ email: "ada@example.org", roles: ["viewer"] })).id;
    const { key } = await store.apiKeys.create({ accountId, name: "guard", scopes: ["guard"] });
    // More than one page: a guard that starts reads them all.
    for (let count = 0; count < 220; count += 1) await store.roles.create(`other${count}`, role());
    await store.roles.create("support", role(update));
    await store.close();
    const sign = await openServerKey(folder.path);
    mint = (roles) => {
      const now = Math.floor(Date.now() / 1000);
      const times = { iat: now, exp: now + 300, jti: randomUUID() };
      const claims = { iss: issuer, aud: `${issuer}/api`, client_id: "shop", sub: accountId, roles };
      return sign({ typ: "at+jwt" }, { ...claims, ...times });
    };
    identity = await startIdentity();
    const started = await start(guardModule, { issuer, apiKey: key });
    guard = started.process;
    guardPort = (started.message as { readonly port: number }).port;
  });
  after(() => {
    for (const child of [identity, guard]) child.kill("SIGKILL");
    folder.remove();
  });

  const ask = async (token: string, method: "GET" | "PUT"): Promise<number> => {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`http://127.0.0.1:${guardPort}/order`, { method, headers })).status;
  };
  const feedState = async (): Promise<string> => {
    const response = await fetch(`http://127.0.0.1:${guardPort}/health`);
    return ((await response.json()) as { readonly feed: string }).feed;
  };
  const tell = async (message: ShopMessage): Promise<void> => {
    identity.send(message);
    await once(identity, "message", { signal: AbortSignal.timeout(longestMs) });
  };
  const until = async (holds: () => Promise<boolean>): Promise<void> => {
    for (const deadline = Date.now() + longestMs; !(await holds()); await sleep(pauseMs)) {
      assert.ok(Date.now() < deadline, "It does not come to hold.");
    }
  };

  /** Makes a change while the guard is asked again and again: it answers otherwise within a second. */
  const changes = async (
    test: TestContext,
    token: string,
    method: "GET" | "PUT",
    [before, after]: readonly [number, number],
    message: ShopMessage,
  ): Promise<void> => {
    assert.equal(await ask(token, method), before);
    const askedAtMs = Date.now();
    await tell(message);
    await until(async () => (await ask(token, method)) === after);
    const tookMs = Date.now() - askedAtMs;
    test.diagnostic(`counted ${tookMs} ms after it was asked for`);
    assert.ok(tookMs < 1_000);
  };

  it("a denial of one account beats its token, which goes on elsewhere", async (test) => {
    const token = await mint(["viewer", "support"]);
    const subject = { kind: "account", id: accountId } as const;
    const denial: GrantData = { effect: "deny", permission: "order:read" };
    assert.equal(await ask(token, "PUT"), 200);
    await changes(test, token, "GET", [200, 403], { subject, grants: [denial] });
    await changes(test, token, "GET", [403, 200], { subject, grants: [] });
    const updates: GrantData = { effect: "deny", permission: "order:update" };
    await changes(test, token, "PUT", [200, 403], { subject, grants: [updates] });
    assert.equal(await ask(token, "GET"), 200);
    await changes(test, token, "PUT", [403, 200], { subject, grants: [] });
  });

  it("a grant to one account counts for its token", async (test) => {
    const token = await mint(["viewer"]);
    const subject = { kind: "account", id: accountId } as const;
    await changes(test, token, "PUT", [403, 200], { subject, grants: [update] });
    await changes(test, token, "PUT", [200, 403], { subject, grants: [] });
  });

  it("a custom role that changes counts for the tokens that name it", async (test) => {
    const token = await mint(["viewer", "support"]);
    await changes(test, token, "PUT", [200, 403], { replace: "support", role: role() });
    await changes(test, token, "PUT", [403, 200], { replace: "support", role: role(update) });
  });

  it("a custom role that is made counts for the tokens that name it already", async (test) => {
    const token = await mint(["viewer", "later"]);
    await changes(test, token, "PUT", [403, 200], { create: "later", role: role(update) });
  });

  it("a guard that hears of changes and cannot read them says that it is lost, until it can", async () => {
    const token = await mint(["viewer", "support"]);
    assert.equal(await feedState(), "synchronised");
    await tell({ silentAboutRoles: true });
    await tell({ replace: "support", role: role() });
    await until(async () => (await feedState()) === "lost");
    assert.equal(await ask(token, "PUT"), 200, "what was known goes on, as the contract says");
    await tell({ silentAboutRoles: false });
    await until(async () => (await feedState()) === "synchronised");
    assert.equal(await ask(token, "PUT"), 403);
    await tell({ replace: "support", role: role(update) });
    await until(async () => (await ask(token, "PUT")) === 200);
  });

  it("nothing is missed while the identity server is killed and started again", async () => {
    const token = await mint(["viewer", "support"]);
    assert.equal(await ask(token, "PUT"), 200);
    identity.kill("SIGKILL");
    await once(identity, "exit");
    await until(async () => (await feedState()) === "lost");
    const other = await open();
    await other.roles.replace("support", role());
    await other.close();
    assert.equal(await ask(token, "PUT"), 200);
    identity = await startIdentity();
    await until(async () => (await ask(token, "PUT")) === 403);
    await until(async () => (await feedState()) === "synchronised");
  });
});
