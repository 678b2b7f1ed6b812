/** The code grant with PKCE from end to end: a real client library, a browser's cookies, a real server. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import * as client from "openid-client";
import { type Browser, createBrowser } from "../../../testing/browser.ts";
import { startIdentityServer, type TestIdentityServer } from "../../testing/identity-server.ts";
import type { Account } from "../index.ts";

const redirectUri = "http://localhost:4999/callback";
const email = "ada@example.org";
const password = "a long enough password";

describe("the code grant", () => {
  let server: TestIdentityServer;
  let config: client.Configuration;
  let account: Account;

  before(async () => {
    server = await startIdentityServer({ tokenClaims: ["team"], limits: { signIn: "1000/1m" } });
    const { accounts, clients } = server.identity;
    account = await accounts.create({
      email,
      password,
      roles: ["user"],
      claims: { team: "blue", secret: "x" },
    });
    await accounts.create({ email: "bob@example.org", password });
    await clients.create({
      id: "shop",
      name: `The "Shop" <b>&amp;</b>`,
      grantTypes: ["authorization_code"],
      redirectUris: [redirectUri],
    });
    config = await discover("shop");
  });
  after(() => server.stop());

  const discover = (clientId: string) =>
    client.discovery(new URL(server.origin), clientId, undefined, client.None(), {
      execute: [client.allowInsecureRequests],
    });

  async function anAuthorization(change: Readonly<Record<string, string | undefined>> = {}) {
    const verifier = client.randomPKCECodeVerifier();
    const state = client.randomState();
    const given = {
      redirect_uri: redirectUri,
      scope: "openid email",
      state,
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      ...change,
    };
    const parameters = Object.entries(given).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    );
    return {
      verifier,
      state,
      url: client.buildAuthorizationUrl(config, new URLSearchParams(parameters)).href,
    };
  }

  /** Goes from an authorization address to the sign-in page. */
  async function toSignInPage(browser: Browser, url: string) {
    const page = await browser.follow(await browser.open(url), url);
    assert.equal(page.response.status, 200);
    assert.match(page.url, /\/oauth\/interaction\//);
    return { url: page.url, text: await page.response.text(), headers: page.response.headers };
  }

  /** Goes from the address to the callback, signing in where asked. */
  async function toCallback(browser: Browser, url: string, who = email): Promise<URL> {
    let step = await browser.follow(await browser.open(url), url);
    if (step.response.status === 200) {
      step = await browser.follow(await browser.submit(step.url, { email: who, password }), step.url);
    }
    assert.ok(step.url.startsWith(redirectUri), `${step.response.status} ${step.url}`);
    return new URL(step.url);
  }

  const exchange = (callback: URL, { verifier, state }: { verifier: string; state: string }) =>
    client.authorizationCodeGrant(config, callback, {
      pkceCodeVerifier: verifier,
      expectedState: state,
      idTokenExpected: true,
    });

  it("publishes metadata whose every address is the issuer's, whatever Host the request names", async () => {
    const document = async (path: string) => {
      const response = await fetch(`${server.origin}${path}`, {
        headers: { "x-forwarded-host": "evil.example", "x-forwarded-proto": "https" },
      });
      assert.equal(response.status, 200);
      return (await response.json()) as Record<string, unknown>;
    };
    const metadata = await document("/.well-known/openid-configuration");
    assert.deepEqual(await document("/.well-known/oauth-authorization-server"), metadata);
    assert.equal(metadata.issuer, server.origin);
    assert.equal(metadata.authorization_endpoint, `${server.origin}/oauth/auth`);
    assert.equal(metadata.token_endpoint, `${server.origin}/oauth/token`);
    assert.equal(metadata.jwks_uri, `${server.origin}/oauth/jwks`);
    assert.deepEqual(metadata.grant_types_supported, ["authorization_code", "client_credentials"]);
    assert.deepEqual(metadata.response_types_supported, ["code"]);
    assert.deepEqual(metadata.code_challenge_methods_supported, ["S256"]);
  });

  it("ends in an access token for the audience, with roles, sid and the named claims only", async () => {
    const browser = createBrowser(server.origin);
    const authorization = await anAuthorization();
    const tokens = await exchange(await toCallback(browser, authorization.url), authorization);

    const keys = createRemoteJWKSet(new URL(`${server.origin}/oauth/jwks`));
    const { payload } = await jwtVerify(tokens.access_token, keys, {
      issuer: server.origin,
      audience: server.audience,
      typ: "at+jwt",
      algorithms: ["ES256"],
    });
    const cookie = browser.cookies.get("bulwark") ?? "";
    const session = await server.identity.findSession(cookie);
    assert.equal(payload.sub, account.id);
    assert.equal(payload.client_id, "shop");
    assert.deepEqual(payload.roles, ["user"]);
    assert.equal(payload.sid, session?.id);
    assert.equal(payload.team, "blue");
    assert.equal(payload.secret, undefined);
    assert.equal((payload.exp ?? 0) - (payload.iat ?? 0), 300);
    assert.equal(tokens.refresh_token, undefined);
    assert.equal(tokens.claims()?.sub, account.id);
    assert.equal(tokens.claims()?.email, email);
    assert.equal(decodeProtectedHeader(tokens.id_token ?? "").alg, "ES256");
    const { keys: own } = await server.identity.keys();
    assert.equal(decodeProtectedHeader(tokens.access_token).kid, own[0]?.kid);
  });

  it("lets a page of the client's own origin exchange its code, and no other origin's", async () => {
    const redeem = async (origin: string) => {
      const { url, verifier } = await anAuthorization();
      const callback = await toCallback(createBrowser(server.origin), url);
      const response = await fetch(`${server.origin}/oauth/token`, {
        method: "POST",
        headers: { origin },
        body: new URLSearchParams({
          grant_type: "authorization_code",
          code: callback.searchParams.get("code") ?? "",
          redirect_uri: redirectUri,
          client_id: "shop",
          code_verifier: verifier,
        }),
      });
      return { status: response.status, allowed: response.headers.get("access-control-allow-origin") };
    };
    const own = new URL(redirectUri).origin;
    assert.deepEqual(await redeem(own), { status: 200, allowed: own });
    const foreign = await redeem("https://evil.example");
    assert.equal(foreign.status, 400);
    assert.equal(foreign.allowed, null);
  });

  it("takes the request by PAR as well (RFC 9126)", async () => {
    const { verifier, state } = await anAuthorization();
    const url = await client.buildAuthorizationUrlWithPAR(config, {
      redirect_uri: redirectUri,
      scope: "openid",
      state,
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
    });
    const callback = await toCallback(createBrowser(server.origin), url.href);
    assert.ok((await exchange(callback, { verifier, state })).access_token);
  });

  it("asks nothing of a browser whose Bulwark session lives", async () => {
    const browser = createBrowser(server.origin);
    await toCallback(browser, (await anAuthorization()).url);
    const second = await anAuthorization();
    const { url } = await browser.follow(await browser.open(second.url), second.url);
    assert.ok(url.startsWith(redirectUri));
    assert.ok((await exchange(new URL(url), second)).access_token);
  });

  it("takes a session opened with JSON for the sign-in of an authorization", async () => {
    const browser = createBrowser(server.origin);
    const { session } = await server.identity.sessions.create(account.id).then((opened) => {
      assert.ok(opened);
      browser.setCookie("bulwark", opened.cookieValue);
      return opened;
    });
    const authorization = await anAuthorization();
    const { url } = await browser.follow(await browser.open(authorization.url), authorization.url);
    const tokens = await exchange(new URL(url), authorization);
    const payload = JSON.parse(Buffer.from(tokens.access_token.split(".")[1] ?? "", "base64url").toString());
    assert.equal(payload.sid, session.id);
  });

  it("asks again once the Bulwark session was revoked, though the provider remembers", async () => {
    const browser = createBrowser(server.origin);
    await toCallback(browser, (await anAuthorization()).url);
    const live = await server.identity.findSession(browser.cookies.get("bulwark") ?? "");
    await server.identity.sessions.revoke(live?.id ?? "");
    await toSignInPage(browser, (await anAuthorization()).url);
  });

  it("asks again for prompt=login, and refuses prompt=none without a session", async () => {
    const browser = createBrowser(server.origin);
    await toCallback(browser, (await anAuthorization()).url);
    const again = await toSignInPage(browser, (await anAuthorization({ prompt: "login" })).url);
    const finished = await browser.follow(await browser.submit(again.url, { email, password }), again.url);
    assert.ok(new URL(finished.url).searchParams.get("code"));

    const stranger = createBrowser(server.origin);
    const silent = await anAuthorization({ prompt: "none" });
    const { url } = await stranger.follow(await stranger.open(silent.url), silent.url);
    assert.equal(new URL(url).searchParams.get("error"), "login_required");
    const { url: silently } = await browser.follow(await browser.open(silent.url), silent.url);
    assert.ok(new URL(silently).searchParams.get("code"));
  });

  it("lets another person sign in where one was signed in before", async () => {
    const browser = createBrowser(server.origin);
    await toCallback(browser, (await anAuthorization()).url);
    const authorization = await anAuthorization({ prompt: "login" });
    const page = await toSignInPage(browser, authorization.url);
    const form = { email: "bob@example.org", password };
    const { url } = await browser.follow(await browser.submit(page.url, form), page.url);
    const tokens = await exchange(new URL(url), authorization);
    assert.equal(tokens.claims()?.email, "bob@example.org");
  });

  it("gives no token for a code whose session ended before its exchange", async () => {
    const browser = createBrowser(server.origin);
    const authorization = await anAuthorization();
    const callback = await toCallback(browser, authorization.url);
    const live = await server.identity.findSession(browser.cookies.get("bulwark") ?? "");
    await server.identity.sessions.revoke(live?.id ?? "");
    await assert.rejects(exchange(callback, authorization), { error: "invalid_grant" });
  });

  it("exchanges a code once", async () => {
    const authorization = await anAuthorization();
    const callback = await toCallback(createBrowser(server.origin), authorization.url);
    assert.ok((await exchange(callback, authorization)).access_token);
    await assert.rejects(exchange(callback, authorization), { error: "invalid_grant" });
  });

  it("lets one of many simultaneous exchanges of one code win", async () => {
    const authorization = await anAuthorization();
    const callback = await toCallback(createBrowser(server.origin), authorization.url);
    const settled = await Promise.allSettled(
      Array.from({ length: 10 }, () => exchange(callback, authorization)),
    );
    assert.equal(settled.filter(({ status }) => status === "fulfilled").length, 1);
    for (const one of settled) if (one.status === "rejected") assert.equal(one.reason.error, "invalid_grant");
  });

  it("refuses a code with another verifier, and then gives it to the right one", async () => {
    const authorization = await anAuthorization();
    const callback = await toCallback(createBrowser(server.origin), authorization.url);
    const other = { ...authorization, verifier: client.randomPKCECodeVerifier() };
    await assert.rejects(exchange(callback, other), { error: "invalid_grant" });
    assert.ok((await exchange(callback, authorization)).access_token);
  });

  const refusedAtClient = [
    {
      name: "a request without PKCE",
      change: { code_challenge: undefined, code_challenge_method: undefined },
    },
    { name: "PKCE in plain", change: { code_challenge_method: "plain" } },
    { name: "the implicit grant", change: { response_type: "token" } },
    { name: "a hybrid response type", change: { response_type: "code id_token", nonce: "n" } },
    {
      name: "an unknown resource",
      change: { resource: "https://other.example/api" },
      error: "invalid_target",
    },
  ];
  for (const { name, change, error } of refusedAtClient) {
    it(`refuses ${name}`, async () => {
      const { url } = await anAuthorization(change);
      const browser = createBrowser(server.origin);
      const { url: end } = await browser.follow(await browser.open(url), url);
      assert.ok(end.startsWith(redirectUri));
      const answer = new URL(end.replace("#", "?")).searchParams;
      assert.equal(answer.get("code"), null);
      assert.ok(answer.get("error"));
      if (error !== undefined) assert.equal(answer.get("error"), error);
    });
  }

  const redirects = [
    { name: "of another origin", uri: "https://evil.example/callback" },
    { name: "with a longer path", uri: `${redirectUri}/more` },
    { name: "with a query", uri: `${redirectUri}?next=x` },
    { name: "of another port", uri: "http://localhost:5000/callback" },
    { name: "left out", uri: undefined },
    { name: "of script", uri: "javascript:alert(1)//" },
  ];
  for (const { name, uri } of redirects) {
    it(`refuses a redirect address ${name}, and does not go there`, async () => {
      const { url } = await anAuthorization({ redirect_uri: uri });
      const response = await createBrowser(server.origin).open(url);
      assert.equal(response.status, 400);
      assert.equal(response.headers.get("location"), null);
      assert.match(response.headers.get("content-security-policy") ?? "", /default-src 'none'/);
    });
  }

  it("repeats nothing of a bad request on its error page", async () => {
    const markup = "<script>marker()</script>";
    const { url } = await anAuthorization({ redirect_uri: `https://evil.example/${markup}`, state: markup });
    const response = await createBrowser(server.origin).open(url);
    const text = await response.text();
    assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
    assert.ok(!text.includes("marker"));
    assert.ok(!text.includes("evil"));
  });

  it("posts an answer by form where the client asks for it, on a page that runs only the form's script", async () => {
    const { url } = await anAuthorization({ response_mode: "form_post", code_challenge: undefined });
    const response = await createBrowser(server.origin).open(url);
    const script = /<script>([\s\S]*?)<\/script>/.exec(await response.text())?.[1] ?? "";
    const digest = createHash("sha256").update(script).digest("base64");
    const policy = response.headers.get("content-security-policy") ?? "";
    assert.match(policy, /^default-src 'none';script-src 'sha256-/);
    assert.ok(script !== "" && policy.includes(`'sha256-${digest}'`));
    assert.ok(!policy.includes("sandbox"), "a sandboxed page could not send the form");
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    assert.match(response.headers.get("ratelimit") ?? "", /^"address";r=/);
  });

  describe("the sign-in page", () => {
    it("is HTML without script, that names the client as text and may only lead back to it", async () => {
      const page = await toSignInPage(createBrowser(server.origin), (await anAuthorization()).url);
      assert.ok(page.text.includes("The &quot;Shop&quot; &lt;b&gt;&amp;amp;&lt;/b&gt;"));
      assert.ok(!page.text.includes("<script"));
      assert.match(page.text, /<html lang="en">/);
      for (const id of ["email", "password"]) assert.ok(page.text.includes(`<label for="${id}">`));
      const policy = page.headers.get("content-security-policy") ?? "";
      assert.match(policy, /^default-src 'none'; style-src 'sha256-[^']+';/);
      assert.match(policy, /; form-action 'self' http:\/\/localhost:4999;/);
      assert.match(policy, /; frame-ancestors 'none'$/);
      assert.equal(page.headers.get("x-content-type-options"), "nosniff");
      assert.equal(page.headers.get("cache-control"), "no-store");
      assert.equal(page.headers.get("referrer-policy"), "same-origin");
    });

    it("answers a wrong password and an unknown address alike, escapes what was typed, then lets in", async () => {
      const browser = createBrowser(server.origin);
      const page = await toSignInPage(browser, (await anAuthorization()).url);
      const typed = `"><script>alert(1)</script>@example.org`;
      const answers = [
        await browser.submit(page.url, { email, password: "wrong wrong wrong" }),
        await browser.submit(page.url, { email: typed, password }),
      ];
      const texts = await Promise.all(answers.map((answer) => answer.text()));
      for (const answer of answers) assert.equal(answer.status, 401);
      for (const text of texts)
        assert.match(text, /<p role="alert" id="message">The e-mail address or the password/);
      assert.ok(!texts[1]?.includes("<script"));
      assert.equal(browser.cookies.get("bulwark"), undefined);
      const finished = await browser.follow(await browser.submit(page.url, { email, password }), page.url);
      assert.ok(new URL(finished.url).searchParams.get("code"));
    });

    const sources: { name: string; headers: Record<string, string>; status: number }[] = [
      {
        name: "of another site",
        headers: { "sec-fetch-site": "cross-site", origin: "https://evil.example" },
        status: 403,
      },
      { name: "of a sibling domain", headers: { "sec-fetch-site": "same-site" }, status: 403 },
      {
        name: "of another origin, as Origin alone says",
        headers: { origin: "https://evil.example" },
        status: 403,
      },
      { name: "that says nothing of its source", headers: {}, status: 403 },
      { name: "with an opaque origin", headers: { origin: "null" }, status: 403 },
    ];
    for (const { name, headers, status } of sources) {
      it(`refuses a form ${name}`, async () => {
        const browser = createBrowser(server.origin);
        const page = await toSignInPage(browser, (await anAuthorization()).url);
        const cookie = [...browser.cookies].map(([key, value]) => `${key}=${value}`).join("; ");
        const body = new URLSearchParams({ email, password });
        const response = await fetch(page.url, { method: "POST", headers: { cookie, ...headers }, body });
        assert.equal(response.status, status);
        assert.deepEqual(response.headers.getSetCookie(), []);
      });
    }

    it("takes a form whose Origin alone is our own", async () => {
      const browser = createBrowser(server.origin);
      const page = await toSignInPage(browser, (await anAuthorization()).url);
      const cookie = [...browser.cookies].map(([key, value]) => `${key}=${value}`).join("; ");
      const init = {
        method: "POST",
        redirect: "manual",
        body: new URLSearchParams({ email, password }),
      } as const;
      const response = await fetch(page.url, { ...init, headers: { cookie, origin: server.origin } });
      assert.equal(response.status, 303);
    });

    it("refuses an interaction of another browser", async () => {
      const page = await toSignInPage(createBrowser(server.origin), (await anAuthorization()).url);
      const stranger = createBrowser(server.origin);
      assert.equal((await stranger.open(page.url)).status, 400);
      assert.equal((await stranger.submit(page.url, { email, password })).status, 400);
      assert.equal(stranger.cookies.get("bulwark"), undefined);
    });

    it("gives the browser a new session, and ends the one it came with", async () => {
      const browser = createBrowser(server.origin);
      const planted = await server.identity.sessions.create(account.id);
      assert.ok(planted);
      browser.setCookie("bulwark", planted.cookieValue);
      const page = await toSignInPage(browser, (await anAuthorization({ prompt: "login" })).url);
      await browser.submit(page.url, { email, password });
      assert.notEqual(browser.cookies.get("bulwark"), planted.cookieValue);
      assert.equal(await server.identity.findSession(planted.cookieValue), undefined);
    });
  });
});
