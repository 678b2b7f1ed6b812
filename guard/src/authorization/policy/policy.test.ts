/** An engine of a team's own, and how any engine is held to a clear answer in time. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { defineSecurity } from "../../contract/define-security.ts";
import type { ContractError } from "../../contract/refusal.ts";
import { all, any, type Condition } from "../conditions/condition.ts";
import type { PolicyEngine, PolicyInput } from "./engine.ts";
import { PolicyUntranslatableError } from "./engine.ts";
import { createPolicy, type PolicyFailure } from "./policy.ts";
import { inputAbout, nowMs, thing, things } from "./testing/things.ts";

/** In-process, no network: nothing is written between midnight and six, and nobody lists what is not of their team. */
const nightRest: PolicyEngine = {
  name: "night rest",
  permissions: ["thing:read", "thing:update"],
  claims: ["team"],
  decide: ({ nowMs: at, action }) =>
    action === "update" && new Date(at).getUTCHours() < 6
      ? { effect: "deny", reason: "it is night", code: "night" }
      : { effect: "allow", reason: "it is day" },
  filter: ({ principal: { claims } }) =>
    typeof claims.team === "string" ? thing.where.team.eq(claims.team) : "none",
};
const { permissions } = things.roles;
const held = (engine: Partial<PolicyEngine> | object) =>
  createPolicy({ name: "test", ...engine } as PolicyEngine, permissions);

describe("an engine of a team's own", () => {
  const input = inputAbout();

  test("is written in a few lines, and answers without anything being awaited", () => {
    const policy = held(nightRest);
    const update = { ...input, action: "update", permission: "thing:update" };
    const night: PolicyInput = { ...update, nowMs: Date.UTC(2030, 0, 1, 3) };
    assert.deepEqual(
      [policy.decide(update), policy.decide(night)].map((one) => "effect" in one && one.effect),
      ["allow", "deny"],
    );
    assert.deepEqual(policy.filter(input, thing), thing.where.team.eq("red"));
    assert.equal(policy.filter({ ...input, principal: { ...input.principal, claims: {} } }, thing), "none");
  });

  test("is asked about the permissions it names, and about all where it names none", () => {
    assert.deepEqual(
      ["thing:read", "thing:update"].map((name) =>
        held({ ...nightRest, permissions: ["thing:read"] }).appliesTo(name),
      ),
      [true, false],
    );
    assert.equal(held({ decide: nightRest.decide }).appliesTo("thing:update"), true);
  });

  test("says how it stands in the policy's health, and counts", async () => {
    const policy = held({ ...nightRest, trouble: () => "it is tired" });
    assert.deepEqual([policy.health().state, policy.health().trouble], ["unasked", "it is tired"]);
    await policy.decide(input);
    await policy.filter(input, thing);
    const { state, counts, lastAnswerAtMs, lastFailureAtMs } = policy.health();
    assert.deepEqual([state, counts], ["answering", { allowed: 1, denied: 0, filtered: 1, failed: 0 }]);
    assert.ok(typeof lastAnswerAtMs === "number" && lastFailureAtMs === undefined);
  });

  const answers: readonly { readonly name: string; readonly give: () => unknown; readonly fails: boolean }[] =
    [
      { name: "an allow", give: () => ({ effect: "allow", reason: "" }), fails: false },
      {
        name: "a denial with everything",
        give: () => ({ effect: "deny", reason: "r", code: "a_b", hide: true, decisionId: "1" }),
        fails: false,
      },
      { name: "a promise of an allow", give: async () => ({ effect: "allow", reason: "" }), fails: false },
      { name: "true", give: () => true, fails: true },
      { name: "nothing", give: () => undefined, fails: true },
      { name: "null", give: () => null, fails: true },
      { name: "a promise of nothing", give: async () => undefined, fails: true },
      { name: "another effect", give: () => ({ effect: "permit", reason: "" }), fails: true },
      { name: "no reason", give: () => ({ effect: "allow" }), fails: true },
      {
        name: "a code of several words",
        give: () => ({ effect: "deny", reason: "", code: "No <b>way</b>" }),
        fails: true,
      },
      {
        name: "a `hide` that is no boolean",
        give: () => ({ effect: "deny", reason: "", hide: 1 }),
        fails: true,
      },
      {
        name: "an error",
        give: () => {
          throw new Error("broken");
        },
        fails: true,
      },
      {
        name: "something thrown that is no error",
        give: () => {
          throw "broken";
        },
        fails: true,
      },
      { name: "a rejection", give: () => Promise.reject(new Error("broken")), fails: true },
      { name: "a promise that is never kept", give: () => new Promise(() => {}), fails: true },
      // biome-ignore lint/suspicious/noThenProperty: it is what is tested.
      { name: "a thenable that is never kept", give: () => ({ then() {} }), fails: true },
      {
        name: "an answer that comes too late",
        give: () => new Promise((resolve) => setTimeout(resolve, 150, { effect: "allow", reason: "" })),
        fails: true,
      },
    ];
  for (const { name, give, fails } of answers) {
    test(`${fails ? "denies" : "is understood"} where it gives ${name}`, async () => {
      const policy = held({ decide: give, timeoutMs: 50 });
      const begun = performance.now();
      assert.equal((await policy.decide(input)).effect === "fail", fails);
      assert.ok(performance.now() - begun < 140);
      assert.equal(policy.health().state, fails ? "failing" : "answering");
    });
  }

  const wide = any(...Array.from({ length: 1_001 }, (_, index) => thing.where.total.eq(index)));
  const reaches: readonly { readonly name: string; readonly give: () => unknown; readonly fails: boolean }[] =
    [
      { name: "everything", give: () => "all", fails: false },
      { name: "nothing", give: () => "none", fails: false },
      { name: "a condition", give: () => all(thing.where.paid.eq(true)), fails: false },
      { name: "another word", give: () => "some", fails: true },
      { name: "true", give: () => true, fails: true },
      { name: "nothing at all", give: () => undefined, fails: true },
      { name: "a decision", give: () => ({ effect: "allow", reason: "" }), fails: true },
      {
        name: "a condition over another resource",
        give: () => ({ ...thing.where.paid.eq(true), resource: "other" }),
        fails: true,
      },
      { name: "a condition of none", give: () => ({ kind: "all", conditions: [] }), fails: true },
      { name: "a thousand conditions", give: () => wide, fails: true },
    ];
  for (const { name, give, fails } of reaches) {
    test(`${fails ? "denies a list" : "is understood about a list"} where it gives ${name}`, async () => {
      const policy = held({ decide: nightRest.decide, filter: give });
      const reach = (await policy.filter(input, thing)) as Condition | string | PolicyFailure;
      assert.equal(
        typeof reach === "object" && "effect" in reach,
        fails,
        JSON.stringify(reach).slice(0, 200),
      );
    });
  }

  test("tells which lists it cannot be asked about, until it can", async () => {
    let translatable = false;
    const filter = () => {
      if (translatable) return "all";
      throw new PolicyUntranslatableError("it looks at the weather");
    };
    const policy = held({ decide: nightRest.decide, filter });
    assert.equal(((await policy.filter(input, thing)) as PolicyFailure).untranslatable, true);
    assert.deepEqual(policy.health().untranslatable, ["thing:read"]);
    translatable = true;
    await policy.filter(input, thing);
    assert.deepEqual(policy.health().untranslatable, []);
  });
});

