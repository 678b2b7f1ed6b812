/** Revoking each kind of thing: what ends, what is told, and that both happen or neither. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { sql } from "kysely";
import { createClock, type TestClock } from "../../../testing/clock.ts";
import { describeEachStore } from "../../testing/each-store.ts";
import { createFeedRecorder, isSynchronised } from "../../testing/feed-recorder.ts";
import { type Identity, openIdentity, type Revocation } from "../index.ts";
import { openStore } from "../storage/open-store.ts";

describeEachStore("revoking", ({ options, available, behaves }) => {
  let identity: Identity;
  let clock: TestClock;
  let count = 0;
  before(async () => {
    if (!available()) return;
    clock = createClock();
    const base = { issuer: "https://auth.example", audience: "https://api.example", now: clock.now };
    identity = await openIdentity({ ...base, ...options() });
  });
  after(() => identity?.close());

  const anAccount = () => {
    count += 1;
    return identity.accounts.create({ email: `person${count}@example.org`, roles: ["user"] });
  };
  const aSession = async (accountId: string) => {
    const opened = await identity.sessions.create(accountId, { methods: ["pwd"] });
    assert.ok(opened);
    return opened;
  };
  /** What subscribers were told when the promise resolved. */
  const toldBy = async (work: () => Promise<unknown>) => {
    const recorder = createFeedRecorder();
    const end = identity.subscribe(recorder);
    await recorder.until(isSynchronised);
    const before = recorder.events.length;
    await work();
    end();
    return recorder.events.slice(before);
  };

  behaves("tells a new subscriber that there is a signing key", async () => {
    const recorder = createFeedRecorder();
    const end = identity.subscribe(recorder);
    await recorder.until(isSynchronised);
    end();
    assert.deepEqual(recorder.events[0], { kind: "keys" });
  });

  behaves("a subject ends all the account's sessions and tells of it, and leaves others", async () => {
    const { id } = await anAccount();
    const [first, second] = [await aSession(id), await aSession(id)];
    const other = await aSession((await anAccount()).id);
    clock.advance(1);
    const told = await toldBy(() => identity.revoke({ subject: id }));
    assert.equal(await identity.findSession(first.cookieValue), undefined);
    assert.equal(await identity.findSession(second.cookieValue), undefined);
    assert.ok(await identity.findSession(other.cookieValue));
    assert.deepEqual(told.at(-1), { kind: "revoked", subject: id, beforeMs: clock.now() });
    assert.deepEqual(
      new Set(told.slice(0, -1).map((event) => event.kind === "revoked" && event.session)),
      new Set([first.session.id, second.session.id]),
    );
    // It is no ban: the person signs in again.
    assert.ok(await identity.findSession((await aSession(id)).cookieValue));
  });

  behaves("a client is told of, and nothing else changes", async () => {
    const told = await toldBy(() => identity.revoke({ subject: "job" }));
    assert.deepEqual(told, [{ kind: "revoked", subject: "job", beforeMs: clock.now() }]);
  });

  behaves("a session ends alone", async () => {
    const { id } = await anAccount();
    const [ending, staying] = [await aSession(id), await aSession(id)];
    const told = await toldBy(() => identity.revoke({ session: ending.session.id }));
    assert.deepEqual(told, [{ kind: "revoked", session: ending.session.id, beforeMs: clock.now() }]);
    assert.equal(await identity.findSession(ending.cookieValue), undefined);
    assert.ok(await identity.findSession(staying.cookieValue));
    const again = await toldBy(() => identity.sessions.revoke(ending.session.id));
    assert.deepEqual(again, told, "tokens may have outlived it");
  });

  behaves("a token is told of", async () => {
    const told = await toldBy(() => identity.revoke({ token: "V1StGXR8_Z5jdHi6B-myT" }));
    assert.deepEqual(told, [{ kind: "revoked", token: "V1StGXR8_Z5jdHi6B-myT", beforeMs: clock.now() }]);
  });

  behaves("an API key is gone", async () => {
    const { id: accountId } = await anAccount();
    const { id, key } = await identity.apiKeys.create({ accountId, name: "key" });
    const told = await toldBy(() => identity.revoke({ apiKey: id }));
    assert.deepEqual(told, [{ kind: "revoked", apiKey: id, beforeMs: clock.now() }]);
    const [, , secret = ""] = key.split("_");
    assert.equal(await identity.findApiKey(id, secret), undefined);
  });

  behaves("disabling an account ends its sessions and tells of it once", async () => {
    const { id } = await anAccount();
    const { session, cookieValue } = await aSession(id);
    const told = await toldBy(async () => {
      await identity.accounts.disable(id);
      await identity.accounts.disable(id);
    });
    assert.deepEqual(told, [
      { kind: "revoked", session: session.id, beforeMs: clock.now() },
      { kind: "revoked", subject: id, beforeMs: clock.now() },
    ]);
    assert.equal(await identity.findSession(cookieValue), undefined);
  });

  behaves("setting roles replaces them and tells of it with a greater version each time", async () => {
    const { id } = await anAccount();
    const { cookieValue } = await aSession(id);
    const told = await toldBy(async () => {
      await identity.accounts.setRoles(id, ["user", "admin", "admin"]);
      await identity.accounts.setRoles(id, ["user", "admin", "manager"]);
    });
    assert.deepEqual((await identity.findSession(cookieValue))?.roles, ["admin", "manager", "user"]);
    const versions = told.map((event) => (event.kind === "roles" ? event.version : 0));
    assert.equal(versions.length, 2);
    assert.ok((versions[0] ?? 0) > 0 && (versions[1] ?? 0) > (versions[0] ?? 0));
  });

  behaves("taking a role away revokes the tokens that name it, and leaves the sessions", async () => {
    const { id } = await anAccount();
    const { cookieValue } = await aSession(id);
    await identity.accounts.setRoles(id, ["user", "admin"]);
    const told = await toldBy(() => identity.accounts.setRoles(id, ["user"]));
    assert.deepEqual(told.map(({ kind }) => kind).sort(), ["revoked", "roles"]);
    const [revoked] = told.filter((event) => event.kind === "revoked");
    assert.equal(revoked?.kind === "revoked" && revoked.subject, id);
    assert.deepEqual((await identity.findSession(cookieValue))?.roles, ["user"]);
  });

  behaves("of many who set roles at once one wins whole", async () => {
    const { id } = await anAccount();
    const given = Array.from({ length: 20 }, (_, index) => [`a${index}`, `b${index}`]);
    await Promise.all(given.map((roles) => identity.accounts.setRoles(id, roles)));
    const roles = (await identity.accounts.findById(id))?.roles;
    assert.ok(
      given.some((one) => JSON.stringify(one) === JSON.stringify(roles)),
      String(roles),
    );
  });

  behaves("setting roles is refused for an unknown account and a name that is no role's", async () => {
    const { id } = await anAccount();
    const told = await toldBy(async () => {
      await assert.rejects(identity.accounts.setRoles("nobody", ["user"]), { code: "account_unknown" });
      await assert.rejects(identity.accounts.setRoles(id, ["not a role"]), { code: "role_invalid" });
    });
    assert.deepEqual(told, []);
    assert.deepEqual((await identity.accounts.findById(id))?.roles, ["user"]);
  });

  behaves("changes nothing where it cannot be told", async () => {
    const { id } = await anAccount();
    const { cookieValue, session } = await aSession(id);
    const { id: keyId, key } = await identity.apiKeys.create({ accountId: id, name: "key" });
    const db = await openStore(options());
    await sql`alter table feed_cursor rename to feed_cursor_away`.execute(db);
    try {
      await assert.rejects(identity.revoke({ subject: id }));
      await assert.rejects(identity.revoke({ session: session.id }));
      await assert.rejects(identity.revoke({ apiKey: keyId }));
      await assert.rejects(identity.accounts.disable(id));
      await assert.rejects(identity.accounts.setRoles(id, []));
    } finally {
      await sql`alter table feed_cursor_away rename to feed_cursor`.execute(db);
      await db.destroy();
    }
    assert.deepEqual((await identity.findSession(cookieValue))?.roles, ["user"]);
    assert.ok(await identity.findApiKey(keyId, key.split("_")[2] ?? ""));
  });

  const refusals: { name: string; given: object }[] = [
    { name: "nothing", given: {} },
    { name: "two things", given: { subject: "a", session: "b" } },
    { name: "an unknown thing", given: { account: "a" } },
    { name: "an empty id", given: { subject: "" } },
    { name: "an id that is no text", given: { token: 7 } },
    { name: "an id with a line break", given: { token: "a\nb" } },
    { name: "an id that no guard would keep", given: { token: "a".repeat(257) } },
  ];
  for (const { name, given } of refusals) {
    behaves(`refuses ${name}`, async () => {
      await assert.rejects(identity.revoke(given as Revocation), { code: "revocation_invalid" });
    });
  }
});
