/** The contract's rules as PostgreSQL enforces them, against a real one, as an ordinary role. */
import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { Kysely, PostgresDialect } from "kysely";
import { postgresMissing, startPostgres, type TestPostgres } from "../../../../testing/postgres.ts";
import { defineSecurity } from "../../contract/define-security.ts";
import { resource } from "../../contract/resource.ts";
import { createIssuer } from "../../testing/issuer.ts";
import { all, any, type Condition, not, now, principal } from "../conditions/condition.ts";
import { createLiveRoles, type LiveRoles, type RoleChanges } from "../live-roles.ts";
import { callerContext, expectedPolicies, rowLevelSecurity, withContext } from "./index.ts";
import { openSecured, type SecuredDatabase } from "./testing/secured-database.ts";

const order = resource("order", {
  actions: ["create", "read", "update", "delete"],
  attributes: {
    id: "number",
    ownerId: "string",
    team: "string",
    status: "string",
    total: "number",
    createdAt: "date",
  },
  table: `ord"er $bulwark$ 'x`,
  columns: { ownerId: `owner" id`, createdAt: "created_at" },
});
const { where } = order;
const own = where.ownerId.eq(principal.id);
const open = where.status.eq("open");
const inTeam = where.team.eq(principal.claim("team"));

const security = defineSecurity({
  ...createIssuer().contract,
  database: "postgresql",
  resources: [order],
  conditions: { open, own, old: where.createdAt.lt(now.minus("24h")), dear: where.total.gt(1000) },
  roles: {
    reader: { grants: [order.allow("read", { where: own })] },
    team: { grants: [order.allow("read", { where: inTeam })] },
    lists: { grants: [order.allow("read", { where: where.team.in(principal.claim("teams")) })] },
    seesAll: { grants: [order.allow("read")] },
    creator: {
      grants: [order.allow("create", { set: { ownerId: principal.id }, fields: ["total"] })],
    },
    makesAny: { grants: [order.allow("create", { where: own })] },
    editor: { grants: [order.allow("update", { where: all(own, open), fields: ["total", "status"] })] },
    // Each covers a half: what no grant covers whole stays forbidden.
    takesOpen: { grants: [order.allow("update", { where: open, fields: ["status"] })] },
    keepsPaid: { grants: [order.allow("update", { where: where.status.eq("paid"), fields: ["status"] })] },
    closes: {
      grants: [order.allow("update", { fields: [], set: { status: "closed", total: 0 } })],
    },
    deleter: { grants: [order.allow("delete", { where: own })] },
    careful: { grants: [order.allow("read", { assurance: "mfa" })] },
    notPaid: { grants: [order.deny("read", { where: where.status.eq("paid") })] },
    notOthers: { grants: [order.deny("read", { where: not(own) })] },
    none: {},
  },
});

const table = `"ord""er $bulwark$ 'x"`;
const tables = `create sequence ids start 100; create table ${table} (
  id int primary key default nextval('ids'), "owner"" id" text, team text, status text default 'open', total float8 default 0,
  created_at timestamptz default now(), note text)`;

interface Who {
  readonly id?: string;
  readonly roles?: readonly string[];
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly level?: number;
  readonly scopes?: readonly string[];
}

let postgres: TestPostgres | undefined;
let database: SecuredDatabase;
let live: LiveRoles;
before(async () => {
  postgres = await startPostgres();
  if (postgres === undefined) return;
  database = await openSecured(postgres.url, tables);
  await database.secure(security);
});
after(async () => {
  await database?.close();
  await postgres?.stop();
});

function contextOf({ id = "alice", roles = [], claims = {}, level = -1, scopes }: Who): string {
  const authority = live.authorityOf({ kind: "account", id, roles }, scopes);
  const assurance = { level, authenticatedAtMs: Number.NEGATIVE_INFINITY };
  return callerContext(security, { principal: { id, claims }, authority, assurance }, Date.now());
}

