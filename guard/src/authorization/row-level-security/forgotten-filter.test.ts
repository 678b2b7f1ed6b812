/** An API whose handlers forget the filter, as an ordinary role: PostgreSQL gives them nothing foreign all the same. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import { z } from "zod";
import { postgresMissing, startPostgres, type TestPostgres } from "../../../../testing/postgres.ts";
import { bulwark as expressBulwark } from "../../adapters/express/bulwark.ts";
import { bulwark } from "../../adapters/fastify/plugin.ts";
import { createFetchGuard } from "../../adapters/fetch/fetch-guard.ts";
import { bulwark as honoBulwark } from "../../adapters/hono/bulwark.ts";
import { defineSecurity } from "../../contract/define-security.ts";
import { resource } from "../../contract/resource.ts";
import { type Answer, serve, withToken } from "../../testing/http.ts";
import { createIssuer } from "../../testing/issuer.ts";
import { all, principal } from "../conditions/condition.ts";
import type { InDatabase } from "./index.ts";
import { openSecured, type SecuredDatabase } from "./testing/secured-database.ts";

const issuer = createIssuer();
const order = resource("order", {
  actions: ["create", "read", "update", "delete"],
  attributes: { id: "number", ownerId: "string", team: "string", total: "number" },
  table: "orders",
  columns: { ownerId: "owner_id" },
});
const own = order.where.ownerId.eq(principal.id);
const security = defineSecurity({
  ...issuer.contract,
  database: "postgresql",
  resources: [order],
  roles: {
    user: {
      grants: [
        order.allow("read", { where: own }),
        order.allow("update", { where: own, fields: ["total"] }),
        order.allow("create", { set: { ownerId: principal.id, team: principal.claim("team") } }),
      ],
    },
    lead: {
      extends: ["user"],
      grants: [order.allow("read", { where: order.where.team.eq(principal.claim("team")) })],
    },
    auditor: {
      grants: [order.allow("read"), order.deny("read", { where: all(own, order.where.total.gt(0)) })],
    },
    guest: {},
  },
});

let postgres: TestPostgres | undefined;
let database: SecuredDatabase;
let call: (path: string, init?: RequestInit) => Promise<Answer>;
let close: () => Promise<void>;

before(async () => {
  postgres = await startPostgres();
  if (postgres === undefined) return;
  database = await openSecured(
    postgres.url,
    `create table orders (id int generated always as identity primary key, owner_id text, team text, total int);
     insert into orders (owner_id, team, total) select
       (array['alice', 'bob', 'carol', null])[1 + n % 4], (array['red', 'blue', null])[1 + n % 3], n % 50
     from generate_series(1, 240) n`,
  );
  await database.secure(security, { role: "app" });
  const app = Fastify();
  await app.register(bulwark, { security, now: issuer.clock.now });
  const { app: pool } = database;
  const everything = "select id, owner_id, team, total from orders order by id";

  app.get("/report", { security: { authenticated: true } }, (request) =>
    request.inDatabase(pool, async (connection) => (await connection.query(everything)).rows),
  );
  app.get("/orders", { security: { permission: "order:read", list: true } }, (request) => {
    // Asked for, and lost.
    request.allowed(order).toSql();
    return request.inDatabase(pool, async (connection) => (await connection.query(everything)).rows);
  });
  app.get("/unasked", { security: { permission: "order:read", list: true } }, (request) =>
    request.inDatabase(pool, async (connection) => (await connection.query(everything)).rows),
  );
  app.get("/outside", { security: { authenticated: true } }, async () => (await pool.query(everything)).rows);
  app.get("/public", { security: { public: true } }, (request) =>
    request.inDatabase(pool, async (connection) => (await connection.query(everything)).rows),
  );
  const Changes = z.object({ total: z.number() });
  app.put("/careless", { security: { authenticated: true, body: Changes } }, (request) =>
    request.inDatabase(pool, async (connection) => {
      const { rowCount } = await connection.query("update orders set total = $1", [request.body.total]);
      return { rowCount };
    }),
  );
  call = await serve(app);
  close = () => app.close();
});

after(async () => {
  await close?.();
  await database?.close();
  await postgres?.stop();
});

interface OrderRow {
  readonly id: number;
  readonly owner_id: string | null;
  readonly team: string | null;
  readonly total: number;
}

const read = async (path: string, token: string): Promise<readonly OrderRow[]> => {
  const answer = await call(path, withToken(token));
  assert.equal(answer.status, 200, answer.text);
  return JSON.parse(answer.text);
};

interface Asked {
  readonly name: string;
  readonly subject: string;
  readonly roles: readonly string[];
  readonly team?: unknown;
  readonly mayRead: (row: OrderRow) => boolean;
}

// biome-ignore format: a table
const asked: readonly Asked[] = [
  { name: "a user", subject: "alice", roles: ["user"], mayRead: (row) => row.owner_id === "alice" },
  { name: "another user", subject: "bob", roles: ["user"], mayRead: (row) => row.owner_id === "bob" },
  { name: "a lead", subject: "alice", roles: ["lead"], team: "red", mayRead: (row) => row.owner_id === "alice" || row.team === "red" },
  { name: "a lead of no team", subject: "alice", roles: ["lead"], mayRead: (row) => row.owner_id === "alice" },
  { name: "a lead of a hostile team", subject: "alice", roles: ["lead"], team: "red' or true --", mayRead: (row) => row.owner_id === "alice" },
  { name: "an auditor, of whom her own are kept", subject: "carol", roles: ["auditor"], mayRead: (row) => row.owner_id !== "carol" || row.total <= 0 },
];

describe("a handler that forgets the filter", () => {
  for (const path of ["/report", "/orders"]) {
    for (const { name, subject, roles, team, mayRead } of asked) {
      test(`gets nothing foreign at ${path}: ${name}`, async (t) => {
        if (postgres === undefined) return t.skip(postgresMissing);
        const token = issuer.mint({ subject, roles, claims: team === undefined ? {} : { team } });
        const rows = await read(path, token);
        const { rows: all } = await database.owner.query<OrderRow>("select * from orders order by id");
        assert.ok(rows.length > 0 && rows.length < all.length);
        assert.deepEqual(rows, all.filter(mayRead));
      });
    }
  }

  test("gets nothing at all for a caller without grants, for nobody, and outside of the transaction", async (t) => {
    if (postgres === undefined) return t.skip(postgresMissing);
    assert.deepEqual(await read("/report", issuer.mint({ roles: ["guest"] })), []);
    assert.deepEqual(JSON.parse((await call("/public")).text), []);
    const token = issuer.mint({ roles: ["user"] });
    assert.equal((await read("/report", token)).length, 60);
    assert.deepEqual(
      await read("/outside", token),
      [],
      "the pool's connection was used as someone just before",
    );
  });

  test("is not sent where it declares a list and never asked for the filter", async (t) => {
    if (postgres === undefined) return t.skip(postgresMissing);
    const answer = await call("/unasked", withToken(issuer.mint({ roles: ["user"] })));
    assert.equal(answer.status, 500);
  });

  test("changes nothing foreign", async (t) => {
    if (postgres === undefined) return t.skip(postgresMissing);
    const before = await database.owner.query<OrderRow>("select * from orders order by id");
    const token = issuer.mint({ subject: "alice", roles: ["user"] });
    const answer = await call("/careless", withToken(token, "PUT", { total: 999 }));
    assert.deepEqual(answer.json(), { rowCount: 60 });
    const rows = await database.owner.query<OrderRow>("select * from orders order by id");
    assert.deepEqual(
      rows.rows,
      before.rows.map((row) => (row.owner_id === "alice" ? { ...row, total: 999 } : row)),
    );
  });

  test("answers at the same time for different callers with each one's own rows", async (t) => {
    if (postgres === undefined) return t.skip(postgresMissing);
    const subjects = ["alice", "bob", "carol"];
    const tokens = subjects.map((subject) => issuer.mint({ subject, roles: ["user"] }));
    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, index) => read("/report", tokens[index % tokens.length] ?? "")),
    );
    for (const [index, rows] of answers.entries()) {
      assert.ok(rows.length > 0);
      assert.ok(rows.every((row) => row.owner_id === subjects[index % subjects.length]));
    }
  });

  test("gets its caller's rows under the other frameworks too", async (t) => {
    if (postgres === undefined) return t.skip(postgresMissing);
    const options = { security, now: issuer.clock.now };
    const declaration = { authenticated: true } as const;
    const ids = async ({ inDatabase }: { readonly inDatabase: InDatabase }) => {
      const { rows } = await inDatabase(database.app, (connection) =>
        connection.query<OrderRow>("select distinct owner_id from orders"),
      );
      return rows;
    };
    const hono = new Hono();
    honoBulwark(hono, options).get("/report", declaration, async (context, guarded) =>
      context.json(await ids(guarded)),
    );
    const fetching = createFetchGuard(options);
    fetching.get("/report", declaration, async (_request, guarded) => Response.json(await ids(guarded)));
    const app = express();
    expressBulwark(app, options).get("/report", declaration, async (request, response) => {
      response.json(await ids(request));
    });
    const server = app.listen(0, "127.0.0.1");
    t.after(() => server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const init = withToken(issuer.mint({ subject: "bob", roles: ["user"] }));
    const answers = {
      hono: await hono.request("/report", init),
      fetch: await fetching.fetch(new Request("https://api.example/report", init)),
      express: await fetch(`http://127.0.0.1:${port}/report`, init),
    };
    for (const [name, answer] of Object.entries(answers)) {
      assert.deepEqual([name, await answer.json()], [name, [{ owner_id: "bob" }]]);
    }
  });
});
