/** `bulwark rls` and `bulwark doctor`, against a real PostgreSQL. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { callerContext, withContext } from "@bulwark/guard/postgresql";
import pg from "pg";
import { findFreePort } from "../../../testing/port.ts";
import { postgresMissing, startPostgres } from "../../../testing/postgres.ts";
import { contractFile, run } from "../testing/command-line.ts";

const contract = ["--contract", contractFile("postgresql")];

describe("bulwark rls", () => {
  test("prints one transaction, the same text each time", async () => {
    const args = ["rls", ...contract, "--role", "orders_app", "--schema", "shop"];
    const first = await run(args);
    assert.deepEqual([first.exitCode, first.stderr], [0, ""]);
    assert.match(first.stdout, /^begin;\n/);
    assert.match(first.stdout, /\ncommit;\n$/);
    assert.match(
      first.stdout,
      /create policy bulwark_select on "shop"\."orders" for select to "orders_app" /,
    );
    assert.equal((await run(args)).stdout, first.stdout);
  });

  test("is wrong to call for a contract of another database, or with a name that is none", async () => {
    for (const args of [
      ["rls", "--contract", contractFile("current")],
      ["rls", ...contract, "--schema", ""],
    ]) {
      const { exitCode, stdout, stderr } = await run(args);
      assert.match(stderr, /^bulwark: [^\n]+\n$/);
      assert.deepEqual([exitCode, stdout], [64, ""]);
    }
  });
});

describe("bulwark doctor", () => {
  test("finds what keeps the rules from binding, and nothing once they are put in as printed", async (t) => {
    const postgres = await startPostgres();
    if (postgres === undefined) return t.skip(postgresMissing);
    const clients: pg.Client[] = [];
    t.after(async () => {
      for (const client of clients) await client.end();
      await postgres.stop();
    });
    const owner = new pg.Client({ connectionString: postgres.url });
    await owner.connect();
    clients.push(owner);
    await owner.query("create table orders (id text primary key, owner_id text, total double precision)");
    await owner.query("create role orders_app login");
    await owner.query("grant select, insert, update, delete on orders to orders_app");
    await owner.query("insert into orders values ('1', 'alice', 1), ('2', 'bob', 2)");
    const address = new URL(postgres.url);
    address.username = "orders_app";
    const doctor = (url: string, ...more: readonly string[]) =>
      run(["doctor", ...contract, "--role", "orders_app", "--database-url", url, ...more]);

    const bare = await doctor(address.href);
    assert.deepEqual([bare.exitCode, bare.stderr], [1, ""]);
    assert.match(bare.stdout, /^not_enabled \(public\.orders\): .+\n {2}Run the statements /m);
    assert.match(bare.stdout, /\n\d+ findings: row-level security does not bind this connection\.\n$/);

    const { stdout: statements } = await run(["rls", ...contract, "--role", "orders_app"]);
    await owner.query(statements);
    const bound = await doctor(address.href);
    assert.deepEqual(bound, {
      exitCode: 0,
      stdout: "Row-level security binds this connection.\n",
      stderr: "",
    });

    const asOwner = await doctor(postgres.url, "--json");
    assert.equal(asOwner.exitCode, 1);
    assert.ok(JSON.parse(asOwner.stdout).some(({ code }: { code: string }) => code === "superuser"));

    // What is bound shows the caller's rows, and nothing without a caller.
    const app = new pg.Client({ connectionString: address.href });
    await app.connect();
    clients.push(app);
    assert.deepEqual((await app.query("select id from orders")).rows, []);
    const { security } = await import("../testing/contracts/postgresql.ts");
    const principal = { id: "alice", kind: "account", roles: ["user"], claims: {} } as const;
    const authority = security.roles.authorityOf(principal.roles);
    const assurance = { level: -1, authenticatedAtMs: Number.NEGATIVE_INFINITY };
    const context = callerContext(security, { principal, authority, assurance }, Date.now());
    const seen = await withContext(app, context, (connection) => connection.query("select id from orders"));
    assert.deepEqual(seen.rows, [{ id: "1" }]);
  });

  test("tells in one line of a database that cannot be asked, and nothing of its password", async () => {
    const port = await findFreePort();
    for (const url of [
      `postgres://app:hunter2@127.0.0.1:${port}/x`,
      "hunter2",
      "https://app:hunter2@db.example/",
    ]) {
      const { exitCode, stdout, stderr } = await run(["doctor", ...contract, "--database-url", url]);
      assert.match(stderr, /^bulwark: [^\n]+\n$/);
      assert.doesNotMatch(stderr, /hunter2/);
      assert.deepEqual([exitCode, stdout], [64, ""]);
    }
  });
});
