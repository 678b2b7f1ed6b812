/** The routes' queries: what reaches the database carries the filter. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bulwark } from "@bulwark/guard/fastify";
import Fastify from "fastify";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { createFolder } from "../../../../testing/folder.ts";
import { createQueries } from "../orders/queries.ts";
import { openOrders, seedOrders } from "../orders/store.ts";
import { createSecurity } from "../security.ts";
import { addOrderRoutes } from "./routes.ts";

const origin = "http://localhost:3000";

test("a list, a change and a deletion carry the caller's filter in their SQL, with values bound", async (t) => {
  const queries: { readonly sql: string; readonly parameters: readonly unknown[] }[] = [];
  const folder = createFolder();
  const db = await openOrders(folder.path, ({ query }) => queries.push(query));
  await seedOrders(db, () => [{ id: "1", ownerId: "alice", team: "red", status: "open", total: 1 }]);
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  const key = { ...(await exportJWK(publicKey)), kid: "k", alg: "ES256" };
  const identity = {
    issuer: origin,
    sessionCookieName: "session",
    keys: async () => ({ keys: [key] }),
    findSession: async () => undefined,
  };
  const app = Fastify();
  await app.register(bulwark, { security: createSecurity({ issuer: origin, origin }), identity });
  await app.register(async (api) => addOrderRoutes(api, createQueries(db)));
  const address = await app.listen({ host: "127.0.0.1", port: 0 });
  t.after(async () => {
    await app.close();
    await db.destroy();
    folder.remove();
  });
  const send = async (sub: string, roles: readonly string[], path: string, init: RequestInit = {}) => {
    const token = await new SignJWT({ client_id: "shop", team: "red", roles })
      .setProtectedHeader({ alg: "ES256", kid: "k", typ: "at+jwt" })
      .setIssuer(origin)
      .setAudience(`${origin}/api`)
      .setSubject(sub)
      .setJti("1")
      .setIssuedAt()
      .setExpirationTime("1m")
      .sign(privateKey);
    const headers = { authorization: `Bearer ${token}`, ...init.headers };
    queries.length = 0;
    return fetch(`${address}${path}`, { ...init, headers });
  };

  assert.equal((await send("alice", ["user"], "/orders?status=open&cursor=0")).status, 200);
  assert.equal(
    queries[0]?.sql,
    'select * from "order" where "ownerId" = ? and "status" = ? and "id" > ? order by "id" limit ?',
  );
  assert.deepEqual(queries[0]?.parameters, ["alice", "open", "0", 21]);

  await send("mona", ["manager"], "/orders");
  assert.equal(
    queries[0]?.sql,
    'select * from "order" where ("ownerId" = ? or "team" = ?) order by "id" limit ?',
  );
  assert.deepEqual(queries[0]?.parameters, ["mona", "red", 21]);

  const patch = { method: "PATCH", headers: { "content-type": "application/json" }, body: '{"total":2}' };
  assert.equal((await send("alice", ["user"], "/orders/1", patch)).status, 200);
  assert.match(
    queries[1]?.sql ?? "",
    /where "id" = \? and \("ownerId" = \? and "status" in \(\?, \?\)\) returning \*$/,
  );
  assert.deepEqual(queries[1]?.parameters, [2, "1", "alice", "draft", "open"]);
});