describe("a contract with a policy", () => {
  const sound = {
    issuer: "https://issuer.example",
    audience: "https://api.example",
    resources: [thing],
    database: "sqlite",
    roles: { user: { grants: [thing.allow("read")] } },
  } as const;

  test("carries it, for whoever asks outside of a request", async () => {
    const { policy } = defineSecurity({ ...sound, policy: nightRest });
    assert.equal(policy?.name, "night rest");
    assert.equal((await policy?.decide(inputAbout()))?.effect, "allow");
    assert.equal(inputAbout().nowMs, nowMs);
    assert.equal(defineSecurity(sound).policy, undefined);
  });

  const refused: readonly { readonly name: string; readonly change: object; readonly code: string }[] = [
    { name: "that is no engine", change: { policy: "orders/allow" }, code: "option_invalid" },
    { name: "that decides nothing", change: { policy: { name: "x" } }, code: "option_invalid" },
    { name: "without a name", change: { policy: { ...nightRest, name: "" } }, code: "option_invalid" },
    {
      name: "asked about nothing",
      change: { policy: { ...nightRest, permissions: [] } },
      code: "option_invalid",
    },
    {
      name: "asked about an unknown permission",
      change: { policy: { ...nightRest, permissions: ["thing:eat"] } },
      code: "permission_unknown",
    },
    {
      name: "that is given forever",
      change: { policy: { ...nightRest, timeoutMs: 3_600_000 } },
      code: "option_invalid",
    },
    {
      name: "that is told a claim without a name",
      change: { policy: { ...nightRest, claims: [""] } },
      code: "option_invalid",
    },
    {
      name: "and no database to filter for",
      change: { policy: nightRest, database: undefined },
      code: "database_undeclared",
    },
  ];
  for (const { name, change, code } of refused) {
    test(`is refused with one ${name}`, () => {
      const options = { ...sound, ...change } as unknown as Parameters<typeof defineSecurity>[0];
      assert.throws(() => defineSecurity(options), { name: "ContractError", code } as Partial<ContractError>);
    });
  }
});
