/** Custom roles and direct grants in the store: what is kept, told to guards, refused, and left in the audit log. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import type { CustomRole, GrantData, RoleChanges } from "@bulwark/guard";
import { createClock, type TestClock } from "../../../testing/clock.ts";
import { describeEachStore } from "../../testing/each-store.ts";
import { createFeedRecorder, isSynchronised } from "../../testing/feed-recorder.ts";
import { createShopContract } from "../../testing/shop-contract.ts";
import { type Identity, openIdentity } from "../index.ts";
import { openStore } from "../storage/open-store.ts";

const issuer = "https://auth.example";
const audience = "https://api.example";
const contract = createShopContract({ issuer, audience });
const read: GrantData = { effect: "allow", permission: "order:read" };
const role = (grants: readonly GrantData[] = [read], parents: readonly string[] = []): CustomRole => ({
  extends: parents,
  grants,
});

describeEachStore("custom roles and direct grants", ({ options, available, behaves }) => {
  let identity: Identity;
  let clock: TestClock;
  let count = 0;
  before(async () => {
    if (!available()) return;
    clock = createClock();
    identity = await openIdentity({ issuer, audience, contract, now: clock.now, ...options() });
  });
  after(() => identity?.close());

  const newName = () => {
    count += 1;
    return `role${String(count).padStart(4, "0")}`;
  };
  const anAccount = (roles: readonly string[] = []) => {
    count += 1;
    return identity.accounts.create({ email: `p${count}@example.org`, roles });
  };
  const aClient = (roles: readonly string[] = []) => {
    count += 1;
    const secret = "0123456789abcdefghijklmnopqrstuvwxyz";
    return identity.clients.create({
      id: `client${count}`,
      name: "Job",
      secret,
      grantTypes: ["client_credentials"],
      roles,
    });
  };
  const version = async () => (await readFrom(0)).at(-1)?.version ?? 0;
  /** What a guard knows that has read every page since a version. */
  const readFrom = async (since: number) => {
    const pages: RoleChanges[] = [];
    for (let from = since, complete = false; !complete; ) {
      const page = await identity.roleChanges(from);
      pages.push(page);
      from = page.version;
      complete = page.complete;
    }
    return pages;
  };
  const toldBy = async (work: () => Promise<unknown>) => {
    const recorder = createFeedRecorder();
    const end = identity.subscribe(recorder);
    await recorder.until(isSynchronised);
    const known = recorder.events.length;
    await work();
    end();
    return recorder.events.slice(known);
  };

  behaves("keeps what it is given, by name", async () => {
    const name = newName();
    const made = role([{ ...read, where: "own" }], ["user"]);
    await identity.roles.create(name, made);
    assert.deepEqual(await identity.roles.find(name), made);
    assert.deepEqual((await identity.roles.list()).get(name), made);
    const other = role([], ["viewer"]);
    await identity.roles.replace(name, other);
    assert.deepEqual(await identity.roles.find(name), other);
    await identity.roles.remove(name);
    assert.equal(await identity.roles.find(name), undefined);
    assert.ok(!(await identity.roles.list()).has(name));
  });

  behaves(
    "tells each change with its own version, in the order they were made, and the last state once",
    async () => {
      const since = await version();
      const [one, two] = [newName(), newName()];
      const account = await anAccount();
      await identity.roles.create(one, role());
      await identity.roles.create(two, role());
      await identity.roles.replace(one, role([], ["user"]));
      await identity.roles.remove(two);
      await identity.roles.setGrants({ kind: "account", id: account.id }, [read]);
      const [changes, ...more] = await readFrom(since);
      assert.deepEqual(more, []);
      assert.deepEqual(changes, {
        since,
        version: since + 5,
        complete: true,
        roles: { [one]: role([], ["user"]), [two]: null },
        subjects: [{ kind: "account", id: account.id, grants: [read] }],
      });
      assert.deepEqual(await identity.roleChanges(since + 5), {
        since: since + 5,
        version: since + 5,
        complete: true,
        roles: {},
        subjects: [],
      });
    },
  );

  behaves("tells an account whose grants were taken back that it has none", async () => {
    const { id } = await anAccount();
    const subject = { kind: "account", id } as const;
    await identity.roles.setGrants(subject, [read]);
    const since = await version();
    await identity.roles.setGrants(subject, []);
    const [changes] = await readFrom(since);
    assert.deepEqual(changes?.subjects, [{ ...subject, grants: [] }]);
    assert.deepEqual((await identity.roles.accessOf(subject))?.grants, []);
  });

  behaves("tells the feed of each change, once it counts", async () => {
    const name = newName();
    const told = await toldBy(async () => {
      await identity.roles.create(name, role());
      await identity.roles.replace(name, role([]));
      await identity.roles.replace(name, role([]));
      await identity.roles.remove(name);
    });
    assert.deepEqual(
      told.map(({ kind }) => kind),
      ["roles", "roles", "roles"],
      "writing what is there changes nothing",
    );
  });

  behaves("tells everything to who knows a version of another history", async () => {
    const name = newName();
    await identity.roles.create(name, role());
    const changes = await identity.roleChanges((await version()) + 1);
    assert.equal(changes.since, 0);
    assert.deepEqual(changes.roles[name], role());
  });

  behaves("tells many changes in pages, each after the last", async () => {
    const since = await version();
    const names = Array.from({ length: 260 }, newName);
    for (const name of names) await identity.roles.create(name, role());
    const pages = await readFrom(since);
    assert.ok(pages.length > 1);
    for (const page of pages) {
      assert.ok(Object.keys(page.roles).length + page.subjects.length <= 1_000);
      assert.ok(page.version > page.since || page.complete);
    }
    assert.deepEqual(
      pages.flatMap((page) => Object.keys(page.roles)),
      names,
    );
    for (const name of names) await identity.roles.remove(name);
  });

  behaves("ends a page where it would grow too long, however few are in it", async () => {
    const since = await version();
    const long = Array.from(
      { length: 190 },
      (_, index): GrantData => ({
        effect: "allow",
        permission: "order:update",
        fields: ["status"],
        set: { ownerId: "x".repeat(400), total: index },
      }),
    );
    const names = Array.from({ length: 15 }, newName);
    for (const name of names) await identity.roles.create(name, role(long));
    const pages = await readFrom(since);
    assert.ok(pages.length > 1);
    for (const page of pages) assert.ok(JSON.stringify(page).length < 1_100_000);
    assert.deepEqual(
      pages.flatMap((page) => Object.keys(page.roles)),
      names,
    );
    for (const name of names) await identity.roles.remove(name);
  });

  behaves("lets changes at once follow one another: no version twice, none lost", async () => {
    const since = await version();
    const names = Array.from({ length: 20 }, newName);
    await Promise.all(names.map((name) => identity.roles.create(name, role())));
    const [changes] = await readFrom(since);
    assert.equal(changes?.version, since + names.length);
    assert.deepEqual(Object.keys(changes?.roles ?? {}).sort(), names);
  });

  behaves("lets one of many who create the same role win", async () => {
    const name = newName();
    const made = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) =>
        identity.roles.create(name, role([{ ...read, maxAge: `${index + 1}m` }])),
      ),
    );
    assert.equal(made.filter(({ status }) => status === "fulfilled").length, 1);
    for (const one of made) if (one.status === "rejected") assert.equal(one.reason.code, "role_taken");
  });

  behaves("compiles what is there now for who asks", async () => {
    const name = newName();
    const { id } = await anAccount([name]);
    const holder = { kind: "account", id, roles: [name] } as const;
    assert.equal((await identity.roles.current()).grantsOfRole(name), undefined);
    await identity.accounts.setRoles(id, []);
    await identity.roles.create(name, role());
    const live = await identity.roles.current();
    assert.equal(live.grantsOf(holder).length, 1);
    await identity.roles.setGrants(holder, [{ effect: "deny", permission: "order:read" }]);
    assert.equal((await identity.roles.current()).grantsOf(holder).length, 2);
  });

  behaves(
    "gives a client roles as it does an account, and revokes its tokens where one is taken away",
    async () => {
      const { id } = await aClient(["user"]);
      const given = await toldBy(() => identity.clients.setRoles(id, ["viewer", "user"]));
      assert.deepEqual(
        given.map(({ kind }) => kind),
        ["roles"],
      );
      assert.deepEqual((await identity.clients.findById(id))?.roles, ["user", "viewer"]);
      const taken = await toldBy(() => identity.clients.setRoles(id, ["viewer"]));
      assert.deepEqual(
        taken.map((event) => (event.kind === "revoked" ? event.subject : event.kind)),
        ["roles", id],
      );
      await assert.rejects(identity.clients.setRoles("nobody", []), { code: "client_unknown" });
      await assert.rejects(identity.clients.setRoles(id, ["a b"]), { code: "role_invalid" });
    },
  );

  behaves("lists accounts by their addresses and clients by their ids, a page at a time", async () => {
    for (let more = 0; more < 5; more += 1) {
      await anAccount(["user", "viewer"]);
      await aClient();
    }
    const accounts = [];
    for (let page = await identity.accounts.list({ limit: 3 }); page.length > 0; ) {
      accounts.push(...page);
      page = await identity.accounts.list({ limit: 3, after: page.at(-1)?.id });
    }
    const addresses = accounts.map(({ email }) => email);
    assert.deepEqual(addresses, [...new Set(addresses)].sort());
    for (const account of accounts.slice(0, 3)) {
      assert.deepEqual(account, await identity.accounts.findById(account.id));
    }
    const clients = [];
    for (let page = await identity.clients.list({ limit: 2 }); page.length > 0; ) {
      clients.push(...page);
      page = await identity.clients.list({ limit: 2, after: page.at(-1)?.id });
    }
    assert.ok(clients.length >= 5);
    assert.deepEqual(
      clients.map(({ id }) => id),
      clients.map(({ id }) => id).sort(),
    );
    await assert.rejects(identity.accounts.list({ after: "nobody" }), { code: "account_unknown" });
    for (const limit of [0, 1_001, 1.5, Number.NaN]) {
      await assert.rejects(identity.accounts.list({ limit }), { code: "option_invalid" });
      await assert.rejects(identity.clients.list({ limit }), { code: "option_invalid" });
    }
  });

  const refusals: readonly {
    readonly name: string;
    readonly code: string;
    readonly work: () => Promise<unknown>;
  }[] = [
    { name: "a name that is none", code: "role_invalid", work: () => identity.roles.create("a b", role()) },
    {
      name: "a name every object has",
      code: "role_invalid",
      work: () => identity.roles.create("valueOf", role()),
    },
    {
      name: "a name of the contract's",
      code: "role_declared",
      work: () => identity.roles.create("user", role()),
    },
    {
      name: "an unknown role to extend",
      code: "role_undeclared",
      work: () => identity.roles.create(newName(), role([], ["nobody"])),
    },
    {
      name: "an unknown permission",
      code: "grant_invalid",
      work: () => identity.roles.create(newName(), role([{ ...read, permission: "order:own" }])),
    },
    {
      name: "no list of grants",
      code: "grant_invalid",
      work: () => identity.roles.create(newName(), { extends: [] } as never),
    },
    {
      name: "no list to extend",
      code: "grant_invalid",
      work: () => identity.roles.create(newName(), { extends: "user", grants: [] } as never),
    },
    {
      name: "201 grants",
      code: "roles_too_many",
      work: () => identity.roles.create(newName(), role(Array.from({ length: 201 }, () => read))),
    },
    {
      name: "21 roles to extend",
      code: "roles_too_many",
      work: () =>
        identity.roles.create(
          newName(),
          role(
            [],
            Array.from({ length: 21 }, () => "user"),
          ),
        ),
    },
    {
      name: "to replace what is not there",
      code: "role_unknown",
      work: () => identity.roles.replace(newName(), role()),
    },
    {
      name: "to remove what is not there",
      code: "role_unknown",
      work: () => identity.roles.remove(newName()),
    },
    {
      name: "to remove one of the contract's",
      code: "role_declared",
      work: () => identity.roles.remove("user"),
    },
    {
      name: "grants to nobody",
      code: "account_unknown",
      work: () => identity.roles.setGrants({ kind: "account", id: "nobody" }, [read]),
    },
    {
      name: "grants to no client",
      code: "client_unknown",
      work: () => identity.roles.setGrants({ kind: "client", id: "nobody" }, [read]),
    },
  ];
  for (const { name, code, work } of refusals) {
    behaves(`refuses ${name}, and leaves nothing`, async () => {
      const before = await version();
      const [last] = await identity.audit.list({ limit: 1 });
      await assert.rejects(work(), { name: "IdentityError", code });
      assert.equal(await version(), before);
      assert.deepEqual(await identity.audit.list({ limit: 1 }), last === undefined ? [] : [last]);
    });
  }

  behaves(
    "refuses to remove a role that is held or extended, or to create one of a name that is held",
    async () => {
      const [held, extended, extending, dormant] = [newName(), newName(), newName(), newName()];
      await identity.roles.create(held, role());
      const account = await anAccount([held]);
      await assert.rejects(identity.roles.remove(held), { code: "role_in_use" });
      await identity.accounts.setRoles(account.id, []);
      const client = await aClient([held]);
      await assert.rejects(identity.roles.remove(held), { code: "role_in_use" });
      await identity.clients.setRoles(client.id, []);
      await identity.roles.remove(held);

      await identity.roles.create(extended, role());
      await identity.roles.create(extending, role([], [extended]));
      await assert.rejects(identity.roles.remove(extended), { code: "role_in_use" });
      await identity.roles.replace(extending, role());
      await identity.roles.remove(extended);

      await anAccount([dormant]);
      await assert.rejects(identity.roles.create(dormant, role()), { code: "role_in_use" });
    },
  );

  behaves("refuses a circle of three, and allows the same without its last arc", async () => {
    const [a, b, c] = [newName(), newName(), newName()];
    await identity.roles.create(a, role());
    await identity.roles.create(b, role([], [a]));
    await identity.roles.create(c, role([], [b]));
    await assert.rejects(identity.roles.replace(a, role([], [c])), { code: "role_cycle" });
    await assert.rejects(identity.roles.replace(a, role([], [a])), { code: "role_cycle" });
    await identity.roles.replace(a, role([], ["user"]));
  });

  behaves("keeps no more than 500 roles", async () => {
    const held = (await identity.roles.list()).size;
    const names = Array.from({ length: 500 - held }, newName);
    for (const name of names) await identity.roles.create(name, role([]));
    await assert.rejects(identity.roles.create(newName(), role()), { code: "roles_too_many" });
    const [first = "", ...others] = names;
    await identity.roles.remove(first);
    await identity.roles.create(newName(), role());
    for (const name of others) await identity.roles.remove(name);
  });

  behaves("writes every change down, with before and after, as the program's", async () => {
    const name = newName();
    const account = await anAccount();
    const subject = { kind: "account", id: account.id } as const;
    clock.advance(1_000);
    await identity.roles.create(name, role());
    await identity.roles.replace(name, role([]));
    await identity.accounts.setRoles(account.id, [name]);
    await identity.accounts.setRoles(account.id, [name]);
    await identity.roles.setGrants(subject, [read]);
    await identity.accounts.setRoles(account.id, []);
    await identity.roles.remove(name);
    const target = { kind: "role", id: name } as const;
    const shown = (await identity.audit.list({ limit: 6 })).map(
      ({ sequence: _, actor, atMs, outcome, address, ...event }) => {
        assert.deepEqual(
          { actor, atMs, outcome, address },
          { actor: { kind: "program", id: "" }, atMs: clock.now(), outcome: "done", address: undefined },
        );
        return event;
      },
    );
    assert.deepEqual(shown, [
      { action: "role_removed", target, detail: { before: role([]) } },
      { action: "roles_assigned", target: subject, detail: { before: [name], after: [] } },
      { action: "grants_set", target: subject, detail: { before: [], after: [read] } },
      { action: "roles_assigned", target: subject, detail: { before: [], after: [name] } },
      { action: "role_replaced", target, detail: { before: role(), after: role([]) } },
      { action: "role_created", target, detail: { after: role() } },
    ]);
    const sequences = (await identity.audit.list({ limit: 6 })).map(({ sequence }) => sequence);
    assert.deepEqual(
      sequences,
      Array.from({ length: 6 }, (_, index) => (sequences[0] ?? 0) - index),
    );
    assert.deepEqual(
      (await identity.audit.list({ target: subject })).map(({ action }) => action),
      ["roles_assigned", "grants_set", "roles_assigned"],
    );
    assert.deepEqual(await identity.audit.list({ actor: { kind: "account", id: account.id } }), []);
    const older = await identity.audit.list({ before: sequences[4], limit: 1 });
    assert.equal(older[0]?.sequence, sequences[5]);
  });

  behaves("changes nothing where it cannot be written down or told", async () => {
    const name = newName();
    const before = await version();
    const { sql } = await import("kysely");
    const db = await openStore(options());
    for (const table of ["audit_cursor", "feed_cursor"]) {
      await sql`alter table ${sql.table(table)} rename to away`.execute(db);
      try {
        await assert.rejects(identity.roles.create(name, role()));
      } finally {
        await sql`alter table away rename to ${sql.table(table)}`.execute(db);
      }
      assert.equal(await identity.roles.find(name), undefined);
      assert.equal(await version(), before);
    }
    await db.destroy();
    await identity.roles.create(name, role());
  });

  behaves("has roles to change only with a contract, and tells what there is without one", async () => {
    const plain = await openIdentity({ issuer, audience, now: clock.now, ...options() });
    await assert.rejects(plain.roles.list(), { code: "contract_missing" });
    await assert.rejects(plain.roles.create(newName(), role()), { code: "contract_missing" });
    assert.deepEqual(await plain.roleChanges(0), await identity.roleChanges(0));
    await plain.close();
  });
});
