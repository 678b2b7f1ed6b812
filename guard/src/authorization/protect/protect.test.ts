/** Protected queries: what comes back and what changes, on SQLite and PostgreSQL, whatever the query looks like. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { type CompiledQuery, Kysely, PostgresDialect, sql } from "kysely";
import { Pool } from "pg";
import { postgresMissing, startPostgres, type TestPostgres } from "../../../../testing/postgres.ts";
import { defineSecurity } from "../../contract/define-security.ts";
import { resource } from "../../contract/resource.ts";
import { accessOf } from "../access.ts";
import type { Dialect } from "../conditions/sql/parts.ts";
import { protectionProblems } from "./errors.ts";
import { protect } from "./index.ts";
import { accessFor, auditTable, definitions, type OrderTables } from "./testing/orders.ts";
import { openMemory } from "./testing/sqlite.ts";

type Db = Kysely<OrderTables>;

interface Opened {
  readonly db: Db;
  close(): Promise<void>;
}

const openSqlite = async (): Promise<Opened> => {
  const { db } = openMemory<OrderTables>(definitions);
  return { db, close: () => db.destroy() };
};

let postgres: TestPostgres | undefined;
let databases = 0;

const openPostgres = async (): Promise<Opened | undefined> => {
  if (postgres === undefined) return undefined;
  databases += 1;
  const name = `orders_${databases}`;
  const admin = new Pool({ connectionString: postgres.url, max: 1 });
  await admin.query(`create database ${name}`);
  await admin.end();
  const address = new URL(postgres.url);
  address.pathname = `/${name}`;
  const pool = new Pool({ connectionString: address.href, max: 2 });
  await pool.query(definitions);
  const db = new Kysely<OrderTables>({ dialect: new PostgresDialect({ pool }) });
  return { db, close: () => db.destroy() };
};

before(async () => {
  postgres = await startPostgres();
});
after(async () => {
  await postgres?.stop();
});

const idsOf = (rows: readonly { readonly id: unknown }[]) =>
  rows
    .map(({ id }) => String(id))
    .sort()
    .join(" ");
const alices = "a1 a2 a3 a4";

interface Reading {
  readonly name: string;
  readonly read: (db: Db) => Promise<readonly { readonly id: unknown }[]>;
  readonly ids: string;
  readonly role?: string;
}

// biome-ignore format: a table
const readings: readonly Reading[] = [
  { name: "a plain select", read: (db) => db.selectFrom("order").selectAll().execute(), ids: alices },
  { name: "an alias", read: (db) => db.selectFrom("order as customer").select("customer.id").execute(), ids: alices },
  { name: "a schema's name", read: (db) => db.withSchema(schemaOf(db)).selectFrom("order").select("id").execute(), ids: alices },
  { name: "a where with `or`", read: (db) => db.selectFrom("order").select("id").where((eb) => eb.or([eb("ownerId", "=", "bob"), eb("id", "is not", null)])).execute(), ids: alices },
  { name: "raw text with `or`", read: (db) => db.selectFrom("order").select("id").where(sql<boolean>`1 = 2 or 1 = 1`).execute(), ids: alices },
  { name: "a join with itself", read: (db) => db.selectFrom("order as mine").innerJoin("order as other", (join) => join.onTrue()).select("other.id").distinct().execute(), ids: alices },
  { name: "a left join", read: (db) => db.selectFrom("note").leftJoin("order", (join) => join.onTrue()).select("order.id").execute(), ids: alices },
  { name: "two tables in from", read: (db) => db.selectFrom(["note", "order"]).select("order.id").execute(), ids: alices },
  { name: "a subquery in from", read: (db) => db.selectFrom((eb) => eb.selectFrom("order").selectAll().as("o")).select("o.id").execute(), ids: alices },
  { name: "a subquery in where", read: (db) => db.selectFrom("note").select("id").where((eb) => eb.exists(eb.selectFrom("order").select("id").where("ownerId", "=", "bob"))).execute(), ids: "" },
  { name: "a subquery in the selection", read: (db) => db.selectFrom("note").select((eb) => eb.selectFrom("order").select((one) => one.fn.countAll().as("n")).as("id")).execute(), ids: "4" },
  { name: "a subquery built on its own", read: (db) => db.selectFrom(db.selectFrom("order").selectAll().as("o")).select("o.id").execute(), ids: alices },
  { name: "a union", read: (db) => db.selectFrom("note").select("id").where("id", "=", "none").unionAll(db.selectFrom("order").select("id")).execute(), ids: alices },
  { name: "a common table expression", read: (db) => db.with("all_of_them", (eb) => eb.selectFrom("order").selectAll()).selectFrom("all_of_them").select("id").execute(), ids: alices },
  { name: "a name in `with` that hides the table", read: (db) => db.with("order", (eb) => eb.selectFrom("note").selectAll()).selectFrom("order").select("id").execute(), ids: "1" },
  { name: "a schema's name behind a name in `with`", read: (db) => db.with("order", (eb) => eb.selectFrom("note").selectAll()).selectFrom(`${schemaOf(db)}.order` as "order").select("id").execute(), ids: alices },
  { name: "a name in `with` that its own query reads", read: (db) => db.with("order", (eb) => eb.selectFrom("order").selectAll()).selectFrom("order").select("id").execute().catch(() => db.selectFrom("order").select("id").execute()), ids: alices },
  { name: "raw text around a subquery", read: (db) => db.selectFrom("note").select(sql`(${db.selectFrom("order").select((eb) => eb.fn.countAll().as("n"))})`.as("id")).execute(), ids: "4" },
  { name: "text that orders", read: (db) => db.selectFrom("order").select("id").orderBy(sql`row_number() over (order by total)`).execute(), ids: alices },
  { name: "without plugins", read: (db) => db.withoutPlugins().selectFrom("order").select("id").execute(), ids: alices },
  { name: "one connection", read: (db) => db.connection().execute((one) => one.selectFrom("order").select("id").execute()), ids: alices },
  { name: "a transaction", read: (db) => db.transaction().execute((trx) => trx.withoutPlugins().selectFrom("order").select("id").execute()), ids: alices },
  { name: "a hostile table's name", read: (db) => db.selectFrom(auditTable).select("id").execute(), ids: "1" },
  { name: "an undeclared table", read: (db) => db.selectFrom("note").select("id").execute(), ids: "1" },
  { name: "no grant", read: (db) => db.selectFrom("customer").select("id").execute(), ids: "" },
  { name: "every row", read: (db) => db.selectFrom("order").select("id").execute(), ids: `${alices} b1 b2`, role: "admin" },
  { name: "a rule over a related row", read: (db) => db.selectFrom("order").select("id").execute(), ids: "a1 b1", role: "regional" },
  { name: "a join with the related table", read: (db) => db.selectFrom("order").innerJoin("customer", "customer.id", "order.customerId").select("order.id").execute(), ids: "a1 b1", role: "regional" },
];

function schemaOf(db: Db): string {
  return db.getExecutor().adapter.constructor.name === "PostgresAdapter" ? "public" : "main";
}

interface Writing {
  readonly name: string;
  readonly write: (db: Db) => Promise<unknown>;
  /** The orders that are then there and were not so before, as `id owner status total`, or the code of the refusal. */
  readonly changed?: readonly string[];
  readonly gone?: readonly string[];
  readonly code?: string;
  readonly role?: string;
}

