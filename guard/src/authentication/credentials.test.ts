/** Which credentials a route takes, how many at once, and what becomes of them when something is revoked. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { defineSecurity, type SecurityOptions } from "../contract/define-security.ts";
import type { Resource } from "../contract/resource.ts";
import { resource } from "../contract/resource.ts";
import { createJudge } from "../pipeline/testing/judge.ts";
import { createClientKey, createIssuer } from "../testing/index.ts";
import { formatApiKey } from "./api-key-format.ts";
import type { FeedEvent, FeedSubscriber } from "./feed/feed.ts";
import type { ApiKey, IdentitySource, Session } from "./identity-source.ts";

const issuer = createIssuer();
const { now } = issuer.clock;
const cookie = "bulwark=".concat("c".repeat(43));
const key = formatApiKey({ id: "k".repeat(16), secret: "s".repeat(43) });
const order = resource("order", { actions: ["read", "update"], attributes: {} });

/** An identity server's answers, and its feed, in a test's hand. */
function createSource() {
  const subscribers = new Set<FeedSubscriber>();
  const session: Session = {
    id: "session-1",
    accountId: "alice",
    roles: ["user"],
    claims: {},
    assurance: "password",
    authenticatedAtMs: now(),
    expiresAtMs: now() + 3_600_000,
  };
  const apiKey: ApiKey = {
    id: "k".repeat(16),
    ownerId: "shop",
    ownerKind: "client",
    roles: ["user"],
    claims: {},
    scopes: ["order:read"],
    expiresAtMs: undefined,
  };
  const state = {
    session: session as Session | undefined,
    apiKey: apiKey as ApiKey | undefined,
    fails: false,
  };
  const asked = { sessions: 0, apiKeys: 0 };
  const answer = async <T>(value: T): Promise<T> => {
    if (state.fails) throw new Error("The store does not answer.");
    return value;
  };
  const source: IdentitySource = {
    issuer: issuer.issuer,
    sessionCookieName: "bulwark",
    keys: async () => issuer.keys,
    findSession: (value) => {
      asked.sessions += 1;
      return answer(cookie.endsWith(value) ? state.session : undefined);
    },
    findApiKey: (_id, secret) => {
      asked.apiKeys += 1;
      return answer(secret === "s".repeat(43) ? state.apiKey : undefined);
    },
    subscribe: (subscriber) => {
      subscribers.add(subscriber);
      return () => subscribers.delete(subscriber);
    },
  };
  const tell = (event: FeedEvent) => {
    for (const subscriber of subscribers) subscriber.event(event);
  };
  const each = (name: "synchronised" | "lost" | "reset") => {
    for (const subscriber of subscribers) subscriber[name]();
  };
  return { source, state, asked, tell, each, subscribers };
}

function start(options: Partial<SecurityOptions<readonly Resource[], string>> = {}) {
  const identity = createSource();
  const security = defineSecurity({
    ...issuer.contract,
    resources: [order],
    roles: { user: { grants: [order.allow("read"), order.allow("update")] } },
    ...options,
  });
  const judge = createJudge({ security, identity: identity.source, now });
  identity.each("synchronised");
  return { ...identity, ...judge };
}

const revoked = (target: object) => ({ kind: "revoked", beforeMs: now() + 1_000, ...target }) as FeedEvent;
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

