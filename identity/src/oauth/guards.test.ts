/** Real tokens at real guards: this server's and a stock `oidc-provider`'s, side by side, and bound to a key. */
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { after, before, describe, it } from "node:test";
import { defineSecurity, type IssuerOptions, type Security } from "@bulwark/guard";
import { bulwark } from "@bulwark/guard/fastify";
import Fastify, { type FastifyInstance } from "fastify";
import Provider from "oidc-provider";
import * as client from "openid-client";
import { findFreePort } from "../../../testing/port.ts";
import { startIdentityServer, type TestIdentityServer } from "../../testing/identity-server.ts";

const secret = "a-client-secret-long-enough-to-be-random";
const audience = "https://api.shop.example";

describe("tokens of two issuers", () => {
  let own: TestIdentityServer;
  let stock: { readonly server: Server; readonly issuer: string };
  let tokens: { readonly own: string; readonly stock: string };
  const guards: FastifyInstance[] = [];

  before(async () => {
    own = await startIdentityServer({ audience });
    await own.identity.clients.create({
      id: "reports",
      name: "Reports",
      secret,
      grantTypes: ["client_credentials"],
      roles: ["auditor"],
    });
    stock = await startStockProvider();
    tokens = { own: await machineToken(own.origin), stock: await machineToken(stock.issuer) };
  });
  after(async () => {
    await Promise.all(guards.map((guard) => guard.close()));
    await own.stop();
    stock.server.closeAllConnections();
    stock.server.close();
  });

  const ask = async (security: Security, token: string): Promise<{ status: number; id?: string }> => {
    const app = Fastify();
    guards.push(app);
    await app.register(bulwark, { security });
    app.get("/me", { security: { authenticated: true } }, ({ principal }) => ({ id: principal.id }));
    const origin = await app.listen({ host: "127.0.0.1", port: 0 });
    const answer = await fetch(`${origin}/me`, { headers: { authorization: `Bearer ${token}` } });
    return {
      status: answer.status,
      ...(answer.status === 200 ? ((await answer.json()) as { id: string }) : {}),
    };
  };
  const trusting = (issuer: IssuerOptions, issuers: Readonly<Record<string, IssuerOptions>> = {}) =>
    defineSecurity({ ...issuer, audience, issuers, resources: [], roles: {} });
  const ownIssuer = () => ({ issuer: own.origin });
  const stockIssuer = () => ({ issuer: stock.issuer, algorithms: ["RS256"] });

  it("are accepted by one guard, each as its issuer's own client", async () => {
    const both = trusting(ownIssuer(), { stock: stockIssuer() });
    assert.deepEqual(await ask(both, tokens.own), { status: 200, id: "reports" });
    assert.deepEqual(await ask(both, tokens.stock), { status: 200, id: "stock:reports" });
  });

  it("are refused by a guard that lists only the other issuer", async () => {
    assert.equal((await ask(trusting(ownIssuer()), tokens.own)).status, 200);
    assert.equal((await ask(trusting(ownIssuer()), tokens.stock)).status, 401);
    assert.equal((await ask(trusting(stockIssuer()), tokens.stock)).status, 200);
    assert.equal((await ask(trusting(stockIssuer()), tokens.own)).status, 401);
  });

  it("are refused where the issuer is listed and its algorithm is not", async () => {
    const es256 = trusting({ issuer: stock.issuer });
    assert.equal((await ask(es256, tokens.stock)).status, 401);
  });

  it("bound to a key open the door with each request's proof, and not without", async () => {
    const app = Fastify();
    guards.push(app);
    const port = await findFreePort();
    const origin = `http://127.0.0.1:${port}`;
    await app.register(bulwark, {
      security: defineSecurity({
        ...ownIssuer(),
        audience,
        dpop: { baseUrl: origin, nonces: true },
        resources: [],
        roles: {},
      }),
    });
    app.get("/me", { security: { authenticated: true } }, ({ principal }) => ({ by: principal.credential }));
    await app.listen({ host: "127.0.0.1", port });

    const config = await discover(own.origin);
    const dpop = client.getDPoPHandle(config, await client.randomDPoPKeyPair("ES256"));
    const { access_token: token, token_type: type } = await client.clientCredentialsGrant(config, undefined, {
      DPoP: dpop,
    });
    assert.equal(type, "dpop");
    for (let count = 0; count < 2; count += 1) {
      // The library takes the nonce that the guard asks for from its answer, and asks again.
      const answer = await client.fetchProtectedResource(
        config,
        token,
        new URL(`${origin}/me`),
        "GET",
        null,
        undefined,
        { DPoP: dpop },
      );
      assert.equal(answer.status, 200);
      assert.deepEqual(await answer.json(), { by: "dpop" });
    }
    for (const scheme of ["Bearer", "DPoP"]) {
      const answer = await fetch(`${origin}/me`, { headers: { authorization: `${scheme} ${token}` } });
      assert.equal(answer.status, 401);
    }
  });

  async function startStockProvider() {
    const port = await findFreePort();
    const issuer = `http://localhost:${port}`;
    const provider = new Provider(issuer, {
      clients: [
        {
          client_id: "reports",
          client_secret: secret,
          grant_types: ["client_credentials"],
          redirect_uris: [],
          response_types: [],
        },
      ],
      features: {
        clientCredentials: { enabled: true },
        devInteractions: { enabled: false },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => audience,
          getResourceServerInfo: () => ({
            scope: "",
            audience,
            accessTokenFormat: "jwt",
            jwt: { sign: { alg: "RS256" } },
          }),
        },
      },
    });
    const server = createServer(provider.callback());
    await new Promise<void>((resolve) => server.listen(port, "localhost", resolve));
    return { server, issuer };
  }

  function discover(issuer: string): Promise<client.Configuration> {
    return client.discovery(new URL(issuer), "reports", undefined, client.ClientSecretBasic(secret), {
      execute: [client.allowInsecureRequests],
    });
  }

  async function machineToken(issuer: string): Promise<string> {
    return (await client.clientCredentialsGrant(await discover(issuer))).access_token;
  }
});