// biome-ignore format: a table
const writings: readonly Writing[] = [
  { name: "inserts with the grant's value", write: (db) => db.insertInto("order").values({ id: "x", status: "open" } as never).execute(), changed: ["x alice open null"] },
  { name: "inserts the grant's value where it is given", write: (db) => db.insertInto("order").values({ id: "x", status: "open", ownerId: "alice" } as never).execute(), changed: ["x alice open null"] },
  { name: "inserts several rows", write: (db) => db.insertInto("order").values([{ id: "x", status: "open" }, { id: "y", total: 3 }] as never).execute(), changed: ["x alice open null", "y alice null 3"] },
  { name: "refuses another's row", write: (db) => db.insertInto("order").values({ id: "x", ownerId: "bob" } as never).execute(), code: "fields_denied" },
  { name: "refuses a field", write: (db) => db.insertInto("order").values({ id: "x", customerId: "n" } as never).execute(), code: "fields_denied" },
  { name: "refuses a row that is not covered", write: (db) => db.insertInto("order").values({ id: "x", status: "paid" } as never).execute(), code: "row_denied" },
  { name: "refuses one of several", write: (db) => db.insertInto("order").values([{ id: "x" }, { id: "y", status: "paid" }] as never).execute(), code: "row_denied" },
  { name: "refuses an expression that the rule depends on", write: (db) => db.insertInto("order").values({ id: "x", status: sql`'pa' || 'id'` } as never).execute(), code: "row_denied" },
  { name: "takes an expression that it does not", write: (db) => db.insertInto("order").values({ id: "x", status: "open", total: sql`1 + 2` } as never).execute(), changed: ["x alice open 3"] },
  { name: "refuses an insert from a select", write: (db) => db.insertInto("order").columns(["id"]).expression(db.selectFrom("note").select("id")).execute(), code: "write_unreadable" },
  { name: "refuses an upsert", write: (db) => db.insertInto("order").values({ id: "b1" } as never).onConflict((one) => one.column("id").doUpdateSet({ ownerId: "alice" })).execute(), code: "write_unsupported" },
  { name: "lets a conflict do nothing", write: (db) => db.insertInto("order").values({ id: "b1" } as never).onConflict((one) => one.column("id").doNothing()).execute(), changed: [] },
  { name: "refuses a replacement", write: (db) => db.replaceInto("order").values({ id: "b1" } as never).execute(), code: "write_unsupported" },
  { name: "refuses to return a row that may not be readable", write: (db) => db.insertInto("order").values({ id: "x" } as never).returning("id").execute(), code: "returning_unreadable", role: "importer" },
  { name: "returns a row that is", write: async (db) => assert.equal((await db.insertInto("order").values({ id: "x" } as never).returning("ownerId").executeTakeFirst())?.ownerId, "alice"), changed: ["x alice null null"] },
  { name: "refuses an insert without a grant", write: (db) => db.insertInto("order").values({ id: "x" } as never).execute(), code: "row_denied", role: "regional" },
  { name: "updates what is covered before and after", write: (db) => db.updateTable("order").set({ status: "open" }).execute(), changed: ["a1 alice open 10"] },
  { name: "updates nothing that would not be covered after", write: (db) => db.updateTable("order").set({ status: "paid" }).execute(), changed: [] },
  { name: "updates nothing that would be barred after", write: (db) => db.updateTable("order").set({ total: 1001 }).execute(), changed: [] },
  { name: "updates nothing by a value that is not known", write: (db) => db.updateTable("order").set({ total: sql`total + 1` } as never).execute(), changed: [] },
  { name: "refuses a field in an update", write: (db) => db.updateTable("order").set({ ownerId: "alice" }).execute(), code: "fields_denied" },
  { name: "updates under an alias", write: (db) => db.updateTable("order as o").set({ status: "open" }).where("o.id", "in", ["a1", "b1"]).execute(), changed: ["a1 alice open 10"] },
  { name: "updates the table behind a name in `with`", write: (db) => db.with("order", (eb) => eb.selectFrom("note").selectAll()).updateTable("order").set({ status: "open" }).execute(), changed: ["a1 alice open 10"] },
  { name: "updates from another table", write: (db) => db.updateTable("order").from("order as other").set({ total: 7 }).whereRef("other.id", "=", "order.id").where("other.ownerId", "=", "bob").execute(), changed: [] },
  { name: "updates by a related row", write: (db) => db.updateTable("order").set({ total: 1 }).execute(), changed: ["a1 alice draft 1", "b1 bob draft 1"], role: "regional" },
  { name: "updates no related key", write: (db) => db.updateTable("order").set({ customerId: "n" }).execute(), changed: [], role: "regional" },
  { name: "updates every row", write: (db) => db.updateTable("order").set({ status: "void" }).where("id", "!=", "b2").where("id", "!=", "a4").execute(), changed: ["a1 alice void 10", "a2 alice void 20", "a3 alice void 30", "b1 bob void 40"], role: "admin" },
  { name: "deletes what is covered", write: (db) => db.deleteFrom("order").execute(), gone: ["a1"] },
  { name: "deletes nothing of another's", write: (db) => db.deleteFrom("order").where("id", "=", "b1").execute(), gone: [] },
  { name: "refuses a delete without a grant", write: (db) => db.deleteFrom("order").execute(), code: "row_denied", role: "regional" },
  { name: "writes to an undeclared table", write: (db) => db.insertInto("note").values({ id: "2", text: "b" }).onConflict((one) => one.doNothing()).execute(), changed: [] },
];

