/** Scopes from a client's request, into its token, to what the API lets it do: they only ever narrow. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { bulwark } from "@bulwark/guard/fastify";
import Fastify, { type FastifyInstance } from "fastify";
import { decodeJwt } from "jose";
import * as client from "openid-client";
import { createBrowser } from "../../../testing/browser.ts";
import { startIdentityServer, type TestIdentityServer } from "../../testing/identity-server.ts";
import { createShopContract } from "../../testing/shop-contract.ts";

const secret = "0123456789abcdefghijklmnopqrstuvwxyz";
const redirectUri = "http://localhost:4999/callback";
const email = "ada@example.org";
const password = "a long enough password";

interface TokenAnswer {
  readonly status: number;
  readonly token: string;
  readonly scope: string | undefined;
  readonly error: string | undefined;
}

describe("OAuth scopes of a contract", () => {
  let server: TestIdentityServer;
  let api: FastifyInstance;
  let apiOrigin: string;
  before(async () => {
    const contract = (at: { readonly issuer: string; readonly audience: string }) => createShopContract(at);
    server = await startIdentityServer({ limits: { signIn: "1000/1m" } }, contract);
    const { identity, origin: issuer, audience } = server;
    const grantTypes = ["client_credentials"] as const;
    const roles = ["admin"];
    await identity.clients.create({ id: "any", name: "Any", secret, grantTypes, roles });
    const scopes = ["order:read", "order:gone"];
    await identity.clients.create({ id: "reader", name: "Reader", secret, grantTypes, roles, scopes });
    await identity.clients.create({ id: "weak", name: "Weak", secret, grantTypes, roles: ["viewer"] });
    const code = { grantTypes: ["authorization_code"], redirectUris: [redirectUri] } as const;
    await identity.clients.create({ id: "shop", name: "Shop", ...code });
    await identity.clients.create({ id: "widget", name: "Widget", ...code, scopes: ["order:read"] });
    await identity.accounts.create({ email, password, roles });

    api = Fastify();
    await api.register(bulwark, { security: contract({ issuer, audience }), identity });
    const resource = () => ({ id: "1", ownerId: "x", team: "red", status: "open", total: 1 });
    api.get("/order", { security: { permission: "order:read", resource } }, () => ({ ok: true }));
    api.put("/order", { security: { permission: "order:update", resource } }, () => ({ ok: true }));
    apiOrigin = await api.listen({ host: "127.0.0.1", port: 0 });
  });
  after(async () => {
    await api.close();
    await server.stop();
  });

  const ask = async (id: string, scope?: string): Promise<TokenAnswer> => {
    const form = { grant_type: "client_credentials", ...(scope === undefined ? {} : { scope }) };
    const response = await fetch(`${server.origin}/oauth/token`, {
      method: "POST",
      headers: { authorization: `Basic ${btoa(`${id}:${secret}`)}` },
      body: new URLSearchParams(form),
    });
    const body = (await response.json()) as Readonly<Record<string, string | undefined>>;
    return { status: response.status, token: body.access_token ?? "", scope: body.scope, error: body.error };
  };
  const may = async (token: string) => {
    const headers = { authorization: `Bearer ${token}` };
    const [read, update] = await Promise.all(
      ["GET", "PUT"].map((method) => fetch(`${apiOrigin}/order`, { method, headers })),
    );
    return { read: read?.status, update: update?.status };
  };

  it("are announced beside the protocol's own", async () => {
    const response = await fetch(`${server.origin}/.well-known/oauth-authorization-server`);
    const { scopes_supported: scopes } = (await response.json()) as { scopes_supported: string[] };
    for (const scope of ["openid", "email", "order:read", "bulwark_role:update"]) {
      assert.ok(scopes.includes(scope), scope);
    }
    assert.equal(new Set(scopes).size, scopes.length);
  });

  const cases = [
    { name: "none asked for", scope: undefined, read: 200, update: 200 },
    { name: "one asked for", scope: "order:read", read: 200, update: 403 },
    { name: "another asked for", scope: "order:create", read: 403, update: 403 },
    { name: "both asked for", scope: "order:read order:update", read: 200, update: 200 },
    { name: "the protocol's own asked for beside", scope: "openid order:read", read: 200, update: 403 },
  ];
  for (const { name, scope, read, update } of cases) {
    it(`limit a client's token: ${name}`, async () => {
      const { status, token, scope: given } = await ask("any", scope);
      assert.equal(status, 200);
      assert.equal(given, scope);
      assert.equal(decodeJwt(token).scope, scope);
      assert.deepEqual(await may(token), { read, update });
    });
  }

  it("give a client nothing that its roles do not", async () => {
    const { token } = await ask("weak", "order:read order:update");
    assert.deepEqual(await may(token), { read: 200, update: 403 });
  });

  for (const scope of [
    "order:reed",
    "ORDER:READ",
    "order:read order:reed",
    "order:read,order:update",
    "offline_access",
    "guard",
    "*",
  ]) {
    it(`are refused where nobody knows them, rather than left out: ${scope}`, async () => {
      const answer = await ask("any", scope);
      assert.equal(answer.status, 400);
      assert.equal(answer.error, "invalid_scope");
      assert.equal(answer.token, "");
    });
  }

  it("of a client that is registered for some are those, and it must name one", async () => {
    assert.deepEqual(await may((await ask("reader", "order:read")).token), { read: 200, update: 403 });
    for (const scope of [undefined, "openid", "order:update", "order:read order:update", "order:gone"]) {
      const answer = await ask("reader", scope);
      assert.equal(answer.error, "invalid_scope", scope);
      assert.equal(answer.token, "");
    }
  });

  /** The code grant in a browser of its own. */
  const authorize = async (id: string, scope: string) => {
    const config = await client.discovery(new URL(server.origin), id, undefined, client.None(), {
      execute: [client.allowInsecureRequests],
    });
    const verifier = client.randomPKCECodeVerifier();
    const parameters = new URLSearchParams({
      redirect_uri: redirectUri,
      scope,
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
    });
    const { href } = client.buildAuthorizationUrl(config, parameters);
    const browser = createBrowser(server.origin);
    let step = await browser.follow(await browser.open(href), href);
    if (step.response.status === 200) {
      step = await browser.follow(await browser.submit(step.url, { email, password }), step.url);
    }
    const callback = new URL(step.url);
    const error = callback.searchParams.get("error");
    if (error !== null) return { error, token: "" };
    const tokens = await client.authorizationCodeGrant(config, callback, { pkceCodeVerifier: verifier });
    return { error, token: tokens.access_token };
  };

  it("limit what an application does for a person", async () => {
    const narrow = await authorize("shop", "openid order:read");
    assert.equal(decodeJwt(narrow.token).scope, "openid order:read");
    assert.deepEqual(await may(narrow.token), { read: 200, update: 403 });
    const wide = await authorize("shop", "openid");
    assert.deepEqual(await may(wide.token), { read: 200, update: 200 });
  });

  it("are judged before a person is asked to sign in", async () => {
    assert.equal((await authorize("shop", "openid order:reed")).error, "invalid_scope");
    assert.equal((await authorize("widget", "openid order:update")).error, "invalid_scope");
    assert.equal((await authorize("widget", "openid")).error, "invalid_scope");
    assert.deepEqual(await may((await authorize("widget", "openid order:read")).token), {
      read: 200,
      update: 403,
    });
  });

  it("are judged where a request is pushed", async () => {
    const push = (scope: string) =>
      fetch(`${server.origin}/oauth/par`, {
        method: "POST",
        body: new URLSearchParams({
          client_id: "shop",
          response_type: "code",
          redirect_uri: redirectUri,
          code_challenge: "A".repeat(43),
          code_challenge_method: "S256",
          scope,
        }),
      });
    assert.equal((await push("openid order:read")).status, 201);
    const refused = await push("openid order:reed");
    assert.equal(refused.status, 400);
    assert.equal(((await refused.json()) as { error: string }).error, "invalid_scope");
  });
});

it("a server without a contract knows no scopes of an API, and refuses them", async (test) => {
  const server = await startIdentityServer();
  test.after(() => server.stop());
  await server.identity.clients.create({
    id: "job",
    name: "Job",
    secret,
    grantTypes: ["client_credentials"],
  });
  const statusOf = async (scope: string) => {
    const form = { grant_type: "client_credentials", client_id: "job", client_secret: secret, scope };
    const body = new URLSearchParams(form);
    return (await fetch(`${server.origin}/oauth/token`, { method: "POST", body })).status;
  };
  assert.equal(await statusOf("order:read"), 400);
  assert.equal(await statusOf("openid"), 200);
});
