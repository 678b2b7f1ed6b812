/**
 * Two guards and an identity server, each a process: what is revoked counts at both within a second, also for what they
 * have remembered, and nothing is missed while the identity server is away.
 */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createFolder, type TestFolder } from "../../../testing/folder.ts";
import { findFreePort } from "../../../testing/port.ts";
import { openServerKey } from "../../../testing/server-key.ts";
import { openIdentity, type Revocation } from "../index.ts";

/** What one request brings. */
type Fields = Readonly<Record<string, string>>;

const identityModule = new URL("../../testing/identity-process.ts", import.meta.url);
const guardModule = new URL("../../testing/guard-process.ts", import.meta.url);
const pauseMs = 5;
const longestMs = 10_000;

describe("revoking, across processes", () => {
  let folder: TestFolder;
  let port: number;
  let issuer: string;
  let identity: ChildProcess;
  let accountId: string;
  let guards: readonly { readonly process: ChildProcess; readonly port: number }[];
  let mint: (claims: Readonly<Record<string, unknown>>) => Promise<string>;
  let credentials: {
    readonly cookie: string;
    readonly sessionId: string;
    readonly key: string;
    readonly keyId: string;
  }[];

  const start = async (module: URL, options: object): Promise<{ process: ChildProcess; message: object }> => {
    const child = fork(fileURLToPath(module), [JSON.stringify(options)]);
    const [message] = await once(child, "message", { signal: AbortSignal.timeout(longestMs) });
    return { process: child, message };
  };
  const startIdentity = async () => (await start(identityModule, { port, dataFolder: folder.path })).process;

  before(async () => {
    folder = createFolder();
    port = await findFreePort();
    issuer = `http://localhost:${port}`;
    const store = await openIdentity({ issuer, audience: `${issuer}/api`, dataFolder: folder.path });
    const account = await store.accounts.create({ email: "ada@example.org", roles: ["user"] });
    accountId = account.id;
    const guardKey = await store.apiKeys.create({ accountId, name: "guard", scopes: ["guard"] });
    credentials = await Promise.all(
      [0, 1].map(async () => {
        const session = await store.sessions.create(accountId);
        const { id, key } = await store.apiKeys.create({ accountId, name: "key" });
        const cookie = `${store.sessionCookieName}=${session?.cookieValue}`;
        return { cookie, sessionId: session?.session.id ?? "", key, keyId: id };
      }),
    );
    await store.close();
    const sign = await openServerKey(folder.path);
    mint = (claims) => {
      const now = Math.floor(Date.now() / 1000);
      const usual = {
        iss: issuer,
        aud: `${issuer}/api`,
        client_id: "shop",
        jti: randomUUID(),
        iat: now,
        exp: now + 300,
      };
      return sign({ typ: "at+jwt" }, { ...usual, ...claims });
    };
    identity = await startIdentity();
    guards = await Promise.all(
      [0, 1].map(async () => {
        const guard = await start(guardModule, { issuer, apiKey: guardKey.key });
        return { process: guard.process, port: (guard.message as { readonly port: number }).port };
      }),
    );
  });
  after(() => {
    for (const child of [identity, ...guards.map((guard) => guard.process)]) child.kill("SIGKILL");
    folder.remove();
  });

  const ask = async (guardPort: number, headers: Fields): Promise<number> =>
    (await fetch(`http://127.0.0.1:${guardPort}/me`, { headers })).status;

  /** Asks a guard again and again until it refuses; when it last accepted, in milliseconds since the epoch. */
  const lastAccepted = async (guardPort: number, headers: Fields): Promise<number> => {
    const deadline = Date.now() + longestMs;
    let acceptedAtMs = 0;
    while (Date.now() < deadline) {
      const status = await ask(guardPort, headers);
      if (status === 401) return acceptedAtMs;
      assert.equal(status, 200);
      acceptedAtMs = Date.now();
      await sleep(pauseMs);
    }
    throw new Error("It goes on being accepted.");
  };

  /** @returns when it was asked for. */
  const revoke = async (revocation: Revocation): Promise<number> => {
    const askedAtMs = Date.now();
    identity.send(revocation);
    await once(identity, "message", { signal: AbortSignal.timeout(longestMs) });
    return askedAtMs;
  };

  const kinds = [
    {
      name: "a token by its id",
      fields: async () => bearer(await mint({ sub: accountId, jti: "t-1" })),
      revocation: () => ({ token: "t-1" }),
    },
    {
      name: "a token by its session",
      fields: async () => bearer(await mint({ sub: accountId, sid: "s-1" })),
      revocation: () => ({ session: "s-1" }),
    },
    {
      name: "a session's cookie",
      fields: async () => ({ cookie: credentials[0]?.cookie ?? "" }),
      revocation: () => ({ session: credentials[0]?.sessionId ?? "" }),
    },
    {
      name: "an API key",
      fields: async () => bearer(credentials[0]?.key ?? ""),
      revocation: () => ({ apiKey: credentials[0]?.keyId ?? "" }),
    },
    {
      name: "a token by its subject",
      fields: async () => bearer(await mint({ sub: "somebody" })),
      revocation: () => ({ subject: "somebody" }),
    },
  ];
  for (const { name, fields, revocation } of kinds) {
    it(`of ${name} counts at both guards within a second`, async (test) => {
      const headers = await fields();
      // Seen, and so remembered, by both.
      for (const guard of guards) assert.equal(await ask(guard.port, headers), 200);
      const refused = guards.map((guard) => lastAccepted(guard.port, headers));
      await sleep(100);
      const askedAtMs = await revoke(revocation());
      const delays = (await Promise.all(refused)).map((acceptedAtMs) => acceptedAtMs - askedAtMs);
      test.diagnostic(`last accepted ${delays.join(" and ")} ms after revoking was asked for`);
      for (const delayMs of delays) assert.ok(delayMs < 1_000);
    });
  }

  it("loses nothing while the identity server is killed and started again", async (test) => {
    const remembered = await Promise.all(
      ["gone-1", "gone-2", "gone-3"].map(async (jti) => bearer(await mint({ sub: accountId, jti }))),
    );
    const session = { cookie: credentials[1]?.cookie ?? "" };
    for (const guard of guards) {
      for (const headers of [...remembered, session]) assert.equal(await ask(guard.port, headers), 200);
    }
    identity.kill("SIGKILL");
    await once(identity, "exit");
    // Another process on the same store goes on revoking meanwhile.
    const other = await openIdentity({ issuer, audience: `${issuer}/api`, dataFolder: folder.path });
    for (const token of ["gone-1", "gone-2"]) await other.revoke({ token });
    await other.revoke({ session: credentials[1]?.sessionId ?? "" });
    await other.close();
    await sleep(300);
    for (const guard of guards) {
      assert.equal(await ask(guard.port, remembered[0] ?? {}), 200, "tokens go on, as the contract says");
      assert.equal(await ask(guard.port, session), 503, "sessions cannot be asked for");
    }
    identity = await startIdentity();
    const backAtMs = Date.now();
    const ends = await Promise.all(
      guards.flatMap((guard) => remembered.slice(0, 2).map((headers) => lastAccepted(guard.port, headers))),
    );
    test.diagnostic(`heard ${Math.max(...ends) - backAtMs} ms after the restart`);
    for (const guard of guards) {
      assert.equal(await ask(guard.port, session), 401);
      assert.equal(await ask(guard.port, remembered[2] ?? {}), 200, "what was not revoked goes on");
    }
    const headers = bearer(await mint({ sub: accountId, jti: "later" }));
    for (const guard of guards) assert.equal(await ask(guard.port, headers), 200);
    await revoke({ token: "later" });
    await sleep(500);
    for (const guard of guards) assert.equal(await ask(guard.port, headers), 401);
  });
});

function bearer(token: string): Fields {
  return { authorization: `Bearer ${token}` };
}
