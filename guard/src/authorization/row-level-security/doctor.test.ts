/** The doctor, at a real PostgreSQL: silent where row-level security binds, and with a finding for each way it does not. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, type TestContext, test } from "node:test";
import { Client } from "pg";
import { postgresMissing, startPostgres, type TestPostgres } from "../../../../testing/postgres.ts";
import { defineSecurity } from "../../contract/define-security.ts";
import { ContractError } from "../../contract/refusal.ts";
import { resource } from "../../contract/resource.ts";
import { createIssuer } from "../../testing/issuer.ts";
import { principal } from "../conditions/condition.ts";
import {
  checkRowLevelSecurity,
  findingMends,
  type Query,
  requireRowLevelSecurity,
  rowLevelSecurity,
} from "./index.ts";
import { openSecured, type SecuredDatabase } from "./testing/secured-database.ts";

const customer = resource("customer", {
  actions: ["read"],
  attributes: { id: "uuid", region: "string" },
  table: "customers",
});
const order = resource("order", {
  actions: ["create", "read", "update", "delete"],
  attributes: {
    id: "number",
    ownerId: "string",
    total: "number",
    paid: "boolean",
    at: "date",
    customerId: "uuid",
  },
  table: `or"der`,
  columns: { ownerId: "owner's" },
  relations: { customer: { resource: customer, from: "customerId", to: "id" } },
});
const table = '"or""der"';
const own = order.where.ownerId.eq(principal.id);
const contract = (where = own) =>
  defineSecurity({
    ...createIssuer().contract,
    database: "postgresql",
    resources: [order],
    roles: {
      user: {
        grants: [
          order.allow("read", { where }),
          order.allow("read", { where: order.where.customer.region.eq("north") }),
          order.allow("update", { where }),
        ],
      },
    },
  });
const security = contract();

const tables = `
  create table ${table} (id int8, "owner's" text, total numeric, paid bool, at timestamptz, "customerId" uuid, note char(3));
  create table customers (id uuid primary key, region varchar(20), since text);
  insert into ${table} values (1, 'alice', 5, true, now(), null, 'x')`;

/** What is done to a sound database, as its owner, and how it is undone. */
interface Fault {
  readonly name: string;
  readonly fault: string;
  /** Default: the statements of `rowLevelSecurity`, once more. */
  readonly mend?: string;
  readonly expect: readonly (keyof typeof findingMends)[];
}

const column = (type: string, name = "owner's") => `alter table ${table} alter column "${name}" type ${type}`;
/** Policies hold the types of their columns: they go first, and come back. */
const retyped = (
  type: string,
  mend: string,
  name = "owner's",
  using = "",
): Pick<Fault, "fault" | "mend"> => ({
  fault: `${unsecured}; ${column(type, name)}${using}; ${secured}`,
  mend: `${unsecured}; ${column(mend, name)}${using === "" ? "" : using.replace(/::.*/, `::text::${mend}`)}; ${secured}`,
});
const unsecured = ["select", "insert", "update", "delete"]
  .map((command) => `drop policy bulwark_${command} on ${table}`)
  .join("; ");
const secured = rowLevelSecurity(security).statements.join(";\n");