/** Runs one statement as the caller; the transaction is committed. */
async function as(who: Who | string, sql: string, params: unknown[] = []): Promise<readonly unknown[]> {
  const context = typeof who === "string" ? who : contextOf(who);
  return withContext(database.app, context, async (connection) => {
    const result = await connection.query({ text: sql, values: params, rowMode: "array" });
    return sql.startsWith("select") ? result.rows.flat() : [result.rowCount];
  });
}

const readIds = (who: Who | string) => as(who, `select id from ${table} order by id`);

/** A test with the rows as they are described here, and no custom roles. */
function withRows(name: string, run: (t: TestContext) => Promise<void>): void {
  test(name, async (t) => {
    if (postgres === undefined) return t.skip(postgresMissing);
    live = createLiveRoles({ table: security.roles, vocabulary: security, mayChange: true });
    await database.owner.query(`truncate ${table}`);
    await database.owner.query(
      `insert into ${table} (id, "owner"" id", team, status, total, note) values
        (1, 'alice', 'red', 'open', 10, 'a'), (2, 'bob', 'red', 'open', 20, 'b'),
        (3, 'carol', 'blue', 'paid', 30, 'c'), (4, 'alice', null, 'paid', 2000, 'd'), (5, null, null, null, null, null)`,
    );
    await run(t);
  });
}

const change = (changes: Partial<RoleChanges>) =>
  live.apply({ since: 0, version: 1, complete: true, roles: {}, subjects: [], ...changes });

const forbidden = { code: "42501" };

/** A condition over a related row, where the types know of no relation. */
function relatedId(of: { readonly where: object }) {
  const { parcel } = of.where as { parcel: { id: { eq(value: number): Condition } } };
  return parcel.id.eq(1);
}

