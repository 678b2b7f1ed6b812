/** What every store must do, run over each: accounts, sessions, OAuth artefacts, clients, keys. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { feedRetentionMs } from "@bulwark/guard";
import { errors } from "oidc-provider";
import { createClock, type TestClock } from "../../../testing/clock.ts";
import { createFolder } from "../../../testing/folder.ts";
import { postgresMissing, startPostgres, type TestPostgres } from "../../../testing/postgres.ts";
import { type Accounts, createAccounts } from "../accounts/accounts.ts";
import { createFeed, type Feed } from "../feed/feed.ts";
import { createKeyRing, type KeyRing } from "../keys/key-ring.ts";
import { loadSigningKeys } from "../keys/signing-keys.ts";
import { createArtifacts } from "../oauth/artifacts.ts";
import { type Clients, createClients } from "../oauth/clients.ts";
import { createPasswords, type Passwords } from "../passwords/passwords.ts";
import { createSessions, type Sessions, sessionLifetime } from "../sessions/sessions.ts";
import { openStore, type StoreOptions } from "./open-store.ts";
import type { Database } from "./schema.ts";
import { sweep } from "./sweep.ts";

const secret = randomBytes(32).toString("base64url");
const password = "a password of the test";

describe("SQLite store", () => {
  const folder = createFolder();
  after(() => folder.remove());
  storeContract(() => ({ dataFolder: folder.path }));
});

describe("PostgreSQL store", () => {
  let postgres: TestPostgres | undefined;
  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres?.stop());
  storeContract(() => postgres && { dataFolder: "unused", databaseUrl: postgres.url });
});

function storeContract(getOptions: () => StoreOptions | undefined): void {
  let db: Database;
  let ring: KeyRing;
  let passwords: Passwords;
  let clock: TestClock;
  let feed: Feed;
  let accounts: Accounts;
  let sessions: Sessions;
  let clients: Clients;
  let count = 0;

  before(async () => {
    const options = getOptions();
    if (options === undefined) return;
    db = await openStore(options);
    ring = createKeyRing([secret], "test");
    passwords = await createPasswords();
    clock = createClock();
    const { now } = clock;
    feed = createFeed({ db, now });
    accounts = createAccounts({ db, feed, passwords, now });
    sessions = createSessions({ db, feed, ring, now });
    clients = createClients({ db, feed, now });
  });
  after(() => db?.destroy());

  const behaves = (name: string, body: () => Promise<void>) =>
    it(name, async (test) => {
      if (getOptions() === undefined) test.skip(postgresMissing);
      else await body();
    });
  const anAccount = () => {
    count += 1;
    return accounts.create({
      email: `person${count}@example.org`,
      password,
      roles: ["user"],
      claims: { team: "blue" },
    });
  };
  const aSession = async () => {
    const opened = await sessions.create((await anAccount()).id);
    assert.ok(opened);
    return opened;
  };
  const artifacts = (model: string) => createArtifacts({ db, ring, clients, now: clock.now })(model);
  const anId = () => randomBytes(32).toString("base64url");

  behaves("opens a second time without changing what is there", async () => {
    const account = await anAccount();
    const again = await openStore(getOptions() as StoreOptions);
    const found = await createAccounts({ db: again, feed, passwords, now: clock.now }).findById(account.id);
    await again.destroy();
    assert.deepEqual(found, account);
  });

  behaves("refuses a schema that a newer release wrote", async () => {
    const name = "9999_from_the_future";
    await db
      .insertInto("kysely_migration" as never)
      .values({ name, timestamp: "2040" } as never)
      .execute();
    try {
      await assert.rejects(openStore(getOptions() as StoreOptions), { code: "store_schema_newer" });
    } finally {
      await db
        .deleteFrom("kysely_migration" as never)
        .where("name" as never, "=", name as never)
        .execute();
    }
  });

  behaves("keeps roles sorted, without repeats, and claims as given", async () => {
    const claims = { team: "blue", level: 3, tags: ["a"] };
    const { id } = await accounts.create({
      email: "roles@example.org",
      roles: ["user", "admin", "user"],
      claims,
    });
    const found = await accounts.findById(id);
    assert.deepEqual(found?.roles, ["admin", "user"]);
    assert.deepEqual(found?.claims, claims);
  });

  behaves("finds an account by any spelling of its address, and refuses a second one", async () => {
    const { id } = await accounts.create({ email: " Ada@Example.org " });
    assert.equal((await accounts.findByEmail("aDA@example.ORG"))?.id, id);
    await assert.rejects(accounts.create({ email: "ADA@example.org" }), { code: "email_taken" });
  });

  behaves("lets one of many simultaneous registrations of one address win", async () => {
    const attempts = Array.from({ length: 10 }, () =>
      accounts.create({ email: "race@example.org", roles: ["user"] }),
    );
    const settled = await Promise.allSettled(attempts);
    assert.equal(settled.filter(({ status }) => status === "fulfilled").length, 1);
    for (const one of settled) if (one.status === "rejected") assert.equal(one.reason.code, "email_taken");
  });

  behaves("treats quotes and other SQL in values as text", async () => {
    const name = `x'; drop table accounts; --`;
    await accounts.create({ email: "quote@example.org", claims: { name } });
    assert.equal((await accounts.findByEmail("quote@example.org"))?.claims.name, name);
    assert.equal(await accounts.findById(name), undefined);
  });

  behaves(
    "answers one way for a wrong password, no password, an unknown address and a disabled account",
    async () => {
      const account = await anAccount();
      assert.equal((await accounts.authenticate({ email: account.email, password }))?.id, account.id);
      assert.equal(
        await accounts.authenticate({ email: account.email, password: `${password}.` }),
        undefined,
      );
      assert.equal(await accounts.authenticate({ email: "nobody@example.org", password }), undefined);
      assert.equal(await accounts.authenticate({ email: "not an address", password }), undefined);
      await accounts.create({ email: "passwordless@example.org" });
      assert.equal(await accounts.authenticate({ email: "passwordless@example.org", password }), undefined);
      await accounts.disable(account.id);
      assert.equal(await accounts.authenticate({ email: account.email, password }), undefined);
    },
  );

  behaves("finds a session by its cookie's value, with the account's roles and claims of now", async () => {
    const { cookieValue, session } = await aSession();
    assert.deepEqual(await sessions.find(cookieValue), session);
    assert.deepEqual(session.roles, ["user"]);
    assert.deepEqual(session.claims, { team: "blue" });
    await db.insertInto("account_roles").values({ account_id: session.accountId, role: "manager" }).execute();
    assert.deepEqual((await sessions.find(cookieValue))?.roles, ["manager", "user"]);
  });

  behaves("stores neither the cookie's value nor anything readable of the session's origin", async () => {
    const { id } = await anAccount();
    const opened = await sessions.create(id, { methods: ["pwd"], userAgent: "a telling browser" });
    const rows = await db.selectFrom("sessions").selectAll().where("account_id", "=", id).execute();
    const text = JSON.stringify(rows);
    assert.equal(rows.length, 1);
    assert.ok(!text.includes(opened?.cookieValue ?? ""));
    assert.ok(!text.includes("telling"));
    assert.deepEqual((await sessions.list(id))[0]?.userAgent, "a telling browser");
  });

  behaves("does not find a session by its handle, its digest, or another spelling of its value", async () => {
    const { cookieValue, session } = await aSession();
    const row = await db
      .selectFrom("sessions")
      .select("id_hash")
      .where("handle", "=", session.id)
      .executeTakeFirstOrThrow();
    for (const value of [session.id, row.id_hash, `${cookieValue}=`, `${cookieValue.slice(0, -1)}~`, ""]) {
      assert.equal(await sessions.find(value), undefined);
    }
  });

  behaves("ends a session that was idle, not one that was seen a moment before", async () => {
    const idle = await aSession();
    const seen = await aSession();
    clock.advance(sessionLifetime.idleMs - 1);
    assert.ok(await sessions.find(seen.cookieValue));
    clock.advance(1);
    assert.equal(await sessions.find(idle.cookieValue), undefined);
    assert.ok(await sessions.find(seen.cookieValue));
  });

  behaves("ends a session at its absolute end, however often it was seen", async () => {
    const { cookieValue, session } = await aSession();
    const step = sessionLifetime.idleMs / 2;
    while (clock.now() + step < session.expiresAtMs) {
      clock.advance(step);
      assert.ok(await sessions.find(cookieValue));
    }
    clock.advance(session.expiresAtMs - 1 - clock.now());
    assert.ok(await sessions.find(cookieValue));
    clock.advance(1);
    assert.equal(await sessions.find(cookieValue), undefined);
  });

  behaves("notes that a session was seen at most once a minute", async () => {
    const { cookieValue, session } = await aSession();
    const lastSeen = async () => (await sessions.list(session.accountId))[0]?.lastSeenAtMs;
    const opened = clock.now();
    clock.advance(59_999);
    await sessions.find(cookieValue);
    assert.equal(await lastSeen(), opened);
    clock.advance(1);
    await sessions.find(cookieValue);
    assert.equal(await lastSeen(), opened + 60_000);
  });

  behaves("ends all of an account's sessions when it is disabled", async () => {
    const { cookieValue, session } = await aSession();
    await accounts.disable(session.accountId);
    assert.equal(await sessions.find(cookieValue), undefined);
    assert.equal(await sessions.create(session.accountId), undefined);
  });

  behaves("ends one session and what was granted in it, and leaves the others", async () => {
    const ending = await aSession();
    const staying = await aSession();
    const [endingGrant, stayingGrant] = [anId(), anId()];
    const [endingCode, stayingCode] = [anId(), anId()];
    await sessions.recordGrant(ending.session.id, endingGrant);
    await sessions.recordGrant(staying.session.id, stayingGrant);
    await artifacts("Grant").upsert(endingGrant, { kind: "Grant" }, 60);
    await artifacts("AuthorizationCode").upsert(endingCode, { grantId: endingGrant }, 60);
    await artifacts("AuthorizationCode").upsert(stayingCode, { grantId: stayingGrant }, 60);
    assert.equal((await sessions.findByGrant(endingGrant))?.id, ending.session.id);

    await sessions.revoke(ending.session.id);

    assert.equal(await sessions.find(ending.cookieValue), undefined);
    assert.equal(await sessions.findByGrant(endingGrant), undefined);
    assert.equal(await artifacts("Grant").find(endingGrant), undefined);
    assert.equal(await artifacts("AuthorizationCode").find(endingCode), undefined);
    assert.ok(await sessions.find(staying.cookieValue));
    assert.equal((await sessions.findByGrant(stayingGrant))?.id, staying.session.id);
    assert.ok(await artifacts("AuthorizationCode").find(stayingCode));
  });

  behaves("gives an artefact back as it was saved, and only to its own model", async () => {
    const id = anId();
    const payload = { kind: "AuthorizationCode", grantId: anId(), scope: "openid", nonce: "n\u0000'\"é" };
    await artifacts("AuthorizationCode").upsert(id, payload, 60);
    assert.deepEqual(await artifacts("AuthorizationCode").find(id), payload);
    assert.equal(await artifacts("Session").find(id), undefined);
  });

  behaves("stores an artefact without anything that would let its reader use it", async () => {
    const [id, grantId] = [anId(), anId()];
    await artifacts("AuthorizationCode").upsert(id, { grantId, scope: "telling" }, 60);
    const text = JSON.stringify(await db.selectFrom("oauth_artifacts").selectAll().execute());
    for (const secretText of [id, grantId, "telling"]) assert.ok(!text.includes(secretText));
  });

  behaves("refuses an artefact whose sealed content was moved to another row", async () => {
    const [mine, theirs] = [anId(), anId()];
    const adapter = artifacts("Session");
    await adapter.upsert(mine, { accountId: "mine", uid: anId() }, 60);
    await adapter.upsert(theirs, { accountId: "theirs", uid: anId() }, 60);
    const rows = await db.selectFrom("oauth_artifacts").selectAll().where("model", "=", "Session").execute();
    const [first, second] = rows.slice(-2);
    assert.ok(first && second);
    const swap = db.updateTable("oauth_artifacts").set({ sealed: second.sealed });
    await swap.where("id_hash", "=", first.id_hash).execute();
    const found = await Promise.allSettled([adapter.find(mine), adapter.find(theirs)]);
    const refused = found.find(({ status }) => status === "rejected");
    assert.equal(refused?.status === "rejected" && refused.reason.code, "sealed_damaged");
    await db.deleteFrom("oauth_artifacts").where("model", "=", "Session").execute();
  });

  behaves("finds provider sessions by uid, until they end", async () => {
    const [id, uid] = [anId(), anId()];
    await artifacts("Session").upsert(id, { uid, accountId: "a" }, 60);
    assert.deepEqual(await artifacts("Session").findByUid(uid), { uid, accountId: "a" });
    clock.advance(60_000);
    assert.equal(await artifacts("Session").findByUid(uid), undefined);
    assert.equal(await artifacts("Session").find(id), undefined);
  });

  behaves("lets exactly one of fifty simultaneous consumptions win", async () => {
    const id = anId();
    const adapter = artifacts("AuthorizationCode");
    await adapter.upsert(id, { grantId: anId() }, 60);
    const settled = await Promise.allSettled(Array.from({ length: 50 }, () => adapter.consume(id)));
    assert.equal(settled.filter(({ status }) => status === "fulfilled").length, 1);
    for (const one of settled) {
      if (one.status === "rejected") assert.ok(one.reason instanceof errors.InvalidGrant);
    }
  });

  behaves("says that an artefact was consumed, also after it is saved again", async () => {
    const id = anId();
    const adapter = artifacts("AuthorizationCode");
    await adapter.upsert(id, { scope: "a" }, 60);
    await adapter.consume(id);
    await adapter.upsert(id, { scope: "b" }, 60);
    const found = await adapter.find(id);
    assert.equal(found?.scope, "b");
    assert.equal(found?.consumed, Math.floor(clock.now() / 1000));
    await assert.rejects(adapter.consume(id), errors.InvalidGrant);
  });

  behaves("refuses to consume what has expired, and what was never there", async () => {
    const id = anId();
    const adapter = artifacts("PushedAuthorizationRequest");
    await adapter.upsert(id, {}, 60);
    clock.advance(60_000);
    await assert.rejects(adapter.consume(id), errors.InvalidRequestUri);
    await assert.rejects(adapter.consume(anId()), errors.InvalidRequestUri);
  });

  behaves("sweeps what has expired and nothing else", async () => {
    clock.advance(sessionLifetime.absoluteMs);
    await sweep(db, { now: clock.now, sessionIdleMs: sessionLifetime.idleMs, feedRetentionMs });
    const lasting = await aSession();
    const ended = await aSession();
    const [shortId, longId] = [anId(), anId()];
    await artifacts("AuthorizationCode").upsert(shortId, {}, 60);
    await artifacts("AuthorizationCode").upsert(longId, {}, 3_600);
    clock.advance(sessionLifetime.idleMs - 1);
    await sessions.find(lasting.cookieValue);
    clock.advance(1);
    const removed = await sweep(db, {
      now: clock.now,
      sessionIdleMs: sessionLifetime.idleMs,
      feedRetentionMs,
    });
    assert.equal(removed, 2);
    const left = await db.selectFrom("sessions").select("handle").execute();
    assert.ok(left.some(({ handle }) => handle === lasting.session.id));
    assert.ok(!left.some(({ handle }) => handle === ended.session.id));
    assert.ok(await artifacts("AuthorizationCode").find(longId));
  });

  behaves("keeps a client's secret only as a digest, and refuses a second client of its id", async () => {
    const clientSecret = anId();
    const client = {
      id: "reporter",
      name: "Reporter",
      secret: clientSecret,
      grantTypes: ["client_credentials"],
    } as const;
    await clients.create({ ...client, roles: ["admin"] });
    await assert.rejects(clients.create(client), { code: "client_taken" });
    const metadata = await clients.findMetadata("reporter");
    assert.notEqual(metadata?.client_secret, clientSecret);
    assert.ok(!JSON.stringify(await db.selectFrom("clients").selectAll().execute()).includes(clientSecret));
    assert.deepEqual((await clients.findById("reporter"))?.roles, ["admin"]);
  });

  behaves("ends with one signing key when several processes start at once", async () => {
    await db.deleteFrom("signing_keys").execute();
    const options = getOptions() as StoreOptions;
    const stores = await Promise.all([openStore(options), openStore(options), openStore(options)]);
    const loaded = await Promise.all(stores.map((store) => loadSigningKeys(store, ring, clock.now)));
    await Promise.all(stores.map((store) => store.destroy()));
    const ids = new Set(loaded.flatMap(({ privateKeys }) => privateKeys.map(({ kid }) => kid)));
    assert.equal(ids.size, 1);
    assert.equal(loaded[0]?.publicKeys.keys.length, 1);
    assert.ok(!("d" in (loaded[0]?.publicKeys.keys[0] ?? { d: "" })));
  });

  behaves("refuses signing keys that none of the given secrets sealed", async () => {
    await loadSigningKeys(db, ring, clock.now);
    const other = createKeyRing([randomBytes(32).toString("base64url")], "test");
    await assert.rejects(loadSigningKeys(db, other, clock.now), { code: "secret_missing" });
    const rotated = createKeyRing([randomBytes(32).toString("base64url"), secret], "test");
    assert.equal((await loadSigningKeys(db, rotated, clock.now)).privateKeys.length, 1);
  });
}
