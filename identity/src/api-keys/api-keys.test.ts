/** API keys: made once, found by their secret only, gone when they or their owner are. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { formatApiKey, parseApiKey } from "@bulwark/guard";
import { sql } from "kysely";
import { createClock, type TestClock } from "../../../testing/clock.ts";
import { describeEachStore } from "../../testing/each-store.ts";
import { createFeedRecorder, isSynchronised } from "../../testing/feed-recorder.ts";
import { type Accounts, createAccounts } from "../accounts/accounts.ts";
import { createFeed, type Feed } from "../feed/feed.ts";
import { type Clients, createClients } from "../oauth/clients.ts";
import { createPasswords } from "../passwords/passwords.ts";
import { openStore } from "../storage/open-store.ts";
import type { Database } from "../storage/schema.ts";
import { type ApiKeys, createApiKeys } from "./api-keys.ts";
import type { NewApiKey } from "./new-api-key.ts";
import { createRandomText } from "./random-text.ts";

describeEachStore("API keys", ({ options, available, behaves }) => {
  let db: Database;
  let clock: TestClock;
  let feed: Feed;
  let accounts: Accounts;
  let clients: Clients;
  let apiKeys: ApiKeys;
  let count = 0;
  before(async () => {
    if (!available()) return;
    db = await openStore(options());
    clock = createClock();
    const { now } = clock;
    feed = createFeed({ db, now });
    accounts = createAccounts({ db, feed, passwords: await createPasswords(), now });
    clients = createClients({ db, feed, now });
    apiKeys = createApiKeys({ db, feed, now });
  });
  after(async () => {
    await apiKeys?.settle();
    await feed?.close();
    await db?.destroy();
  });

  const anAccount = () => {
    count += 1;
    return accounts.create({
      email: `person${count}@example.org`,
      roles: ["user", "admin"],
      claims: { team: "blue" },
    });
  };
  const aKey = async (change: Partial<NewApiKey> = {}) => {
    const owner = change.clientId === undefined ? { accountId: (await anAccount()).id } : {};
    const { id, key } = await apiKeys.create({ ...owner, name: "nightly", ...change } as NewApiKey);
    const parts = parseApiKey(key);
    assert.equal(parts?.id, id);
    return { id, key, secret: parts?.secret ?? "", accountId: owner.accountId ?? "" };
  };

  behaves("finds a key with its owner's roles and claims of now", async () => {
    const { id, secret, accountId } = await aKey({ scopes: ["order:read", "guard", "order:read"] });
    assert.deepEqual(await apiKeys.find(id, secret), {
      id,
      ownerId: accountId,
      ownerKind: "account",
      roles: ["admin", "user"],
      claims: { team: "blue" },
      scopes: ["guard", "order:read"],
      expiresAtMs: undefined,
    });
    await accounts.setRoles(accountId, []);
    assert.deepEqual((await apiKeys.find(id, secret))?.roles, []);
  });

  behaves("gives a client's key the client's roles and claims", async () => {
    await clients.create({
      id: "job",
      name: "Job",
      secret: "0123456789abcdef",
      grantTypes: ["client_credentials"],
      roles: ["auditor"],
      claims: { team: "green" },
    });
    const expiresAtMs = clock.now() + 1;
    const { id, secret } = await aKey({ clientId: "job", expiresAtMs });
    assert.deepEqual(await apiKeys.find(id, secret), {
      id,
      ownerId: "job",
      ownerKind: "client",
      roles: ["auditor"],
      claims: { team: "green" },
      scopes: undefined,
      expiresAtMs,
    });
  });

  behaves("finds no key by a wrong secret, another key's, its digest, or what is no key at all", async () => {
    const { id, secret } = await aKey();
    const other = await aKey();
    const row = await db
      .selectFrom("api_keys")
      .select("secret_hash")
      .where("id", "=", id)
      .executeTakeFirstOrThrow();
    const changed = `${secret.startsWith("A") ? "B" : "A"}${secret.slice(1)}`;
    for (const wrong of [changed, other.secret, row.secret_hash, "", `${secret}0`, `${secret}\u0000`]) {
      assert.equal(await apiKeys.find(id, wrong), undefined);
    }
    for (const wrong of [other.id, "", `${id}0`, "\u0000".repeat(16), `' or '1'='1`]) {
      assert.equal(await apiKeys.find(wrong, secret), undefined);
    }
    assert.ok(await apiKeys.find(id, secret));
  });

  behaves("stores nothing that would let its reader use a key", async () => {
    const { key, secret } = await aKey();
    const text = JSON.stringify(await db.selectFrom("api_keys").selectAll().execute());
    assert.ok(!text.includes(secret));
    assert.ok(!text.includes(key));
  });

  behaves("finds no key that has expired, to the millisecond", async () => {
    const { id, secret } = await aKey({ expiresAtMs: clock.now() + 1_000 });
    clock.advance(999);
    assert.ok(await apiKeys.find(id, secret));
    clock.advance(1);
    assert.equal(await apiKeys.find(id, secret), undefined);
  });

  behaves("finds no key whose owner is disabled, or gone", async () => {
    const disabled = await aKey();
    await accounts.disable(disabled.accountId);
    assert.equal(await apiKeys.find(disabled.id, disabled.secret), undefined);
    const orphan = await aKey();
    await db.deleteFrom("accounts").where("id", "=", orphan.accountId).execute();
    assert.equal(await apiKeys.find(orphan.id, orphan.secret), undefined);
  });

  behaves("does not give an account's key to a client of the same id", async () => {
    const { id, secret, accountId } = await aKey();
    await clients.create({
      id: accountId,
      name: "Namesake",
      secret: "0123456789abcdef",
      grantTypes: ["client_credentials"],
      roles: ["owner"],
    });
    assert.deepEqual((await apiKeys.find(id, secret))?.roles, ["admin", "user"]);
    await accounts.disable(accountId);
    assert.equal(await apiKeys.find(id, secret), undefined);
  });

  behaves("finds no revoked key, leaves its owner's others, and tells the feed", async () => {
    const { id, secret, accountId } = await aKey();
    const other = await apiKeys.create({ accountId, name: "other" });
    const recorder = createFeedRecorder();
    const end = feed.subscribe({}, recorder);
    await recorder.until(isSynchronised);
    await apiKeys.revoke(id);
    end();
    assert.equal(await apiKeys.find(id, secret), undefined);
    assert.deepEqual(recorder.events.at(-1), { kind: "revoked", apiKey: id, beforeMs: clock.now() });
    assert.deepEqual(
      (await apiKeys.list({ accountId })).map((key) => key.id),
      [other.id],
    );
  });

  behaves("lists its owner's keys, and notes a use at most once a minute", async () => {
    const { id, secret, accountId } = await aKey({ scopes: [] });
    const [fresh] = await apiKeys.list({ accountId });
    const created = clock.now();
    assert.deepEqual(fresh, {
      id,
      name: "nightly",
      scopes: [],
      createdAtMs: created,
      expiresAtMs: undefined,
      lastUsedAtMs: undefined,
    });
    const lastUsed = async () => {
      await apiKeys.settle();
      return (await apiKeys.list({ accountId }))[0]?.lastUsedAtMs;
    };
    clock.advance(5);
    await Promise.all(Array.from({ length: 20 }, () => apiKeys.find(id, secret)));
    assert.equal(await lastUsed(), created + 5);
    clock.advance(59_999);
    await apiKeys.find(id, secret);
    assert.equal(await lastUsed(), created + 5);
    clock.advance(1);
    await apiKeys.find(id, `${secret.slice(1)}0`);
    assert.equal(await lastUsed(), created + 5);
    await apiKeys.find(id, secret);
    assert.equal(await lastUsed(), created + 60_005);
    assert.deepEqual(await apiKeys.list({ clientId: accountId }), []);
  });

  behaves("finds a key though its use cannot be noted, and notes the next", async () => {
    const [first, second] = [await aKey(), await aKey()];
    await sql`update api_keys set last_used_at_ms = null`.execute(db);
    await sql`create unique index one_use on api_keys (last_used_at_ms)`.execute(db);
    const lastUsed = async () => {
      await apiKeys.settle();
      return (await apiKeys.list({ accountId: second.accountId }))[0]?.lastUsedAtMs;
    };
    await apiKeys.find(first.id, first.secret);
    await apiKeys.settle();
    assert.ok(await apiKeys.find(second.id, second.secret));
    assert.equal(await lastUsed(), undefined);
    await sql`drop index one_use`.execute(db);
    assert.ok(await apiKeys.find(second.id, second.secret));
    assert.equal(await lastUsed(), clock.now());
  });

  const refusals: { name: string; change: object; place: string }[] = [
    { name: "without an owner", change: { accountId: undefined }, place: "apiKey.owner" },
    { name: "with two owners", change: { clientId: "job" }, place: "apiKey.owner" },
    { name: "of an account that does not exist", change: { accountId: "nobody" }, place: "apiKey.accountId" },
    { name: "without a name", change: { name: " " }, place: "apiKey.name" },
    { name: "with a name too long", change: { name: "a".repeat(101) }, place: "apiKey.name" },
    { name: "with a scope that is no permission", change: { scopes: ["Admin!"] }, place: "apiKey.scopes" },
    { name: "with a role for a scope", change: { scopes: ["admin"] }, place: "apiKey.scopes" },
    { name: "that has ended already", change: { expiresAtMs: 1 }, place: "apiKey.expiresAtMs" },
    { name: "that ends at no time", change: { expiresAtMs: Number.NaN }, place: "apiKey.expiresAtMs" },
  ];
  for (const { name, change, place } of refusals) {
    behaves(`refuses a key ${name}`, async () => {
      const { id: accountId } = await anAccount();
      const given = { accountId, name: "nightly", ...change } as NewApiKey;
      await assert.rejects(apiKeys.create(given), { code: "api_key_invalid", place });
    });
  }

  behaves("refuses a key of a disabled account", async () => {
    const { id: accountId } = await anAccount();
    await accounts.disable(accountId);
    await assert.rejects(apiKeys.create({ accountId, name: "nightly" }), { code: "api_key_invalid" });
  });
});

describe("random text", () => {
  it("is of the length and letters of a key, and never the same", () => {
    const parts = () => ({ id: createRandomText(16), secret: createRandomText(43) });
    const keys = new Set(Array.from({ length: 1_000 }, () => formatApiKey(parts())));
    assert.equal(keys.size, 1_000);
    for (const key of keys) assert.ok(parseApiKey(key));
  });

  it("has each of its 62 letters equally often", () => {
    const counts = new Map<string, number>();
    const drawn = 62 * 5_000;
    for (const letter of createRandomText(drawn)) counts.set(letter, (counts.get(letter) ?? 0) + 1);
    assert.equal(counts.size, 62);
    // Chi-squared with 61 degrees of freedom: above 160 once in 10^10 draws; 800 with bytes modulo 62.
    const chiSquared = [...counts.values()].reduce((sum, seen) => sum + (seen - 5_000) ** 2 / 5_000, 0);
    assert.ok(chiSquared < 160, String(chiSquared));
  });
});