const faults: readonly Fault[] = [
  {
    name: "a superuser",
    fault: "alter role app superuser",
    mend: "alter role app nosuperuser",
    expect: ["superuser", "rows_without_context"],
  },
  {
    name: "a role that can become a superuser",
    fault: "grant bulwark to app",
    mend: "revoke bulwark from app",
    // It is a member of the owner as well; one finding says more than all of them.
    expect: ["superuser"],
  },
  {
    name: "BYPASSRLS",
    fault: "alter role app bypassrls",
    mend: "alter role app nobypassrls",
    expect: ["bypasses_row_security", "rows_without_context"],
  },
  {
    name: "a role that can become one with BYPASSRLS",
    fault: "create role seer bypassrls; grant seer to app",
    mend: "drop role seer",
    expect: ["bypasses_row_security"],
  },
  {
    name: "the owner",
    fault: `alter table ${table} owner to app`,
    mend: `alter table ${table} owner to bulwark; grant select, insert, update, delete on ${table} to app`,
    expect: ["owner"],
  },
  {
    name: "a member of the owner",
    fault: `create role keeper; alter table ${table} owner to keeper; grant keeper to app`,
    mend: `alter table ${table} owner to bulwark; drop role keeper`,
    expect: ["owner"],
  },
  { name: "no FORCE", fault: `alter table ${table} no force row level security`, expect: ["not_forced"] },
  {
    name: "row-level security disabled",
    fault: `alter table ${table} disable row level security`,
    expect: ["not_enabled", "rows_without_context"],
  },
  {
    name: "somebody else's permissive policy",
    fault: `create policy report on ${table} for select using (true)`,
    mend: `drop policy report on ${table}`,
    expect: ["policy_foreign", "rows_without_context"],
  },
  {
    name: "somebody else's policy that shows nothing yet",
    fault: `create policy report on ${table} for select using (total > 1000)`,
    mend: `drop policy report on ${table}`,
    expect: ["policy_foreign"],
  },
  {
    name: "a policy that is not there",
    fault: `drop policy bulwark_update on ${table}`,
    expect: ["policy_missing"],
  },
  {
    name: "a policy that was altered, its comment left",
    fault: `alter policy bulwark_select on ${table} using (total > 1000)`,
    expect: ["policy_changed"],
  },
  {
    name: "a policy that was altered to show all",
    fault: `alter policy bulwark_select on ${table} using (true)`,
    expect: ["policy_changed", "rows_without_context"],
  },
  {
    name: "a policy for other roles",
    fault: `alter policy bulwark_delete on ${table} to bulwark`,
    expect: ["policy_changed"],
  },
  {
    name: "policies of another version of the contract",
    fault: rowLevelSecurity(contract(order.where.ownerId.ne(principal.id))).statements.join(";\n"),
    expect: ["policy_changed", "policy_changed", "trigger_changed"],
  },
  { name: "no trigger", fault: `drop trigger bulwark_write on ${table}`, expect: ["trigger_missing"] },
  {
    name: "a disabled trigger",
    fault: `alter table ${table} disable trigger bulwark_write`,
    expect: ["trigger_disabled"],
  },
  {
    name: "a trigger for replicas only",
    fault: `alter table ${table} enable replica trigger bulwark_write`,
    expect: ["trigger_disabled"],
  },
  {
    name: "a trigger whose function was replaced, its comment left",
    fault: `do $do$ declare name text := (select tgfoid::regproc from pg_trigger where tgname = 'bulwark_write'); begin
      execute 'create or replace function ' || name || '() returns trigger language plpgsql as $$ begin return new; end $$'; end $do$`,
    expect: ["trigger_changed"],
  },
  {
    name: "a trigger for some rows only",
    fault: `do $do$ declare name text := (select tgfoid::regproc from pg_trigger where tgname = 'bulwark_write'); begin
      execute 'create or replace trigger bulwark_write before insert or update on ${table} for each row when (new.total > 5) execute function ' || name || '()'; end $do$`,
    expect: ["trigger_changed"],
  },
  {
    name: "TRUNCATE",
    fault: `grant truncate on ${table} to app`,
    mend: `revoke truncate on ${table} from app`,
    expect: ["truncate_allowed"],
  },
  {
    name: "a child table that can be read directly",
    fault: `create table part () inherits (${table}); grant select on part to app`,
    mend: "drop table part",
    expect: ["partition_open"],
  },
  {
    name: "a context for the whole role",
    fault: `alter role app set bulwark.context = '{}'`,
    mend: "alter role app reset all",
    expect: ["context_outside"],
  },
  {
    name: "triggers switched off",
    fault: "alter role app set session_replication_role = 'replica'",
    mend: "alter role app reset all",
    expect: ["triggers_off"],
  },
  {
    name: "a column that is not there",
    fault: `alter table ${table} rename column paid to unpaid`,
    mend: `alter table ${table} rename column unpaid to paid`,
    expect: ["column_missing"],
  },
  { name: "a real column", ...retyped("real", "numeric", "total"), expect: ["column_type"] },
  { name: "a char(n) column", ...retyped("char(10)", "text"), expect: ["column_type"] },
  {
    name: "a timestamp without time zone",
    ...retyped("timestamp", "timestamptz", "at"),
    expect: ["column_type"],
  },
  { name: "a column of a domain", ...retyped("name_of", "text"), expect: ["column_type"] },
  {
    name: "a collation to which different texts are equal",
    ...retyped("text collate ignoring_case", 'text collate "default"'),
    expect: ["column_type"],
  },
  {
    name: "a related table's column of a wrong type",
    fault: `${unsecured}; alter table customers alter region type char(20); ${secured}`,
    mend: `${unsecured}; alter table customers alter region type varchar(20); ${secured}`,
    expect: ["column_type"],
  },
];