describe("row-level security", () => {
  withRows("shows nothing without a context, with an empty one, and with one of no roles", async () => {
    const bare = await database.app.query(`select id from ${table}`);
    assert.deepEqual(bare.rows, []);
    assert.deepEqual(await readIds(""), []);
    assert.deepEqual(await readIds("{}"), []);
    assert.deepEqual(await readIds({ roles: ["none"] }), []);
    assert.deepEqual(await readIds({ roles: ["seesAll"] }), [1, 2, 3, 4, 5]);
  });

  withRows("writes nothing without a context", async () => {
    await assert.rejects(as("", `insert into ${table} (id) values (9)`), forbidden);
    assert.deepEqual(await as("", `update ${table} set total = 1`), [0]);
    assert.deepEqual(await as("", `delete from ${table}`), [0]);
  });

  withRows(
    "is over with the transaction, on the same pooled connection, committed or rolled back",
    async () => {
      const left = async () =>
        (await database.app.query("select current_setting('bulwark.context', true) as context")).rows[0]
          .context;
      assert.deepEqual(await readIds({ roles: ["seesAll"] }), [1, 2, 3, 4, 5]);
      assert.equal(await left(), "");
      assert.deepEqual((await database.app.query(`select id from ${table}`)).rows, []);
      await assert.rejects(as({ roles: ["seesAll"] }, "select 1 / 0"), { code: "22012" });
      assert.equal(await left(), "");
      assert.deepEqual((await database.app.query(`select id from ${table}`)).rows, []);
    },
  );

  withRows("cannot be read past a context that is no JSON", async () => {
    await assert.rejects(readIds("{"), { code: "22P02" });
  });

  for (const { name, who, expect } of [
    { name: "own rows", who: { roles: ["reader"] }, expect: [1, 4] },
    { name: "another's own rows", who: { id: "bob", roles: ["reader"] }, expect: [2] },
    { name: "an id that quotes", who: { id: "x' or '1'='1", roles: ["reader"] }, expect: [] },
    { name: "a claim", who: { roles: ["team"], claims: { team: "red" } }, expect: [1, 2] },
    { name: "no claim", who: { roles: ["team"] }, expect: [] },
    { name: "a claim of another type", who: { roles: ["team"], claims: { team: ["red"] } }, expect: [] },
    {
      name: "a list",
      who: { roles: ["lists"], claims: { teams: ['"', "\\", "red,blue", "NULL", null, 7, "blue"] } },
      expect: [3],
    },
    { name: "an empty list", who: { roles: ["lists"], claims: { teams: [] } }, expect: [] },
    {
      name: "several grants",
      who: { roles: ["reader", "team"], claims: { team: "blue" } },
      expect: [1, 3, 4],
    },
    { name: "a denial", who: { roles: ["seesAll", "notPaid"] }, expect: [1, 2, 5] },
    { name: "a denial of the negation", who: { roles: ["seesAll", "notOthers"] }, expect: [1, 4] },
    { name: "too weak a sign-in", who: { roles: ["careful"], level: 0 }, expect: [] },
    { name: "a sign-in strong enough", who: { roles: ["careful"], level: 1 }, expect: [1, 2, 3, 4, 5] },
    { name: "scopes without it", who: { roles: ["seesAll"], scopes: ["order:update"] }, expect: [] },
    { name: "scopes with it", who: { roles: ["seesAll"], scopes: ["order:read"] }, expect: [1, 2, 3, 4, 5] },
  ] satisfies { name: string; who: Who; expect: number[] }[]) {
    withRows(`shows what the grants cover: ${name}`, async () => {
      assert.deepEqual(await readIds(who), expect);
    });
  }

  withRows("looks the caller up once per query, not per row", async () => {
    const { rows } = await withContext(database.app, contextOf({}), (connection) =>
      connection.query<{ "QUERY PLAN": string }>(`explain select * from ${table}`),
    );
    const text = rows.map((row) => row["QUERY PLAN"]).join("\n");
    assert.match(text, /InitPlan/);
    assert.doesNotMatch(text, /SubPlan/);
  });

  withRows("follows custom roles, and what is granted and denied directly", async () => {
    change({
      roles: {
        custom: { extends: [], grants: [{ effect: "allow", permission: "order:read", where: "open" }] },
      },
      subjects: [
        {
          kind: "account",
          id: "alice",
          grants: [
            { effect: "allow", permission: "order:read", where: "dear" },
            { effect: "deny", permission: "order:read", where: "own" },
          ],
        },
        { kind: "account", id: "carol", grants: [{ effect: "deny", permission: "order:read" }] },
      ],
    });
    assert.deepEqual(await readIds({ id: "bob", roles: ["custom"] }), [1, 2]);
    assert.deepEqual(await readIds({ id: "alice", roles: ["custom"] }), [2]);
    assert.deepEqual(await readIds({ id: "carol", roles: ["custom", "seesAll"] }), []);
  });

  withRows(
    "bars every row for a denial that its policies do not know, and ignores such a grant",
    async () => {
      const context = JSON.parse(contextOf({ roles: ["seesAll"] }));
      context.a["order:read"].unknown = "1";
      assert.deepEqual(await readIds(JSON.stringify(context)), [1, 2, 3, 4, 5]);
      context.d["order:read"] = { unknown: "1" };
      assert.deepEqual(await readIds(JSON.stringify(context)), []);
    },
  );
});

