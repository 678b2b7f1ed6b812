/** Tokens that a client asks for itself, and the requests that get none. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { createRemoteJWKSet, decodeJwt, jwtVerify } from "jose";
import * as client from "openid-client";
import { startIdentityServer, type TestIdentityServer } from "../../testing/identity-server.ts";

const secret = "0123456789abcdefghijklmnopqrstuvwxyz";

describe("the client credentials grant", () => {
  let server: TestIdentityServer;

  before(async () => {
    server = await startIdentityServer({ tokenClaims: ["team"] });
    const { clients } = server.identity;
    await clients.create({
      id: "reporter",
      name: "Reporter",
      secret,
      grantTypes: ["client_credentials"],
      roles: ["auditor"],
      claims: { team: "green", hidden: true },
    });
    const redirectUris = ["http://localhost:4999/callback"];
    await clients.create({
      id: "browser",
      name: "Browser",
      grantTypes: ["authorization_code"],
      redirectUris,
    });
    await clients.create({
      id: "site",
      name: "Site",
      secret,
      grantTypes: ["authorization_code"],
      redirectUris,
    });
  });
  after(() => server.stop());

  const ask = (form: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>> = {}) =>
    fetch(`${server.origin}/oauth/token`, { method: "POST", headers, body: new URLSearchParams(form) });
  const basic = (id: string, password: string) => ({ authorization: `Basic ${btoa(`${id}:${password}`)}` });
  const grant = { grant_type: "client_credentials" };

  it("gives a token that says who the client is, its roles, and the named claims", async () => {
    const methods = [client.ClientSecretBasic(secret), client.ClientSecretPost(secret)];
    for (const method of methods) {
      const execute = [client.allowInsecureRequests];
      const config = await client.discovery(new URL(server.origin), "reporter", undefined, method, {
        execute,
      });
      const tokens = await client.clientCredentialsGrant(config);
      const keys = createRemoteJWKSet(new URL(`${server.origin}/oauth/jwks`));
      const { payload } = await jwtVerify(tokens.access_token, keys, {
        issuer: server.origin,
        audience: server.audience,
        typ: "at+jwt",
        algorithms: ["ES256"],
      });
      assert.equal(payload.sub, "reporter");
      assert.equal(payload.client_id, "reporter");
      assert.deepEqual(payload.roles, ["auditor"]);
      assert.equal(payload.team, "green");
      assert.equal(payload.hidden, undefined);
      assert.equal(payload.sid, undefined);
      assert.equal(tokens.expires_in, 300);
    }
  });

  it("takes the audience by name (RFC 8707)", async () => {
    const answer = await ask({ ...grant, resource: server.audience }, basic("reporter", secret));
    const { access_token: token } = (await answer.json()) as { access_token: string };
    assert.equal(decodeJwt(token).aud, server.audience);
  });

  const refusals = [
    {
      name: "a wrong secret",
      form: grant,
      headers: basic("reporter", `${secret}.`),
      status: 401,
      error: "invalid_client",
    },
    {
      name: "an empty secret",
      form: { ...grant, client_id: "reporter", client_secret: "" },
      headers: {},
      status: 401,
    },
    {
      name: "no secret",
      form: { ...grant, client_id: "reporter" },
      headers: {},
      status: 401,
      error: "invalid_client",
    },
    {
      name: "an unknown client",
      form: grant,
      headers: basic("nobody", secret),
      status: 401,
      error: "invalid_client",
    },
    {
      name: "a client id that is no id",
      form: grant,
      headers: basic("x' or '1'='1", secret),
      status: 401,
      error: "invalid_client",
    },
    { name: "a public client", form: { ...grant, client_id: "browser" }, headers: {}, status: 400 },
    { name: "a client without the grant", form: grant, headers: basic("site", secret), status: 400 },
    {
      name: "another audience",
      form: { ...grant, resource: "https://other.example/api" },
      headers: basic("reporter", secret),
      status: 400,
      error: "invalid_target",
    },
    {
      name: "the password grant",
      form: { grant_type: "password", username: "a", password: "b" },
      headers: basic("reporter", secret),
      status: 400,
      error: "unsupported_grant_type",
    },
    {
      name: "the refresh grant",
      form: { grant_type: "refresh_token", refresh_token: "x" },
      headers: basic("reporter", secret),
      status: 400,
      error: "unsupported_grant_type",
    },
    {
      name: "two ways of authenticating at once",
      form: { ...grant, client_id: "reporter", client_secret: secret },
      headers: basic("reporter", secret),
      status: 400,
      error: "invalid_request",
    },
  ];
  for (const { name, form, headers, status, error } of refusals) {
    it(`refuses ${name}`, async () => {
      const answer = await ask(form as never, headers as never);
      const body = (await answer.json()) as Record<string, unknown>;
      assert.equal(answer.status, status);
      if (error !== undefined) assert.equal(body.error, error);
      assert.equal(body.access_token, undefined);
    });
  }

  it("refuses the digest of a secret, as a copy of the database would show it", async () => {
    const metadata = await server.identity.clients.findMetadata("reporter");
    const answer = await ask(grant, basic("reporter", metadata?.client_secret ?? ""));
    assert.equal(answer.status, 401);
  });

  it("gives nothing to a page of another origin", async () => {
    const headers = { ...basic("reporter", secret), origin: "https://evil.example" };
    const answer = await ask(grant, headers);
    assert.equal(answer.status, 400);
    assert.equal(answer.headers.get("access-control-allow-origin"), null);
  });

  it("has no introspection, revocation, registration, userinfo or sign-out endpoint of the provider", async () => {
    for (const path of [
      "token/introspection",
      "token/revocation",
      "reg",
      "me",
      "session/end",
      "device/auth",
    ]) {
      const answer = await ask(grant, {});
      assert.equal(answer.status, 400);
      const response = await fetch(`${server.origin}/oauth/${path}`, { method: "POST" });
      assert.equal(response.status, 404, path);
    }
  });
});
