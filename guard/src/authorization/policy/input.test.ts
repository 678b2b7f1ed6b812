/** What a policy is told of rows and callers, poisoned ones included. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { policyInput } from "./input.ts";
import { toInputText } from "./opa/input-text.ts";
import { nowMs, someKey, things } from "./testing/things.ts";

const row = {
  key: someKey,
  team: "red",
  status: null,
  total: "12.50",
  limit: 5,
  paid: 1,
  at: new Date(nowMs),
  secret: "not declared",
};
const principal = { id: "alice", kind: "account", roles: ["user"], claims: {} } as const;
const asked = { principal, permission: "thing:update", row, nowMs };
const withClaim = (claim: unknown) =>
  policyInput(things, { ...asked, principal: { ...principal, claims: { claim, other: 1 } } }, ["claim"]);

describe("a policy is told", () => {
  test("the declared attributes of a row, as they are compared elsewhere, and nothing else", () => {
    const { row: told, after, changes } = policyInput(things, asked);
    assert.deepEqual(told, {
      key: someKey,
      team: "red",
      status: null,
      total: 12.5,
      limit: 5,
      paid: true,
      at: nowMs,
    });
    assert.deepEqual([after, changes], [null, null]);
  });

  test("the row as a write would leave it, and what it changes", () => {
    const { after, changes } = policyInput(things, { ...asked, values: { team: "blue" } });
    assert.deepEqual([after?.team, after?.limit, changes], ["blue", 5, { team: "blue" }]);
    const created = policyInput(things, { ...asked, row: undefined, values: { team: "blue" } });
    assert.deepEqual([created.row, created.after?.team, created.after?.total], [null, "blue", null]);
  });

  test("the time and the sign-in, and of the claims those that are named", () => {
    const input = policyInput(
      things,
      {
        ...asked,
        principal: { ...principal, claims: { team: "red", email: "a@b.example" } },
        assurance: "mfa",
        authenticatedAtMs: 5,
      },
      ["team", "missing", "constructor", "__proto__"],
    );
    assert.deepEqual(input.principal, {
      ...principal,
      claims: { team: "red" },
      assurance: "mfa",
      authenticatedAtMs: 5,
    });
    assert.deepEqual([input.nowMs, input.time], [nowMs, "2030-01-01T09:30:00.000Z"]);
  });

  test("of a permission without rows nothing but who asks", () => {
    const {
      row: told,
      after,
      resource,
      action,
    } = policyInput(things, { principal, permission: "thing:read", nowMs });
    assert.deepEqual([told, after, resource, action], [null, null, "thing", "read"]);
  });

  test("claims with keys that mean something to JavaScript, as they are", () => {
    const claim: unknown = JSON.parse('{"__proto__":{"admin":true},"constructor":"x"}');
    const { claims } = withClaim(claim).principal;
    assert.equal(toInputText(claims), '{"claim":{"__proto__":{"admin":true},"constructor":"x"}}');
    assert.equal((claims.claim as { readonly admin?: unknown }).admin, undefined);
  });

  const refused: readonly { readonly name: string; readonly change: object }[] = [
    { name: "lacks an attribute", change: { team: undefined } },
    { name: "holds a number as text that no double stands for", change: { total: "0.1000000000000000055" } },
    { name: "holds text for a number", change: { limit: "many" } },
    { name: "holds a number for text", change: { team: 5 } },
    { name: "holds half a surrogate pair", change: { team: "\ud800" } },
    { name: "holds an invalid date", change: { at: new Date(Number.NaN) } },
    { name: "holds an object", change: { team: { $ne: null } } },
    { name: "holds a function", change: { paid: () => true } },
    { name: "holds a big integer", change: { total: 5n } },
    { name: "holds two for a boolean", change: { paid: 2 } },
    { name: "is huge", change: { team: "x".repeat(300_000) } },
    { name: "is huge taken together", change: { team: "x".repeat(140_000), status: "x".repeat(140_000) } },
  ];
  for (const { name, change } of refused) {
    test(`nothing of a row that ${name}`, () => {
      assert.throws(() => policyInput(things, { ...asked, row: { ...row, ...change } }), {
        name: "PolicyInputError",
      });
      assert.throws(
        () => policyInput(things, { ...asked, values: { ...row, secret: undefined, ...change } }),
        {
          name: "PolicyInputError",
        },
      );
    });
  }

  test("nothing of a row whose attributes are inherited", () => {
    assert.throws(() => policyInput(things, { ...asked, row: Object.create(row) }), {
      name: "PolicyInputError",
    });
  });

  const cycle: unknown[] = [];
  cycle.push(cycle);
  for (const claim of [
    Number.NaN,
    () => 1,
    Symbol("x"),
    5n,
    "\udc00",
    { "\ud800": 1 },
    cycle,
    new Map([[1, 2]]),
  ]) {
    test(`nothing of a claim that is no plain value: ${typeof claim}`, () => {
      assert.throws(() => withClaim(claim), { name: "PolicyInputError" });
    });
  }

  test("any JSON of a claim, to the letter", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (text) => {
        const claim: unknown = JSON.parse(text);
        assert.equal(toInputText(withClaim(claim).principal.claims.claim), JSON.stringify(claim));
      }),
      { numRuns: 300, seed: 7 },
    );
  });
});