describe("the kinds of credential", () => {
  const client = createClientKey();
  const certificate = Buffer.from("a certificate in DER");
  const x5t = createHash("sha256").update(certificate).digest("base64url");
  const present = {
    bearer: () => bearer(issuer.mint()),
    dpop: () => {
      const token = issuer.mint({ claims: { cnf: { jkt: client.thumbprint } } });
      const dpop = client.prove({ method: "GET", url: "https://api.example/thing", token, nowMs: now() });
      return { headers: { authorization: `DPoP ${token}`, dpop } };
    },
    mtls: () => ({ ...bearer(issuer.mint({ claims: { cnf: { "x5t#S256": x5t } } })), certificate }),
    session: () => ({ headers: { cookie } }),
    apiKey: () => ({ headers: { "x-api-key": key } }),
  };
  const kinds = Object.keys(present) as (keyof typeof present)[];

  test("are all taken where a route does not say, and say what they are", async () => {
    const { judge } = start();
    for (const kind of kinds) {
      const { code, reason, exchange } = await judge(present[kind]());
      assert.equal(code, "accepted", `${kind}: ${reason}`);
      assert.equal(exchange.caller?.principal.credential, kind);
    }
  });

  for (const kind of kinds) {
    test(`are only \`${kind}\` where the route says so`, async () => {
      const { judge } = start();
      const declaration = { authenticated: true, credentials: [kind] } as const;
      for (const other of kinds) {
        const { status, code } = await judge(present[other](), declaration);
        assert.equal(status, other === kind ? 200 : 401, `${other}: ${code}`);
      }
    });
  }

  test("are the contract's where it names them, and cannot be what nothing here checks", async () => {
    const { judge } = start({ credentials: ["apiKey"] });
    assert.equal((await judge(present.bearer())).status, 401);
    assert.equal((await judge(present.apiKey())).status, 200);
    const security = defineSecurity({ ...issuer.contract, resources: [], roles: {} });
    const { judge: alone } = createJudge({ security });
    await assert.rejects(alone({}, { authenticated: true, credentials: ["session"] }), {
      code: "credential_unavailable",
    });
    await assert.rejects(alone({}, { authenticated: true, credentials: ["cookie" as never] }), {
      code: "credential_unknown",
    });
    await assert.rejects(alone({}, { public: true, credentials: ["bearer"] }), { code: "route_conflict" });
  });

  test("are asked for by the challenge of what the route takes", async () => {
    const { judge } = start();
    const rows = [
      { credentials: ["bearer"], challenge: "Bearer" },
      { credentials: ["dpop"], challenge: 'DPoP algs="ES256 EdDSA"' },
      { credentials: ["bearer", "dpop"], challenge: 'Bearer, DPoP algs="ES256 EdDSA"' },
      { credentials: ["session"], challenge: "Session" },
    ] as const;
    for (const { credentials, challenge } of rows) {
      const { fields } = await judge({}, { authenticated: true, credentials });
      assert.equal(fields["www-authenticate"], challenge);
    }
  });

  test("are one: two at once are refused, in any pair", async () => {
    const { judge } = start();
    const token = `Bearer ${issuer.mint()}`;
    const pairs = [
      { headers: { authorization: token, cookie } },
      { headers: { authorization: token, "x-api-key": key } },
      { headers: { "x-api-key": key, cookie } },
      { headers: { cookie: `${cookie}; ${cookie}` } },
      { headers: { authorization: token }, rawHeaders: ["Authorization", token, "authorization", token] },
    ];
    for (const pair of pairs)
      assert.equal((await judge(pair)).code, "credentials_ambiguous", JSON.stringify(pair));
    const narrow = [
      { pair: pairs[0], credentials: ["session"] },
      { pair: pairs[0], credentials: ["bearer"] },
      { pair: pairs[2], credentials: ["session"] },
      {
        pair: { headers: { "x-api-key": key }, rawHeaders: ["X-API-Key", key, "x-api-key", key] },
        credentials: ["apiKey"],
      },
    ] as const;
    for (const { pair = {}, credentials } of narrow) {
      const { code } = await judge(pair, { authenticated: true, credentials });
      assert.equal(code, "credentials_ambiguous", `${credentials}: ${JSON.stringify(pair)}`);
    }
    const once = { headers: { authorization: token }, rawHeaders: ["Authorization", token, "Accept", "*/*"] };
    assert.equal((await judge(once)).code, "accepted");
  });

  test("come in the field that is theirs", async () => {
    const { judge } = start();
    const token = `Bearer ${issuer.mint()}`;
    assert.equal((await judge({ headers: { "x-api-key": token } })).reason, "api_key_malformed");
    assert.equal((await judge({ headers: { authorization: key } })).reason, "credential_scheme");
  });

  test("bound to a certificate count only on its connection (RFC 8705)", async () => {
    const { judge } = start();
    const request = present.mtls();
    assert.equal((await judge({ ...request, certificate: Buffer.from("another") })).reason, "token_bound");
    const { headers } = request;
    assert.equal((await judge({ headers })).reason, "token_bound");
    assert.equal((await judge(request)).code, "accepted");
  });
});

