/** Which registrations are accepted. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { createFolder } from "../../../testing/folder.ts";
import { createFeed } from "../feed/feed.ts";
import { openStore } from "../storage/open-store.ts";
import type { Database } from "../storage/schema.ts";
import { type Clients, createClients, type NewClient } from "./clients.ts";

const secret = "0123456789abcdefghijklmnopqrstuvwxyz";

describe("client registration", () => {
  const folder = createFolder();
  let db: Database;
  let clients: Clients;
  let count = 0;
  before(async () => {
    db = await openStore({ dataFolder: folder.path });
    clients = createClients({ db, feed: createFeed({ db, now: Date.now }), now: Date.now });
  });
  after(async () => {
    await db.destroy();
    folder.remove();
  });

  const aClient = (change: Partial<NewClient>): NewClient => {
    count += 1;
    const redirectUris = ["https://shop.example/callback"];
    return {
      id: `client-${count}`,
      name: "Shop",
      grantTypes: ["authorization_code"],
      redirectUris,
      ...change,
    };
  };

  const accepted: { name: string; change: Partial<NewClient> }[] = [
    { name: "a public client with the code grant", change: {} },
    {
      name: "a confidential client with both grants",
      change: { secret, grantTypes: ["authorization_code", "client_credentials"] },
    },
    { name: "http on localhost", change: { redirectUris: ["http://localhost:5173/callback"] } },
    { name: "http on 127.0.0.1", change: { redirectUris: ["http://127.0.0.1:5173/callback"] } },
    { name: "http on ::1", change: { redirectUris: ["http://[::1]:5173/callback"] } },
    { name: "a bare origin", change: { redirectUris: ["https://shop.example"] } },
    { name: "scopes of its own", change: { scopes: ["order:read", "reports"] } },
    { name: "a query", change: { redirectUris: ["https://shop.example/cb?tenant=1"] } },
  ];
  for (const { name, change } of accepted) {
    it(`accepts ${name}`, async () => {
      const client = aClient(change);
      const stored = await clients.create(client);
      assert.deepEqual(stored.redirectUris, client.redirectUris);
      assert.equal(stored.isPublic, client.secret === undefined);
    });
  }

  const refused: { name: string; change: Partial<NewClient>; code?: string }[] = [
    { name: "an id with a space", change: { id: "my client" } },
    { name: "an empty id", change: { id: "" } },
    { name: "an empty name", change: { name: " " } },
    { name: "a short secret", change: { secret: "short" } },
    { name: "no grant", change: { grantTypes: [] } },
    { name: "the implicit grant", change: { grantTypes: ["implicit" as never] } },
    {
      name: "a public client with client credentials",
      change: { grantTypes: ["client_credentials"], redirectUris: [] },
    },
    { name: "the code grant without a redirect", change: { redirectUris: [] } },
    { name: "a redirect without the code grant", change: { secret, grantTypes: ["client_credentials"] } },
    { name: "http elsewhere", change: { redirectUris: ["http://shop.example/callback"] } },
    {
      name: "http on a name that begins like loopback",
      change: { redirectUris: ["http://localhost.evil.example/"] },
    },
    { name: "a wildcard", change: { redirectUris: ["https://*.shop.example/callback"] } },
    { name: "a fragment", change: { redirectUris: ["https://shop.example/callback#x"] } },
    { name: "an empty fragment", change: { redirectUris: ["https://shop.example/callback#"] } },
    { name: "credentials in the address", change: { redirectUris: ["https://a:b@shop.example/callback"] } },
    {
      name: "another spelling of the address",
      change: { redirectUris: ["https://SHOP.example/a/../callback"] },
    },
    { name: "a scheme of script", change: { redirectUris: ["javascript:alert(1)"] } },
    { name: "an empty list of scopes", change: { scopes: [] } },
    { name: "a scope with a space", change: { scopes: ["order:read order:update"] } },
    { name: "too many scopes", change: { scopes: Array.from({ length: 101 }, (_, index) => `s${index}`) } },
    { name: "a role that is no name", change: { roles: ["a b"] }, code: "role_invalid" },
    { name: "a claim of the server's own", change: { claims: { sub: "root" } }, code: "claims_invalid" },
  ];
  for (const { name, change, code = "client_invalid" } of refused) {
    it(`refuses ${name}`, async () => {
      const client = aClient(change);
      await assert.rejects(clients.create(client), { code });
      assert.equal(await clients.findById(client.id), undefined);
    });
  }
});
