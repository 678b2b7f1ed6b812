/** A policy has its say in protected writes as well. */
import assert from "node:assert/strict";
import { test } from "node:test";
import Fastify from "fastify";
import { z } from "zod";
import { bulwark } from "../../adapters/fastify/plugin.ts";
import { defineSecurity } from "../../contract/define-security.ts";
import { resource } from "../../contract/resource.ts";
import { serve, withToken } from "../../testing/http.ts";
import { createIssuer } from "../../testing/issuer.ts";
import { principal } from "../conditions/condition.ts";
import type { PolicyEngine } from "../policy/engine.ts";
import { openMemory } from "./testing/sqlite.ts";

interface Tables {
  readonly order: { readonly id: string; readonly ownerId: string; readonly total: number };
}

const order = resource("order", {
  actions: ["create", "read"],
  attributes: { id: "string", ownerId: "string", total: "number" },
});
const issuer = createIssuer();
const cheap: PolicyEngine = {
  name: "cheap",
  permissions: ["order:create"],
  decide: ({ after }) =>
    Number(after?.total) > 500 ? { effect: "deny", reason: "dear" } : { effect: "allow", reason: "" },
};

test("an insert keeps to the values that the policy was asked about", async (t) => {
  const { db, raw } = openMemory<Tables>('create table "order" (id text, "ownerId" text, total real)');
  const security = defineSecurity({
    ...issuer.contract,
    database: "sqlite",
    resources: [order],
    policy: cheap,
    roles: {
      user: { grants: [order.allow("read"), order.allow("create", { set: { ownerId: principal.id } })] },
    },
  });
  const app = Fastify();
  t.after(async () => {
    await app.close();
    await db.destroy();
  });
  await app.register(bulwark, { security, now: issuer.clock.now });
  const create = (path: string, totalOf: (sent: number) => number) =>
    app.post(
      path,
      { security: { permission: "order:create" as never, body: z.object({ total: z.number() }) } },
      async (request) => {
        const { total } = request.body;
        const row = { id: path, ownerId: request.principal.id, total: totalOf(total) };
        await request.protect(db).insertInto("order").values(row).execute();
        return {};
      },
    );
  create("/as-sent", (sent) => sent);
  create("/raised", (sent) => sent + 1_000);
  const call = await serve(app);
  const token = issuer.mint({ subject: "alice", roles: ["user"] });
  const statusOf = async (path: string, total: number) =>
    (await call(path, withToken(token, "POST", { total }))).status;
  assert.equal(await statusOf("/as-sent", 5), 200);
  assert.equal(await statusOf("/as-sent", 501), 403);
  assert.equal(await statusOf("/raised", 5), 403);
  assert.deepEqual(
    raw
      .prepare('select * from "order"')
      .all()
      .map((row) => ({ ...row })),
    [{ id: "/as-sent", ownerId: "alice", total: 5 }],
  );
});