let postgres: TestPostgres | undefined;
let database: SecuredDatabase;
let address: URL;
before(async () => {
  postgres = await startPostgres();
  if (postgres === undefined) return;
  database = await openSecured(postgres.url, tables);
  await database.secure(security);
  await database.owner.query(`create domain name_of as text;
    create collation ignoring_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`);
  address = new URL(postgres.url);
  address.username = "app";
});
after(async () => {
  await database?.close();
  await postgres?.stop();
});

/** Over a new connection: what a role is, is read when it connects. */
async function connected<Result>(
  url: string,
  work: (query: Query, client: Client) => Promise<Result>,
): Promise<Result> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(async (sql, params) => (await client.query(sql, [...params])).rows, client);
  } finally {
    await client.end();
  }
}

const codesFound = async (url = address.href): Promise<readonly string[]> =>
  (await connected(url, (query) => checkRowLevelSecurity(security, query))).map(({ code }) => code);

const apply = (sql: string) => database.owner.query(`begin; ${sql}; commit`);

describe("the doctor", () => {
  const check = (name: string, run: (t: TestContext) => Promise<void>) =>
    test(name, async (t) => (postgres === undefined ? t.skip(postgresMissing) : run(t)));

  check("is silent where row-level security binds", async () => {
    assert.deepEqual(await codesFound(), []);
    await connected(address.href, (query) => requireRowLevelSecurity(security, query));
  });

  for (const { name, fault, mend = secured, expect } of faults) {
    check(`finds ${name}, and nothing once it is mended`, async () => {
      await apply(fault);
      try {
        assert.deepEqual(await codesFound(), expect);
      } finally {
        await apply(mend);
      }
      assert.deepEqual(await codesFound(), []);
    });
  }

  check("finds a superuser who only pretends to be the role", async () => {
    const found = await connected(postgres?.url ?? "", async (query, client) => {
      await client.query("set role app");
      return checkRowLevelSecurity(security, query);
    });
    assert.deepEqual(
      found.map(({ code }) => code),
      ["superuser"],
    );
  });

  check("finds that the policies are for another role", async () => {
    await database.owner.query("create role office");
    await database.secure(security, { role: "office" });
    const found = async () =>
      (
        await connected(address.href, (query) => checkRowLevelSecurity(security, query, { role: "office" }))
      ).map(({ code }) => code);
    assert.deepEqual(await found(), ["role_unbound"]);
    await database.owner.query("grant office to app");
    assert.deepEqual(await found(), []);
    // The same policies, expected for everyone.
    assert.deepEqual(new Set(await codesFound()), new Set(["policy_changed", "trigger_changed"]));
    await database.secure(security);
    await database.owner.query("drop role office");
    assert.deepEqual(await codesFound(), []);
  });

  check("finds that there is no table", async () => {
    const found = await connected(address.href, (query) =>
      checkRowLevelSecurity(security, query, { schema: "no'where" }),
    );
    assert.equal(found[0]?.code, "table_missing");
    assert.equal(found[0]?.table, `no'where.or"der`);
  });

  check("refuses to start, and names everything it found", async () => {
    await apply(
      `alter table ${table} no force row level security; alter table ${table} disable trigger bulwark_write`,
    );
    await assert.rejects(
      connected(address.href, (query) => requireRowLevelSecurity(security, query)),
      (error) => {
        assert.ok(error instanceof ContractError);
        assert.equal(error.code, "row_level_security_unbound");
        for (const code of ["not_forced", "trigger_disabled"]) assert.ok(error.message.includes(code), code);
        return true;
      },
    );
    await apply(secured);
    await connected(address.href, (query) => requireRowLevelSecurity(security, query));
  });
});

test("every finding is met in some test", () => {
  const met = new Set([...faults.flatMap(({ expect }) => expect), "role_unbound", "table_missing"]);
  assert.deepEqual(
    Object.keys(findingMends).filter((code) => !met.has(code as never)),
    [],
  );
});

test("the documentation lists every finding with its mend, in the same order", () => {
  const page = readFileSync(new URL("../../../../docs/row-level-security.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| `(\w+)` \| [^|]+ \| (.+) \|$/gm)];
  assert.deepEqual(
    rows.map(([, code, mend]) => [code, mend]),
    Object.entries(findingMends),
  );
});