describe("API keys", () => {
  test("act for their owner, within their scopes, in either field, and are kept for a minute", async () => {
    const { judge, asked } = start();
    const read = { permission: "order:read", list: true } as const;
    for (const headers of [
      { "x-api-key": key },
      { authorization: `Bearer ${key}` },
      { authorization: `bearer ${key}` },
    ]) {
      const { code, exchange } = await judge({ headers }, read);
      assert.equal(code, "accepted");
      assert.equal(exchange.caller?.principal.id, "shop");
    }
    assert.equal(asked.apiKeys, 3);
    await judge({ headers: { authorization: `bearer ${key}` } });
    assert.equal(asked.apiKeys, 3);
    const refused = await judge(
      { headers: { "x-api-key": key } },
      { permission: "order:update", list: true },
    );
    assert.equal(refused.code, "permission_denied");
    const before = asked.apiKeys;
    issuer.clock.advance(60_000);
    await judge({ headers: { "x-api-key": key } });
    assert.equal(asked.apiKeys, before + 1);
  });

  test("with a typing error ask nobody, with a wrong secret prove nothing", async () => {
    const { judge, asked, state } = start();
    const typo = key.replace("ssss", "ssst");
    assert.equal((await judge({ headers: { "x-api-key": typo } })).reason, "api_key_malformed");
    assert.equal(asked.apiKeys, 0);
    const wrong = formatApiKey({ id: "k".repeat(16), secret: "t".repeat(43) });
    assert.equal((await judge({ headers: { "x-api-key": wrong } })).reason, "api_key_unknown");
    assert.equal((await judge({ headers: { authorization: `DPoP ${key}` } })).reason, "credential_refused");
    state.fails = true;
    assert.equal((await judge({ headers: { "x-api-key": key } })).status, 503);
  });
});