// biome-ignore format: a table
const refusedQueries: readonly { readonly name: string; readonly run: (db: Db) => unknown; readonly code: string }[] = [
  { name: "a statement in text", run: (db) => sql`select 1`.execute(db), code: "query_raw" },
  { name: "a table in text", run: (db) => db.selectFrom("note").select(sql`(select count(*) from "order")`.as("n")).execute(), code: "text_table" },
  { name: "a table in text, put together", run: (db) => db.selectFrom("note").select(sql`(select count(*) from "${sql.raw("or")}${sql.raw("der")}")`.as("n")).execute(), code: "text_table" },
  { name: "a table as an identifier in text", run: (db) => db.selectFrom("note").select(sql`(select count(*) from ${sql.table("order")})`.as("n")).execute(), code: "text_table" },
  { name: "a table as a reference in text", run: (db) => db.selectFrom("note").select(sql`(select count(*) from ${sql.ref("order")})`.as("n")).execute(), code: "text_table" },
  { name: "a table as a name in text", run: (db) => db.selectFrom("note").select(sql`(select count(*) from ${sql.id("main", "order")})`.as("n")).execute(), code: "text_table" },
  { name: "text that closes its bracket", run: (db) => db.selectFrom("order").selectAll().where(sql<boolean>`1 = 1) or (1 = 1`).execute(), code: "text_unclear" },
  { name: "text with a comment", run: (db) => db.selectFrom("order").selectAll().where(sql<boolean>`1 = 1 --`).execute(), code: "text_unclear" },
  { name: "a function's name with more in it", run: (db) => db.selectFrom("note").select((eb) => eb.fn("(select 1 from [order] --", []).as("n")).execute(), code: "text_unclear" },
  { name: "a function that runs text", run: (db) => db.selectFrom("note").select((eb) => eb.fn("query_to_xml", [eb.val("select 1")]).as("n")).execute(), code: "text_unclear" },
  { name: "a name that hides a related table", run: (db) => db.with("customer", (eb) => eb.selectFrom("note").selectAll()).selectFrom("order").selectAll().execute(), code: "name_shadowed" },
  { name: "a definition", run: (db) => db.schema.dropTable("order").execute(), code: "query_schema" },
  { name: "a merge", run: (db) => db.mergeInto("order").using("note", "note.id", "order.id").whenMatched().thenDelete().execute(), code: "write_unsupported" },
  { name: "an unknown part", run: (db) => db.selectFrom("note").selectAll().where({ expressionType: undefined, toOperationNode: () => ({ kind: "OutputNode" }) } as never).execute(), code: "node_unknown" },
];

