/** Tokens bound to a client's key (RFC 9449), and what they say of how their person signed in. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { calculateJwkThumbprint, decodeJwt, exportJWK, generateKeyPair, SignJWT } from "jose";
import * as client from "openid-client";
import { createBrowser } from "../../../testing/browser.ts";
import { postgresMissing, startPostgres } from "../../../testing/postgres.ts";
import { startIdentityServer, type TestIdentityServer } from "../../testing/identity-server.ts";

const secret = "0123456789abcdefghijklmnopqrstuvwxyz";
const redirectUri = "http://localhost:4999/callback";
const email = "ada@example.org";
const password = "a long enough password";

interface Answer {
  readonly access_token: string;
  readonly token_type: string;
  readonly error?: string;
}

interface ProofChange {
  readonly header?: object;
  readonly claims?: object;
}

async function createProver(tokenEndpoint: string, algorithm: "ES256" | "ES384" | "EdDSA") {
  const { privateKey, publicKey } = await generateKeyPair(algorithm);
  const jwk = await exportJWK(publicKey);
  const prove = ({ header, claims }: ProofChange = {}) =>
    new SignJWT({
      jti: crypto.randomUUID(),
      htm: "POST",
      htu: tokenEndpoint,
      iat: Math.floor(Date.now() / 1000),
      ...claims,
    })
      .setProtectedHeader({ typ: "dpop+jwt", alg: algorithm, jwk, ...header })
      .sign(privateKey);
  return { prove, thumbprint: await calculateJwkThumbprint(jwk) };
}

const askWith = async (origin: string, proof: string | undefined) => {
  const response = await fetch(`${origin}/oauth/token`, {
    method: "POST",
    headers: {
      authorization: `Basic ${btoa(`job:${secret}`)}`,
      ...(proof === undefined ? {} : { dpop: proof }),
    },
    body: new URLSearchParams({ grant_type: "client_credentials" }),
  });
  return { status: response.status, body: (await response.json()) as Answer };
};

const aJob = { id: "job", name: "Job", secret, grantTypes: ["client_credentials"] } as const;

describe("a token asked for with a proof", () => {
  let server: TestIdentityServer;
  let endpoint: string;
  before(async () => {
    server = await startIdentityServer();
    endpoint = `${server.origin}/oauth/token`;
    await server.identity.clients.create(aJob);
  });
  after(() => server.stop());

  for (const algorithm of ["ES256", "EdDSA"] as const) {
    it(`is bound to the proof's key, with ${algorithm}`, async () => {
      const { prove, thumbprint } = await createProver(endpoint, algorithm);
      const { status, body } = await askWith(server.origin, await prove());
      assert.equal(status, 200);
      assert.equal(body.token_type, "DPoP");
      assert.deepEqual(decodeJwt(body.access_token).cnf, { jkt: thumbprint });
    });
  }

  it("is a bearer token without one", async () => {
    const { body } = await askWith(server.origin, undefined);
    assert.equal(body.token_type, "Bearer");
    assert.equal(decodeJwt(body.access_token).cnf, undefined);
  });

  const refusals: { name: string; change: () => ProofChange }[] = [
    { name: "for another method", change: () => ({ claims: { htm: "GET" } }) },
    {
      name: "for another address",
      change: () => ({ claims: { htu: "https://auth.example/oauth/token" } }),
    },
    { name: "of another type", change: () => ({ header: { typ: "JWT" } }) },
    { name: "made an hour ago", change: () => ({ claims: { iat: Math.floor(Date.now() / 1000) - 3_600 } }) },
    { name: "without an id", change: () => ({ claims: { jti: undefined } }) },
    { name: "with a nonce that is not the server's", change: () => ({ claims: { nonce: "made-up" } }) },
  ];
  for (const { name, change } of refusals) {
    it(`is refused for a proof ${name}`, async () => {
      const { prove } = await createProver(endpoint, "ES256");
      const { status, body } = await askWith(server.origin, await prove(change()));
      assert.equal(status, 400);
      assert.match(body.error ?? "", /^(invalid_dpop_proof|use_dpop_nonce)$/);
      assert.equal(body.access_token, undefined);
    });
  }

  it("is refused for a proof with an algorithm not offered, and one signed by another key", async () => {
    const weak = await createProver(endpoint, "ES384");
    assert.equal((await askWith(server.origin, await weak.prove())).status, 400);
    const [mine, theirs] = [await createProver(endpoint, "ES256"), await generateKeyPair("ES256")];
    const stolen = { header: { jwk: await exportJWK(theirs.publicKey) } };
    assert.equal((await askWith(server.origin, await mine.prove(stolen))).status, 400);
  });
});

describe("one proof used many times at once", () => {
  const race = async ({ origin, identity }: TestIdentityServer) => {
    await identity.clients.create(aJob);
    const { prove } = await createProver(`${origin}/oauth/token`, "ES256");
    const proof = await prove();
    // Opens the connections beforehand: otherwise the first is over before the others have one.
    await Promise.all(Array.from({ length: 20 }, () => askWith(origin, undefined)));
    const answers = await Promise.all(Array.from({ length: 20 }, () => askWith(origin, proof)));
    assert.equal(answers.filter(({ status }) => status === 200).length, 1);
    for (const { status, body } of answers) {
      assert.ok(status === 200 || (status === 400 && body.access_token === undefined), String(status));
    }
    assert.equal((await askWith(origin, proof)).status, 400);
  };

  it("gives one token on SQLite", async (test) => {
    const server = await startIdentityServer();
    test.after(() => server.stop());
    await race(server);
  });

  it("gives one token on PostgreSQL", async (test) => {
    const postgres = await startPostgres();
    if (postgres === undefined) return test.skip(postgresMissing);
    test.after(() => postgres.stop());
    const server = await startIdentityServer({ databaseUrl: postgres.url });
    test.after(() => server.stop());
    await race(server);
  });
});

describe("the tokens of a code", () => {
  let server: TestIdentityServer;
  let config: client.Configuration;
  before(async () => {
    server = await startIdentityServer({ limits: { signIn: "1000/1m" } });
    const { accounts, clients } = server.identity;
    await accounts.create({ email, password });
    await clients.create({
      id: "shop",
      name: "Shop",
      grantTypes: ["authorization_code"],
      redirectUris: [redirectUri],
    });
    config = await client.discovery(new URL(server.origin), "shop", undefined, client.None(), {
      execute: [client.allowInsecureRequests],
    });
  });
  after(() => server.stop());

  /** From the authorization request to the tokens, signing in at the page where it is shown. */
  async function getTokens(browser = createBrowser(server.origin), DPoP?: client.DPoPHandle) {
    const verifier = client.randomPKCECodeVerifier();
    const parameters = {
      redirect_uri: redirectUri,
      scope: "openid",
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
    };
    const { href } = client.buildAuthorizationUrl(config, parameters);
    let step = await browser.follow(await browser.open(href), href);
    if (step.response.status === 200) {
      step = await browser.follow(await browser.submit(step.url, { email, password }), step.url);
    }
    const checks = { pkceCodeVerifier: verifier, idTokenExpected: true };
    const options = DPoP === undefined ? undefined : { DPoP };
    const tokens = await client.authorizationCodeGrant(config, new URL(step.url), checks, undefined, options);
    return { access: decodeJwt(tokens.access_token), id: tokens.claims(), type: tokens.token_type };
  }

  it("are bound to the key of a public client that proves it", async () => {
    const keys = await client.randomDPoPKeyPair("ES256");
    const { access, type } = await getTokens(undefined, client.getDPoPHandle(config, keys));
    assert.equal(type, "dpop");
    const jkt = await calculateJwkThumbprint(await exportJWK(keys.publicKey));
    assert.deepEqual(access.cnf, { jkt });
  });

  it("say that the person signed in with a password, and when", async () => {
    const browser = createBrowser(server.origin);
    const { access, id } = await getTokens(browser);
    const session = await server.identity.findSession(browser.cookies.get("bulwark") ?? "");
    for (const claims of [access, id]) {
      assert.equal(claims?.acr, "password");
      assert.deepEqual(claims?.amr, ["pwd"]);
      assert.equal(claims?.auth_time, Math.floor((session?.authenticatedAtMs ?? 0) / 1000));
    }
  });

  it("claim no method for a session that was opened without one", async () => {
    const browser = createBrowser(server.origin);
    const account = await server.identity.accounts.findByEmail(email);
    const opened = await server.identity.sessions.create(account?.id ?? "");
    browser.setCookie("bulwark", opened?.cookieValue ?? "");
    const { access, id } = await getTokens(browser);
    for (const claims of [access, id]) {
      assert.equal(claims?.acr, undefined);
      assert.equal(claims?.amr, undefined);
      assert.equal(typeof claims?.auth_time, "number");
    }
  });

  it("speak of the newest sign-in, though the provider remembers a former one", async () => {
    const browser = createBrowser(server.origin);
    const account = await server.identity.accounts.findByEmail(email);
    const former = await server.identity.sessions.create(account?.id ?? "");
    browser.setCookie("bulwark", former?.cookieValue ?? "");
    assert.equal((await getTokens(browser)).id?.acr, undefined);
    const newest = await server.identity.sessions.create(account?.id ?? "", { methods: ["pwd"] });
    browser.setCookie("bulwark", newest?.cookieValue ?? "");
    const { access, id } = await getTokens(browser);
    for (const claims of [access, id]) assert.equal(claims?.acr, "password");
    assert.equal(access.sid, newest?.session.id);
  });
});
