/** Signing in and out with JSON, over real HTTP. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { createBrowser } from "../../../testing/browser.ts";
import { createClock, type TestClock } from "../../../testing/clock.ts";
import { postgresMissing, startPostgres } from "../../../testing/postgres.ts";
import { startIdentityServer, type TestIdentityServer } from "../../testing/identity-server.ts";

const email = "ada@example.org";
const password = "a long enough password";

interface Body {
  readonly code?: string;
  readonly account?: { readonly id: string; readonly email: string; readonly roles: readonly string[] };
  readonly session?: { readonly id: string; readonly expiresAt: string };
}

describe("the session routes", () => {
  let server: TestIdentityServer;
  let clock: TestClock;
  before(async () => {
    clock = createClock();
    server = await startIdentityServer({ now: clock.now, limits: { signIn: "1000/1m" } });
    await server.identity.accounts.create({ email, password, roles: ["user"] });
  });
  after(() => server.stop());

  type Headers = Readonly<Record<string, string>>;
  const post = async (path: string, body: unknown, headers: Headers = {}) => {
    const json = body === undefined ? {} : { "content-type": "application/json" };
    const response = await fetch(`${server.origin}${path}`, {
      method: "POST",
      headers: { ...json, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return read(response);
  };
  const get = async (path: string, headers: Headers = {}) =>
    read(await fetch(`${server.origin}${path}`, { headers }));
  const read = async (response: Response) => {
    const text = await response.text();
    const [setCookie] = response.headers.getSetCookie();
    return {
      status: response.status,
      type: response.headers.get("content-type"),
      headers: response.headers,
      body: (text === "" ? {} : JSON.parse(text)) as Body,
      setCookie,
      cookie: setCookie?.split(";")[0] ?? "",
    };
  };
  const signIn = (headers: Headers = {}) => post("/auth/sign-in", { email, password }, headers);
  const own = (): Headers => ({ "sec-fetch-site": "same-origin", origin: server.origin });

  it("give a session for the right password, and say whose it is", async () => {
    const answer = await signIn();
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.body.account?.roles, ["user"]);
    assert.equal(answer.body.account?.email, email);
    assert.equal(answer.body.session?.expiresAt, new Date(clock.now() + 12 * 3_600_000).toISOString());
    assert.match(
      answer.setCookie ?? "",
      /^bulwark=[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; SameSite=Lax$/,
    );
    assert.equal(answer.headers.get("cache-control"), "no-store");
    const whoAmI = await get("/auth/session", { cookie: answer.cookie });
    assert.equal(whoAmI.status, 200);
    assert.deepEqual(whoAmI.body, answer.body);
  });

  it("answer the same, to the byte, for a wrong password and an unknown address", async () => {
    const wrong = await post("/auth/sign-in", { email, password: "wrong wrong wrong" });
    const unknown = await post("/auth/sign-in", { email: "nobody@example.org", password });
    assert.equal(wrong.status, 401);
    assert.equal(wrong.body.code, "sign_in_failed");
    assert.equal(wrong.type, "application/problem+json; charset=utf-8");
    assert.equal(wrong.setCookie, undefined);
    assert.deepEqual(unknown.body, wrong.body);
    assert.equal(unknown.status, wrong.status);
    const changing = ["date", "ratelimit"];
    const fixed = ({ headers }: typeof wrong) => [...headers].filter(([name]) => !changing.includes(name));
    assert.deepEqual(fixed(unknown), fixed(wrong));
  });

  const malformed: { name: string; body: unknown }[] = [
    { name: "without a password", body: { email } },
    { name: "with a field too many", body: { email, password, role: "admin" } },
    { name: "with a password that is no text", body: { email, password: { $ne: "" } } },
    { name: "with an array", body: [email, password] },
    { name: "with a very long password", body: { email, password: "a".repeat(1_025) } },
  ];
  for (const { name, body } of malformed) {
    it(`refuse a sign-in ${name}`, async () => {
      const answer = await post("/auth/sign-in", body);
      assert.equal(answer.status, 422);
      assert.equal(answer.setCookie, undefined);
    });
  }

  it("refuse a sign-in that is no JSON", async () => {
    const body = new URLSearchParams({ email, password });
    const response = await fetch(`${server.origin}/auth/sign-in`, { method: "POST", body });
    assert.equal(response.status, 415);
  });

  it("refuse a sign-in from another site, and take one from our own page", async () => {
    const sources: Headers[] = [
      { "sec-fetch-site": "cross-site", origin: "https://evil.example" },
      { "sec-fetch-site": "same-site" },
      { origin: "https://evil.example" },
      { origin: "null" },
    ];
    for (const source of sources) {
      const answer = await signIn(source);
      assert.equal(answer.status, 403);
      assert.equal(answer.body.code, "cross_site_refused");
      assert.equal(answer.setCookie, undefined);
    }
    assert.equal((await signIn(own())).status, 200);
    assert.equal((await signIn({ origin: server.origin })).status, 200);
  });

  it("give a new id at each sign-in, and end the session the browser came with", async () => {
    const first = await signIn();
    const second = await signIn({ cookie: first.cookie });
    assert.notEqual(second.cookie, first.cookie);
    assert.equal((await get("/auth/session", { cookie: first.cookie })).status, 401);
    assert.equal((await get("/auth/session", { cookie: second.cookie })).status, 200);
  });

  it("keep the session the browser came with when the sign-in fails", async () => {
    const first = await signIn();
    await post("/auth/sign-in", { email, password: "wrong wrong wrong" }, { cookie: first.cookie });
    assert.equal((await get("/auth/session", { cookie: first.cookie })).status, 200);
  });

  it("never take over a session value the client made up", async () => {
    const planted = `bulwark=${Buffer.alloc(32, 1).toString("base64url")}`;
    const answer = await signIn({ cookie: planted });
    assert.notEqual(answer.cookie, planted);
    assert.equal((await get("/auth/session", { cookie: planted })).status, 401);
  });

  it("end a session for good at sign-out, and clear the cookie", async () => {
    const { cookie } = await signIn();
    const answer = await post("/auth/sign-out", undefined, { ...own(), cookie });
    assert.equal(answer.status, 204);
    assert.equal(answer.setCookie, "bulwark=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax");
    assert.equal((await get("/auth/session", { cookie })).status, 401);
  });

  it("refuse a sign-out by cookie from another site, or from nowhere that is said", async () => {
    const { cookie } = await signIn();
    for (const source of [
      {},
      { "sec-fetch-site": "cross-site" },
      { origin: "https://evil.example" },
    ] as Headers[]) {
      const answer = await post("/auth/sign-out", undefined, { ...source, cookie });
      assert.equal(answer.status, 403);
      assert.equal((await get("/auth/session", { cookie })).status, 200);
    }
  });

  it("end every session a sign-out comes with: of two cookies nobody can say which was planted", async () => {
    const [first, second] = [await signIn(), await signIn()];
    const answer = await post("/auth/sign-out", undefined, {
      ...own(),
      cookie: `${first.cookie}; ${second.cookie}`,
    });
    assert.equal(answer.status, 204);
    for (const { cookie } of [first, second])
      assert.equal((await get("/auth/session", { cookie })).status, 401);
  });

  it("take a sign-out without a session for done", async () => {
    assert.equal((await post("/auth/sign-out", undefined)).status, 204);
  });

  it("say 401 to a caller without a session", async () => {
    for (const cookie of ["", "bulwark=", "bulwark=x", `bulwark=${"A".repeat(43)}`]) {
      const answer = await get("/auth/session", { cookie });
      assert.equal(answer.status, 401);
      assert.equal(answer.body.code, "not_signed_in");
      assert.ok(answer.headers.get("www-authenticate"));
    }
  });

  it("find no session that was idle for half an hour", async () => {
    const { cookie } = await signIn();
    clock.advance(30 * 60_000 - 1);
    assert.equal((await get("/auth/session", { cookie })).status, 200);
    clock.advance(30 * 60_000);
    assert.equal((await get("/auth/session", { cookie })).status, 401);
  });
});

describe("the limit on sign-ins", () => {
  it("refuses the next sign-in of an address, by either door, with the time to wait", async (test) => {
    const server = await startIdentityServer({ limits: { signIn: "2/1m" } });
    test.after(() => server.stop());
    const attempt = () =>
      fetch(`${server.origin}/auth/sign-in`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ email, password }),
      });
    assert.equal((await attempt()).status, 401);
    assert.equal((await attempt()).status, 401);
    const refused = await attempt();
    assert.equal(refused.status, 429);
    assert.ok(Number(refused.headers.get("retry-after")) > 0);
    assert.equal((await fetch(`${server.origin}/auth/session`)).status, 401);

    const form = () =>
      fetch(`${server.origin}/oauth/interaction/x`, {
        method: "POST",
        body: new URLSearchParams({ email, password }),
      });
    assert.equal((await form()).status, 429);
  });
});

describe("a database that goes away", () => {
  it("ends no session and opens none: sign-in, look-up and sign-out answer 503, tokens none", async (test) => {
    const postgres = await startPostgres();
    if (postgres === undefined) return test.skip(postgresMissing);
    test.after(() => postgres.stop());
    const server = await startIdentityServer({ databaseUrl: postgres.url });
    test.after(() => server.stop());
    const { identity, origin } = server;
    const redirect = "http://localhost:4999/callback";
    await identity.clients.create({
      id: "shop",
      name: "Shop",
      grantTypes: ["authorization_code"],
      redirectUris: [redirect],
    });
    const challenge = "a".repeat(43);
    const request = `client_id=shop&response_type=code&redirect_uri=${redirect}&scope=openid&code_challenge=${challenge}`;
    const authorization = `${origin}/oauth/auth?${request}&code_challenge_method=S256`;
    const browser = createBrowser(origin);
    const page = await browser.follow(await browser.open(authorization), authorization);
    assert.equal(page.response.status, 200);
    const account = await identity.accounts.create({ email, password });
    const opened = await identity.sessions.create(account.id);
    assert.ok(opened);
    const cookie = `bulwark=${opened.cookieValue}`;
    assert.equal((await fetch(`${origin}/auth/session`, { headers: { cookie } })).status, 200);

    await postgres.crash();

    await assert.rejects(identity.findSession(opened.cookieValue));
    const init = { method: "POST", headers: { cookie, origin, "content-type": "application/json" } };
    const body = JSON.stringify({ email, password });
    const answers = [
      await fetch(`${origin}/auth/session`, { headers: { cookie } }),
      await fetch(`${origin}/auth/sign-in`, { ...init, body }),
      await fetch(`${origin}/auth/sign-out`, { method: "POST", headers: { cookie, origin } }),
    ];
    for (const answer of answers) {
      assert.equal(answer.status, 503);
      assert.ok(Number(answer.headers.get("retry-after")) > 0);
      assert.deepEqual(answer.headers.getSetCookie(), []);
    }
    for (const answer of [
      await browser.open(page.url),
      await browser.submit(page.url, { email, password }),
    ]) {
      assert.equal(answer.status, 503);
      assert.ok(Number(answer.headers.get("retry-after")) > 0);
    }
    const authorize = await fetch(`${origin}/oauth/auth?client_id=shop`, {
      headers: { cookie },
      redirect: "manual",
    });
    assert.equal(authorize.status, 503);
    const form = new URLSearchParams({
      grant_type: "client_credentials",
      client_id: "a",
      client_secret: "b",
    });
    const token = await fetch(`${origin}/oauth/token`, { method: "POST", body: form });
    assert.equal(token.status, 503);
  });
});