const codeOf = async (run: () => unknown): Promise<unknown> => {
  try {
    await run();
    return undefined;
  } catch (error) {
    return (error as { readonly code?: unknown }).code;
  }
};

const snapshot = async (db: Db) =>
  (await db.selectFrom("order").selectAll().execute()).map(
    ({ id, ownerId, status, total }) => `${id} ${ownerId} ${status} ${total}`,
  );

const kinds: readonly { readonly dialect: Dialect; readonly open: () => Promise<Opened | undefined> }[] = [
  { dialect: "sqlite", open: openSqlite },
  { dialect: "postgresql", open: openPostgres },
];

for (const { dialect, open } of kinds) {
  describe(`on ${dialect}`, () => {
    let opened: Opened | undefined;
    before(async () => {
      opened = await open();
    });
    after(() => opened?.close());

    for (const { name, read, ids, role = "user" } of readings) {
      test(`narrows ${name} to the caller's rows`, async (t) => {
        if (opened === undefined) return t.skip(postgresMissing);
        assert.equal(idsOf(await read(protect(opened.db, accessFor(dialect, role)))), ids);
      });
    }

    for (const { name, run, code } of refusedQueries) {
      test(`refuses ${name}`, async (t) => {
        if (opened === undefined) return t.skip(postgresMissing);
        const { db } = opened;
        assert.equal(await codeOf(() => run(protect(db, accessFor(dialect, "user")))), code);
      });
    }

    for (const { name, write, changed = [], gone = [], code, role = "user" } of writings) {
      test(name, async (t) => {
        if (opened === undefined) return t.skip(postgresMissing);
        const { db } = opened;
        const undo = new Error("Undone.");
        const running = db.transaction().execute(async (trx) => {
          const earlier = await snapshot(trx);
          assert.equal(await codeOf(() => write(protect(trx, accessFor(dialect, role)))), code);
          const later = await snapshot(trx);
          assert.deepEqual(later.filter((one) => !earlier.includes(one)).sort(), changed);
          const ids = (rows: readonly string[]) => rows.map((row) => row.split(" ")[0]);
          assert.deepEqual(
            ids(earlier).filter((id) => !ids(later).includes(id)),
            gone,
          );
          throw undo;
        });
        await assert.rejects(running, (error) => {
          if (error !== undo) throw error;
          return true;
        });
      });
    }

    test("runs no statement that was compiled elsewhere, and none of another caller's", async (t) => {
      if (opened === undefined) return t.skip(postgresMissing);
      const { db } = opened;
      const alice = protect(db, accessFor(dialect, "user"));
      const bob = protect(db, accessFor(dialect, "user", { id: "bob" }));
      const query = bob.selectFrom("order").select("id");
      const open = db.selectFrom("order").select("id").compile();
      assert.equal(await codeOf(() => alice.executeQuery(open)), "query_unseen");
      assert.equal(await codeOf(() => alice.executeQuery(query.compile() as CompiledQuery)), "query_unseen");
      assert.equal(idsOf((await bob.executeQuery(query.compile())).rows), "b1 b2");
    });

    test("keeps the plugins that come later, and goes in after them", async (t) => {
      if (opened === undefined) return t.skip(postgresMissing);
      const renamed = protect(opened.db, accessFor(dialect, "user")).withPlugin({
        transformQuery: ({ node }) =>
          JSON.parse(JSON.stringify(node).replaceAll('"name":"orders"', '"name":"order"')),
        transformResult: async ({ result }) => result,
      });
      assert.equal(
        idsOf(
          await renamed
            .selectFrom("orders" as "order")
            .select("id")
            .execute(),
        ),
        alices,
      );
    });
  });
}