describe("writes under row-level security", () => {
  const insert = (who: Who, columns: string, values: string) =>
    as(who, `insert into ${table} (${columns}) values (${values})`);
  const update = (who: Who, set: string, id: number) =>
    as({ ...who, roles: [...(who.roles ?? []), "seesAll"] }, `update ${table} set ${set} where id = $1`, [
      id,
    ]);

  withRows("insert with what the grant sets, and its fields", async () => {
    const creator: Who = { roles: ["creator"] };
    const mine = `"owner"" id"`;
    assert.deepEqual(await insert(creator, `${mine}, total`, "'alice', 5"), [1]);
    assert.deepEqual(await insert(creator, mine, "'alice'"), [1]);
    assert.deepEqual(await insert(creator, `${mine}, status`, "'alice', 'open'"), [1], "as the table would");
    await assert.rejects(insert(creator, `${mine}, total`, "'bob', 5"), forbidden);
    await assert.rejects(insert(creator, "total", "5"), forbidden);
    await assert.rejects(insert(creator, `${mine}, team`, "'alice', 'red'"), forbidden);
    await assert.rejects(insert(creator, `${mine}, status`, "'alice', 'paid'"), forbidden);
    await assert.rejects(insert(creator, `${mine}, created_at`, "'alice', '2020-01-01Z'"), forbidden);
    await assert.rejects(
      insert({ roles: ["reader"] }, `"owner"" id"`, "'alice'"),
      forbidden,
      "reading is no right to create",
    );
  });

  withRows("insert only rows that the grant's condition covers", async () => {
    assert.deepEqual(await insert({ roles: ["makesAny"] }, `id, "owner"" id", team`, "7, 'alice', 'x'"), [1]);
    await assert.rejects(insert({ roles: ["makesAny"] }, `id, "owner"" id"`, "8, 'bob'"), forbidden);
  });

  withRows("update the fields of a grant, where it covers the row before and after", async () => {
    const editor: Who = { roles: ["editor"] };
    assert.deepEqual(await update(editor, "total = 11", 1), [1]);
    await assert.rejects(update(editor, "team = 'blue'", 1), forbidden, "no field of the grant's");
    await assert.rejects(update(editor, "note = 'x'", 1), forbidden, "no attribute");
    await assert.rejects(update(editor, "status = 'paid'", 1), forbidden, "not covered afterwards");
    assert.deepEqual(await update(editor, "total = 1", 2), [0], "another's");
    assert.deepEqual(await update(editor, "total = 1", 4), [0], "not covered before");
  });

  withRows("refuse an update that two grants each cover a half of", async () => {
    const halves: Who = { roles: ["takesOpen", "keepsPaid"] };
    assert.deepEqual(await update(halves, "status = 'open'", 1), [1]);
    await assert.rejects(update(halves, "status = 'paid'", 1), forbidden);
    await assert.rejects(
      update({ roles: ["editor", "takesOpen"] }, "total = 1", 2),
      forbidden,
      "fields of one, row of the other",
    );
  });

  withRows("take what a grant sets, and nothing else", async () => {
    assert.deepEqual(await update({ roles: ["closes"] }, "status = 'closed', total = 0", 1), [1]);
    await assert.rejects(update({ roles: ["closes"] }, "status = 'closed'", 2), forbidden);
    await assert.rejects(update({ roles: ["closes"] }, "status = 'open', total = 0", 2), forbidden);
    await assert.rejects(
      update({ roles: ["closes"] }, "status = 'closed', total = 0, team = 'x'", 2),
      forbidden,
    );
  });

  withRows("follow a custom role's fields and values", async () => {
    change({
      roles: {
        custom: {
          extends: [],
          grants: [
            {
              effect: "allow",
              permission: "order:update",
              where: "open",
              fields: ["total"],
              set: { team: { claim: "team" }, createdAt: "2026-01-02T03:04:05.678Z" },
            },
          ],
        },
      },
    });
    const who: Who = { roles: ["custom"], claims: { team: "red" } };
    const at = "created_at = '2026-01-02T03:04:05.678Z'";
    assert.deepEqual(await update(who, `total = 1, team = 'red', ${at}`, 1), [1]);
    await assert.rejects(update(who, `total = 1, team = 'blue', ${at}`, 2), forbidden);
    await assert.rejects(
      update(who, "total = 1, team = 'red', created_at = '2026-01-02T03:04:05.679Z'", 2),
      forbidden,
    );
    assert.deepEqual(
      await update({ roles: ["custom"] }, `total = 1, team = 'red', ${at}`, 2),
      [0],
      "no claim",
    );
  });

  withRows("hold an insert that becomes an update to both grants", async () => {
    const upsert = (who: Who, id: number) =>
      as(
        { ...who, roles: [...(who.roles ?? []), "seesAll"] },
        `insert into ${table} (id, "owner"" id", status) values ($1, 'alice', 'open')
         on conflict (id) do update set total = 12`,
        [id],
      );
    assert.deepEqual(await upsert({ roles: ["makesAny", "editor"] }, 1), [1]);
    await assert.rejects(upsert({ roles: ["makesAny"] }, 1), forbidden);
    await assert.rejects(upsert({ roles: ["editor"] }, 1), forbidden);
    await assert.rejects(upsert({ roles: ["makesAny", "editor"] }, 2), forbidden, "another's");
  });

  withRows("let the table's own triggers and computed columns be", async (t) => {
    t.after(() =>
      database.owner.query(`alter table ${table} drop column twice; drop function stamp cascade`),
    );
    await database.owner.query(
      `alter table ${table} add column twice float8 generated always as (total * 2) stored;
       create function stamp() returns trigger language plpgsql as $$ begin new.note := 'stamped'; return new; end $$;
       create trigger stamp before update on ${table} for each row execute function stamp()`,
    );
    assert.deepEqual(await update({ roles: ["editor"] }, "total = 13", 1), [1]);
    await assert.rejects(update({ roles: ["editor"] }, "note = 'mine'", 1), forbidden);
  });

  withRows("see every digit, whatever the session prints", async () => {
    await database.owner.query(`update ${table} set total = 0.1 where id = 1`);
    const sneaky = withContext(
      database.app,
      contextOf({ roles: ["takesOpen", "seesAll"] }),
      async (connection) => {
        await connection.query("set local extra_float_digits = -15");
        return connection.query(`update ${table} set total = 0.1000001 where id = 1`);
      },
    );
    await assert.rejects(sneaky, forbidden);
  });

  withRows("delete what a grant of deleting covers", async () => {
    const remove = (id: number) =>
      as({ roles: ["deleter", "seesAll"] }, `delete from ${table} where id = $1`, [id]);
    assert.deepEqual(await remove(1), [1]);
    assert.deepEqual(await remove(2), [0]);
    assert.deepEqual(await as({ roles: ["seesAll"] }, `delete from ${table}`), [0]);
  });

  withRows("leave alone whom row-level security does not bind: a migration's owner", async () => {
    const { rowCount } = await database.owner.query(`update ${table} set note = 'moved'`);
    assert.equal(rowCount, 5);
  });
});

