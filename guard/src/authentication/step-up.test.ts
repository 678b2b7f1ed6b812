/** Step-up (RFC 9470): what a route or a grant demands of the caller's sign-in. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { defineSecurity } from "../contract/define-security.ts";
import { resource } from "../contract/resource.ts";
import { createJudge } from "../pipeline/testing/judge.ts";
import { createClientKey, createIssuer, type MintOptions } from "../testing/index.ts";

const issuer = createIssuer({ claims: { roles: ["user"] } });
const { clock } = issuer;
const order = resource("order", { actions: ["read", "delete"], attributes: {} });
const security = defineSecurity({
  ...issuer.contract,
  assurance: { password: ["1"], mfa: ["2", "urn:example:mfa"], hardware: ["3"] },
  resources: [order],
  roles: {
    user: { grants: [order.allow("read"), order.allow("delete", { assurance: "mfa", maxAge: "15m" })] },
    root: { grants: [order.allow("delete")] },
  },
});
const { judge } = createJudge({ security, now: clock.now });
const signedIn = (acr: string | undefined, secondsAgo = 0, more: MintOptions = {}): MintOptions => ({
  ...more,
  claims: { acr, auth_time: Math.floor(clock.now() / 1000) - secondsAgo, ...more.claims },
});
const bring = (options: MintOptions, declaration: Parameters<typeof judge>[1]) =>
  judge({ headers: { authorization: `Bearer ${issuer.mint(options)}` } }, declaration);

const mfa = { authenticated: true, assurance: "mfa" } as const;
const fresh = { authenticated: true, maxAge: "5m" } as const;
const both = { authenticated: true, assurance: "mfa", maxAge: "5m" } as const;
const remove = { permission: "order:delete", list: true } as const;

describe("a route or grant that demands a better sign-in", () => {
  const rows = [
    { name: "a level that is met", options: signedIn("mfa"), route: mfa, ok: true },
    { name: "another name of it", options: signedIn("urn:example:mfa"), route: mfa, ok: true },
    { name: "a stronger one", options: signedIn("3"), route: mfa, ok: true },
    { name: "a weaker one", options: signedIn("password"), route: mfa, ok: false },
    { name: "one nobody declared", options: signedIn("MFA"), route: mfa, ok: false },
    { name: "none", options: signedIn(undefined), route: mfa, ok: false },
    { name: "a fresh sign-in", options: signedIn(undefined, 299), route: fresh, ok: true },
    { name: "an old sign-in", options: signedIn("3", 302), route: fresh, ok: false },
    { name: "a sign-in at no known time", options: { claims: { acr: "mfa" } }, route: fresh, ok: false },
    { name: "a sign-in a little ahead of our clock", options: signedIn("mfa", -3), route: both, ok: true },
    { name: "both met", options: signedIn("mfa", 10), route: both, ok: true },
    { name: "strong and old", options: signedIn("mfa", 400), route: both, ok: false },
    { name: "fresh and weak", options: signedIn("password", 10), route: both, ok: false },
    { name: "a grant's demand that is met", options: signedIn("mfa", 10), route: remove, ok: true },
    { name: "a grant's demand that is not", options: signedIn("mfa", 1_000), route: remove, ok: false },
    {
      name: "another role's grant without a demand",
      options: signedIn(undefined, 0, { claims: { roles: ["user", "root"] } }),
      route: remove,
      ok: true,
    },
  ];
  for (const { name, options, route, ok } of rows) {
    test(`${ok ? "takes" : "asks for more than"} ${name}`, async () => {
      const { code, status } = await bring(options, route);
      assert.deepEqual([code, status], ok ? ["accepted", 200] : ["step_up_needed", 401]);
    });
  }

  test("names what to bring in its challenge, in the token's own scheme", async () => {
    const { fields } = await bring(signedIn("password"), both);
    assert.equal(
      fields["www-authenticate"],
      'Bearer error="insufficient_user_authentication", error_description="A stronger or fresher sign-in is needed.", ' +
        'acr_values="mfa 2 urn:example:mfa hardware 3", max_age="300"',
    );
    const client = createClientKey();
    const token = issuer.mint({ claims: { cnf: { jkt: client.thumbprint } } });
    const dpop = client.prove({ method: "GET", url: "https://api.example/thing", token, nowMs: clock.now() });
    const bound = await judge({ headers: { authorization: `DPoP ${token}`, dpop } }, mfa);
    assert.match(bound.fields["www-authenticate"] ?? "", /^DPoP error="insufficient_user_authentication"/);
  });

  test("is looked at anew on each request: a kept token grows old", async () => {
    const token = issuer.mint(signedIn("mfa", 290));
    const request = { headers: { authorization: `Bearer ${token}` } };
    assert.equal((await judge(request, fresh)).code, "accepted");
    clock.advance(11_000);
    assert.equal((await judge(request, fresh)).code, "step_up_needed");
  });

  test("refuses a token that was signed in later than now: it would be fresh for ever", async () => {
    assert.equal((await bring(signedIn("mfa", -600), fresh)).reason, "token_not_yet_valid");
  });

  test("refuses without a step-up who has no such permission at all", async () => {
    const { code } = await bring(signedIn("mfa", 0, { claims: { roles: ["nobody"] } }), remove);
    assert.equal(code, "permission_denied");
  });

  test("does not start with a level or an age that means nothing", async () => {
    for (const [declaration, code] of [
      [{ authenticated: true, assurance: "strong" }, "assurance_unknown"],
      [{ authenticated: true, maxAge: "soon" }, "duration_invalid"],
      [{ public: true, assurance: "mfa" }, "route_conflict"],
    ] as const) {
      await assert.rejects(judge({}, declaration), { code });
    }
    const declare = (options: object) => () =>
      defineSecurity({ ...issuer.contract, resources: [order], roles: {}, ...options });
    assert.throws(declare({ assurance: { one: ["x"], two: ["x"] } }), { code: "option_invalid" });
    assert.throws(declare({ assurance: { 'quo"te': [] } }), { code: "option_invalid" });
    const roles = { user: { grants: [order.allow("delete", { assurance: "strong" })] } };
    assert.throws(declare({ roles }), { code: "assurance_unknown" });
  });
});