test("leaves the statement over one table as it would be written by hand", () => {
  const { db } = openMemory<OrderTables>(definitions);
  const mine = protect(db, accessFor("sqlite", "user"));
  const { sql: text, parameters } = mine
    .selectFrom("order")
    .selectAll()
    .where("status", "=", "open")
    .compile();
  assert.equal(text, 'select * from "order" where "order"."ownerId" = ? and ("status" = ?)');
  assert.deepEqual(parameters, ["alice", "open"]);
  const all = protect(db, accessFor("sqlite", "admin")).selectFrom("order").selectAll().compile();
  assert.equal(all.sql, 'select * from "order"');
});

test("finds a table in every spelling that the database does", async () => {
  const { db } = openMemory<OrderTables>(definitions);
  const mine = protect(db, accessFor("sqlite", "user"));
  const rows = await mine
    .selectFrom("ORDER" as "order")
    .select("id")
    .execute();
  assert.equal(idsOf(rows), alices);
});

test("finds a table by a name that PostgreSQL cuts off", () => {
  const long = "x".repeat(63);
  const thing = resource("thing", { actions: ["read"], attributes: { id: "string" }, table: long });
  const security = defineSecurity({
    issuer: "http://localhost:3000",
    audience: "http://localhost:3000/api",
    resources: [thing],
    database: "postgresql",
    roles: { user: { grants: [] } },
    limits: { address: "600/1m" },
  });
  const db = new Kysely<Record<string, { id: string }>>({
    dialect: new PostgresDialect({ pool: new Pool() }),
  });
  const access = accessOf(security, { id: "alice", kind: "account", roles: ["user"], claims: {} });
  const textOf = (name: string) => protect(db, access).selectFrom(name).select("id").compile().sql;
  assert.match(textOf(`${long}y`), / where false$/);
  assert.doesNotMatch(textOf(`y${long}`), /where/);
});

test("docs/queries.md lists every way in which a query is refused", () => {
  const text = readFileSync(new URL("../../../../docs/queries.md", import.meta.url), "utf8");
  const listed = [...text.matchAll(/^\| `([a-z]+_[a-z_]+)` \|/gm)].map(([, code]) => code);
  assert.deepEqual(listed, Object.keys(protectionProblems));
});

test("streams only the caller's rows", async () => {
  const { db } = openMemory<OrderTables>(definitions);
  const rows: { readonly id: unknown }[] = [];
  for await (const row of protect(db, accessFor("sqlite", "user"))
    .selectFrom("order")
    .select("id")
    .stream()) {
    rows.push(row);
  }
  assert.equal(idsOf(rows), alices);
});

test("refuses a dialect other than the contract's, and options it does not have", () => {
  const { db } = openMemory<OrderTables>(definitions);
  const refused = (run: () => unknown, code: string) => assert.throws(run, { code });
  refused(() => protect(db, accessFor("postgresql", "user")), "option_invalid");
  refused(
    () => protect(db, accessFor("sqlite", "user"), { dangerouslyUnprotected: ["nothing"] }),
    "resource_unknown",
  );
  refused(
    () => protect(db, accessFor("sqlite", "user"), { unprotected: ["order"] } as never),
    "option_unknown",
  );
});

test("leaves a declared table unprotected only where that is said", async () => {
  const { db } = openMemory<OrderTables>(definitions);
  const access = accessFor("sqlite", "user");
  const open = protect(db, access, { dangerouslyUnprotected: ["audit"] });
  assert.equal(idsOf(await open.selectFrom(auditTable).select("id").execute()), "1 2");
  assert.equal(idsOf(await open.selectFrom("order").select("id").execute()), alices);
});