describe("a transaction with a context", () => {
  withRows("is Kysely's, where Kysely is given", async () => {
    const db = new Kysely<Record<string, { id: number }>>({
      dialect: new PostgresDialect({ pool: database.app }),
    });
    const name = `ord"er $bulwark$ 'x`;
    const read = () => db.selectFrom(name).select("id").execute();
    const rows = await withContext(db, contextOf({ roles: ["reader"] }), (transaction) =>
      transaction.selectFrom(name).select("id").orderBy("id").execute(),
    );
    assert.deepEqual(rows, [{ id: 1 }, { id: 4 }]);
    assert.deepEqual(await read(), []);
  });

  withRows("rolls back what the work did before it failed", async () => {
    const context = contextOf({ roles: ["deleter", "seesAll"] });
    const failing = withContext(database.app, context, async (connection) => {
      assert.equal((await connection.query(`delete from ${table} where id = 1`)).rowCount, 1);
      throw new RangeError("on purpose");
    });
    await assert.rejects(failing, RangeError);
    assert.deepEqual(await readIds({ roles: ["reader"] }), [1, 4]);
  });

  withRows("is no success where the work hid an error, and nothing was written", async () => {
    const hiding = withContext(
      database.app,
      contextOf({ roles: ["deleter", "seesAll"] }),
      async (connection) => {
        await connection.query(`delete from ${table} where id = 1`);
        await connection.query("select 1 / 0").catch(() => {});
      },
    );
    await assert.rejects(hiding, Error);
    assert.deepEqual(await readIds({ roles: ["reader"] }), [1, 4]);
  });

  withRows("runs on one connection that is given to it", async () => {
    const connection = await database.app.connect();
    try {
      const { rows } = await withContext(connection, contextOf({ roles: ["reader"] }), (same) =>
        same.query(`select id from ${table} order by id`),
      );
      assert.deepEqual(rows, [{ id: 1 }, { id: 4 }]);
    } finally {
      connection.release();
    }
  });
});