describe("what the feed says", () => {
  test("ends tokens, also kept ones, at once", async () => {
    const { judge, tell } = start();
    const tokens = {
      subject: issuer.mint({ subject: "bob" }),
      session: issuer.mint({ claims: { sid: "s-9" } }),
      token: issuer.mint({ claims: { jti: "t-9" } }),
      untouched: issuer.mint({ subject: "carol" }),
    };
    for (const token of Object.values(tokens)) assert.equal((await judge(bearer(token))).code, "accepted");
    const events = [revoked({ subject: "bob" }), revoked({ session: "s-9" }), revoked({ token: "t-9" })];
    for (const event of events) tell(event);
    for (const [name, token] of Object.entries(tokens)) {
      const { status, reason } = await judge(bearer(token));
      assert.deepEqual(
        [name, status, reason],
        [name, name === "untouched" ? 200 : 401, name === "untouched" ? "" : "token_revoked"],
      );
    }
  });

  test("counts for tokens that are first seen after it, and for every spelling of one", async () => {
    const { judge, tell } = start();
    tell(revoked({ subject: "bob" }));
    const token = issuer.mint({ subject: "bob" });
    assert.equal((await judge(bearer(token))).reason, "token_revoked");
    assert.equal((await judge({ headers: { authorization: `bearer ${token}` } })).reason, "token_revoked");
    issuer.clock.advance(2_000);
    assert.equal((await judge(bearer(issuer.mint({ subject: "bob" })))).code, "accepted");
  });

  test("has sessions and API keys asked for anew, and no others", async () => {
    const { judge, tell, asked, state } = start();
    const session = () => judge({ headers: { cookie } });
    const apiKey = () => judge({ headers: { "x-api-key": key } });
    for (let count = 0; count < 3; count += 1) await Promise.all([session(), apiKey()]);
    const before = { ...asked };
    tell(revoked({ session: "another" }));
    await session();
    assert.deepEqual(asked, before, "another's session is nothing to this one");
    state.session = undefined;
    tell(revoked({ session: "session-1" }));
    assert.equal((await session()).reason, "session_unknown");
    await apiKey();
    assert.equal(asked.apiKeys, before.apiKeys);
    state.apiKey = undefined;
    tell(revoked({ apiKey: "k".repeat(16) }));
    assert.equal((await apiKey()).reason, "api_key_unknown");
  });

  test("that overtakes an answer about a session or a key has it asked for again", async () => {
    const { judge, tell, state, asked } = start();
    const { session, apiKey } = state;
    const rows = [
      { headers: { cookie }, event: revoked({ session: "session-1" }), code: "session_unknown" },
      { headers: { "x-api-key": key }, event: revoked({ apiKey: "k".repeat(16) }), code: "api_key_unknown" },
    ];
    for (const { headers, event, code } of rows) {
      Object.assign(state, { session, apiKey });
      const answer = judge({ headers });
      // The question is under way, and its answer was true when it was asked.
      tell(event);
      Object.assign(state, { session: undefined, apiKey: undefined });
      assert.equal((await answer).reason, code);
      assert.equal((await judge({ headers })).reason, code);
    }
    assert.deepEqual(asked, { sessions: 3, apiKeys: 3 });
  });

  test("is not asked for by each of many at once: they share one question, and only so many are open", async () => {
    const { judge, asked, source } = start();
    const many = await Promise.all(Array.from({ length: 100 }, () => judge({ headers: { cookie } })));
    assert.ok(many.every(({ code }) => code === "accepted"));
    assert.equal(asked.sessions, 1);
    (source as { findSession: unknown }).findSession = () => new Promise(() => {});
    const others = Array.from({ length: 300 }, (_, index) => `bulwark=${String(index).padStart(43, "0")}`);
    const answers = others.map((other) => judge({ headers: { cookie: other } }));
    const refused = await Promise.all(answers.slice(256));
    assert.ok(refused.every(({ status }) => status === 503));
    const odd = await judge({ headers: { cookie: "bulwark=no session looks like that" } });
    assert.equal(odd.reason, "session_unknown");
  });

  test("is missed while it is lost: lookups are asked each time, tokens go on", async () => {
    const { judge, each, asked, guard } = start();
    const token = issuer.mint();
    await judge({ headers: { cookie } });
    each("lost");
    assert.equal(guard.health().feed, "lost");
    for (let count = 0; count < 3; count += 1) await judge({ headers: { cookie } });
    assert.equal(asked.sessions, 4);
    assert.equal((await judge(bearer(token))).code, "accepted");
    each("synchronised");
    assert.deepEqual(guard.health(), { feed: "synchronised", feedLostAtMs: undefined });
    for (let count = 0; count < 3; count += 1) await judge({ headers: { cookie } });
    assert.equal(asked.sessions, 5);
  });

  test("is waited for, as long as the contract says, where it says to deny", async () => {
    const { judge, each } = start({ feed: { whenLost: "deny", grace: "10s" } });
    const token = issuer.mint();
    assert.equal((await judge(bearer(token))).code, "accepted");
    each("lost");
    assert.equal((await judge(bearer(token))).code, "accepted");
    issuer.clock.advance(10_000);
    const refused = await judge(bearer(token));
    assert.deepEqual([refused.status, refused.fields["retry-after"]], [503, "5"]);
    each("synchronised");
    assert.equal((await judge(bearer(token))).code, "accepted");
  });

  test("is waited for by the first requests of a guard that has just started", async () => {
    const identity = createSource();
    const security = defineSecurity({ ...issuer.contract, resources: [], roles: {} });
    const { judge } = createJudge({ security, identity: identity.source, now });
    const answer = judge(bearer(issuer.mint({ subject: "bob" })));
    identity.tell(revoked({ subject: "bob" }));
    identity.each("synchronised");
    assert.equal((await answer).reason, "token_revoked");
  });

  test("is not followed any more once the guard is closed", () => {
    const { guard, subscribers } = start();
    assert.equal(subscribers.size, 1);
    guard.close();
    assert.equal(subscribers.size, 0);
  });
});