describe("generating row-level security", () => {
  withRows("can be done again, and leaves the comments that are expected", async () => {
    await database.secure(security);
    await database.secure(security);
    const [expected] = expectedPolicies(security);
    const { rows } = await database.owner.query(
      `select polname as name, obj_description(oid, 'pg_policy') as fingerprint from pg_policy order by polname`,
    );
    const byName = [...(expected?.policies ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1));
    assert.deepEqual(
      rows,
      byName.map(({ name, fingerprint }) => ({ name, fingerprint })),
    );
    const { rows: functions } = await database.owner.query(
      "select obj_description(oid, 'pg_proc') as fingerprint from pg_proc where proname = $1",
      [expected?.trigger.function],
    );
    assert.deepEqual(functions, [{ fingerprint: expected?.trigger.fingerprint }]);
    const { rows: path } = await database.owner.query("show search_path");
    assert.deepEqual(path, [{ search_path: '"$user", public' }]);
  });

  const customer = resource("customer", {
    actions: ["read"],
    attributes: { id: "number", region: "string" },
  });
  const parcel = resource("parcel", {
    actions: ["read", "update"],
    attributes: { id: "number", customerId: "number" },
    relations: { customer: { resource: customer, from: "customerId", to: "id" } },
  });
  const north = parcel.where.customer.region.eq("north");
  const securityOf = (grants: readonly ReturnType<typeof parcel.allow>[], further: object = {}) =>
    defineSecurity({
      ...createIssuer().contract,
      database: "postgresql",
      // A resource with relations offers more conditions than the option's type knows of.
      resources: [customer, parcel],
      roles: { user: { grants } },
      ...further,
    });
  const unwritable = { code: "row_level_security_unwritable" };

  test("takes a condition over a related row, and refuses its negation where that row may be hidden", () => {
    const statements = (grants: Parameters<typeof securityOf>[0], further?: object) =>
      rowLevelSecurity(securityOf(grants, further)).statements;
    assert.ok(statements([parcel.allow("read", { where: north })]).length > 0);
    assert.throws(() => statements([parcel.allow("read", { where: not(north) })]), unwritable);
    assert.throws(() => statements([parcel.deny("read", { where: north })]), unwritable);
    assert.ok(statements([parcel.deny("read", { where: any(not(north)) })]).length > 0);
    assert.ok(statements([], { conditions: { north } }).length > 0, "named, it may be meant to allow");
  });

  test("refuses a condition that leads back to its own table, over one or several relations", () => {
    const twin = resource("twin", { actions: ["read"], attributes: { id: "number" }, table: "parcel" });
    const node = resource("node", {
      actions: ["read"],
      attributes: { id: "number", parent: "number" },
      table: "parcel",
      relations: { parent_row: { resource: twin, from: "parent", to: "id" } },
    });
    const looking = node.allow("read", { where: node.where.parent_row.id.eq(1) });
    assert.throws(() => rowLevelSecurity(securityOf([looking], { resources: [node] })), unwritable);
    const back = resource("customer", {
      actions: ["read"],
      attributes: { id: "number", region: "string" },
      relations: { parcel: { resource: parcel, from: "id", to: "id" } },
    });
    const round = [parcel.allow("read", { where: north }), back.allow("read", { where: relatedId(back) })];
    assert.throws(() => rowLevelSecurity(securityOf(round, { resources: [back, parcel] })), unwritable);
  });

  test("refuses two resources in one table, and a database that is not PostgreSQL", () => {
    const twin = resource("twin", { actions: ["read"], attributes: { id: "number" }, table: "parcel" });
    assert.throws(
      () => rowLevelSecurity(securityOf([], { resources: [customer, parcel, twin] })),
      unwritable,
    );
    assert.throws(() => rowLevelSecurity(securityOf([], { database: "sqlite" })), {
      code: "database_undeclared",
    });
  });

  for (const [name, options, code] of [
    ["an unknown option", { schemas: "x" }, "option_unknown"],
    ["an empty role", { role: "" }, "option_invalid"],
    ["a schema that PostgreSQL would cut off", { schema: "x".repeat(64) }, "option_invalid"],
  ] as const) {
    test(`refuses ${name}`, () => {
      assert.throws(() => rowLevelSecurity(security, options as object), { code });
    });
  }

  withRows("holds the partitions of a table to its rules", async () => {
    const note = resource("note", {
      actions: ["read", "update"],
      attributes: { id: "number", owner: "string", text: "string" },
    });
    const mine = note.where.owner.eq(principal.id);
    const partitioned = defineSecurity({
      ...createIssuer().contract,
      database: "postgresql",
      resources: [note],
      roles: {
        user: { grants: [note.allow("read"), note.allow("update", { where: mine, fields: ["text"] })] },
      },
    });
    await database.owner.query(
      `create table note (id int8, owner text, text text) partition by range (id);
       create table note_low partition of note for values from (0) to (100);
       insert into note values (1, 'alice', 'a'), (2, 'bob', 'b'); grant select, update on note to app`,
    );
    await database.secure(partitioned);
    const context = callerContext(
      partitioned,
      {
        principal: { id: "alice", claims: {} },
        authority: partitioned.roles.authorityOf(["user"]),
        assurance: { level: -1, authenticatedAtMs: 0 },
      },
      Date.now(),
    );
    assert.deepEqual(await as(context, "update note set text = 'x'"), [1]);
    await assert.rejects(as(context, "update note set id = 3"), forbidden);
  });

  withRows("takes the trigger's function back from whoever made one of its name", async () => {
    const [{ trigger } = { trigger: undefined }] = expectedPolicies(security);
    const { rows: before } = await database.owner.query("select oid from pg_proc where proname = $1", [
      trigger?.function,
    ]);
    await database.owner.query(`alter function public."${trigger?.function}"() owner to app`);
    await database.secure(security);
    const { rows } = await database.owner.query(
      "select oid, proowner::regrole::text as owner from pg_proc where proname = $1",
      [trigger?.function],
    );
    assert.deepEqual(
      rows.map(({ owner }) => owner),
      ["bulwark"],
    );
    assert.notEqual(rows[0].oid, before[0].oid);
  });

  withRows("keeps to a schema and to a role of hostile names", async () => {
    const role = `app"; drop table x; --`;
    const schema = `s"ch 'ema`;
    await database.owner.query(
      `create schema "s""ch 'ema"; create role "app""; drop table x; --" login;
       create table "s""ch 'ema".customer (id int8, region text); create table "s""ch 'ema".parcel (id int8, "customerId" int8);
       insert into "s""ch 'ema".customer values (1, 'north'), (2, 'south'); insert into "s""ch 'ema".parcel values (10, 1), (11, 2), (12, 3), (13, null);
       grant usage on schema "s""ch 'ema" to "app""; drop table x; --", ${"app"}; grant select, update on all tables in schema "s""ch 'ema" to "app""; drop table x; --", ${"app"}`,
    );
    const related = securityOf([
      customer.allow("read", { where: customer.where.id.in([1, 2, 3]) }),
      parcel.allow("read", { where: north }),
      parcel.allow("update", { where: north }),
    ] as never);
    await database.secure(related, { schema, role });
    const context = callerContext(
      related,
      {
        principal: { id: "alice", claims: {} },
        authority: related.roles.authorityOf(["user"]),
        assurance: { level: -1, authenticatedAtMs: 0 },
      },
      Date.now(),
    );
    const read = (as: string) =>
      withContext(database.owner, context, async (connection) => {
        await connection.query(`set local role "${as.replaceAll('"', '""')}"`);
        return (await connection.query(`select id from "s""ch 'ema".parcel order by id`)).rows;
      });
    assert.deepEqual(await read(role), [{ id: "10" }]);
    assert.deepEqual(await read("app"), [], "the policies are for another role");
    const move = (to: number) =>
      withContext(database.owner, context, async (connection) => {
        await connection.query(`set local role "${role.replaceAll('"', '""')}"`);
        return (
          await connection.query(`update "s""ch 'ema".parcel set "customerId" = $1 where id = 10`, [to])
        ).rowCount;
      });
    await assert.rejects(move(2), forbidden);
    assert.equal(await move(1), 1);
  });
});
