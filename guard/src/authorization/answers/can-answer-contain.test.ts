/** Judging an answer: only what holds however the row goes on is decided. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { defineSecurity } from "../../contract/define-security.ts";
import { resource } from "../../contract/resource.ts";
import { accessOf } from "../access.ts";
import { all, type Condition, not, principal } from "../conditions/condition.ts";
import { coversRow } from "../rows.ts";
import { canAnswerContain } from "./can-answer-contain.ts";

const customer = resource("customer", { actions: ["read"], attributes: { id: "string", region: "string" } });
const order = resource("order", {
  actions: ["read"],
  attributes: { id: "string", ownerId: "string", total: "number", at: "date", customerId: "string" },
  relations: { customer: { resource: customer, from: "customerId", to: "id" } },
});
const { where, attribute } = order;
const own = where.ownerId.eq(principal.id);

const accessWith = (allowed: Condition | undefined, denied?: Condition) => {
  const security = defineSecurity({
    issuer: "http://localhost:3000",
    audience: "http://localhost:3000/api",
    resources: [order, customer],
    database: "sqlite",
    roles: {
      user: {
        grants: [
          order.allow("read", allowed === undefined ? {} : { where: allowed }),
          ...(denied === undefined ? [] : [order.deny("read", { where: denied })]),
        ],
      },
      nobody: { grants: [] },
    },
    limits: { address: "600/1m" },
  });
  return accessOf(security, { id: "alice", kind: "account", roles: ["user"], claims: {} }, { nowMs: 0 });
};

const since = where.at.gte(new Date("2026-01-01T00:00:00Z"));

// biome-ignore format: a table
const rows: readonly { readonly name: string; readonly allow?: Condition; readonly deny?: Condition; readonly row: Record<string, unknown>; readonly effect: string }[] = [
  { name: "one's own row", allow: own, row: { id: "1", ownerId: "alice" }, effect: "allow" },
  { name: "another's row", allow: own, row: { id: "1", ownerId: "bob" }, effect: "deny" },
  { name: "a row of nobody's", allow: own, row: { id: "1", ownerId: null }, effect: "deny" },
  { name: "a row without its owner", allow: own, row: { id: "1" }, effect: "undecidable" },
  { name: "any row under a grant of every row", row: {}, effect: "allow" },
  { name: "a row that one branch decides", allow: all(own, where.total.gt(5)), row: { ownerId: "bob" }, effect: "deny" },
  { name: "a row that no branch decides", allow: all(own, where.total.gt(5)), row: { ownerId: "alice" }, effect: "undecidable" },
  { name: "a row that is barred", deny: own, row: { ownerId: "alice" }, effect: "deny" },
  { name: "a row that may be barred", deny: own, row: { id: "1" }, effect: "undecidable" },
  { name: "the negation of what is not known", allow: not(own), row: {}, effect: "undecidable" },
  { name: "a date as text", allow: since, row: { at: "2026-02-01T00:00:00.000Z" }, effect: "allow" },
  { name: "an earlier date as text", allow: since, row: { at: "2025-02-01T00:00:00.000Z" }, effect: "deny" },
  { name: "a date that is none", allow: since, row: { at: "yesterday" }, effect: "undecidable" },
  { name: "an attribute in another type", allow: own, row: { ownerId: { id: "alice" } }, effect: "undecidable" },
  { name: "a rule over a related row that is not there", allow: where.customer.region.eq("north"), row: { customerId: "n" }, effect: "undecidable" },
  { name: "a rule over a related row that cannot be", allow: where.customer.region.eq("north"), row: { customerId: null }, effect: "deny" },
  { name: "a rule over a related row that is there", allow: where.customer.region.eq("north"), row: { customerId: "n", customer: { id: "n", region: "north" } }, effect: "allow" },
  { name: "a rule over another's related row", allow: where.customer.region.eq("north"), row: { customerId: "n", customer: { id: "s", region: "north" } }, effect: "undecidable" },
];

for (const { name, allow, deny, row, effect } of rows) {
  test(`${name}: ${effect}`, () => {
    assert.equal(canAnswerContain(accessWith(allow, deny), order, row).effect, effect);
  });
}

test("nobody's answer contains a row", () => {
  const { security } = accessWith(own);
  const access = accessOf(security, { id: "alice", kind: "account", roles: ["nobody"], claims: {} });
  assert.equal(canAnswerContain(access, order, {}).effect, "deny");
});

const text = fc.constantFrom(null, "alice", "bob");
const whole = fc
  .record({
    id: text,
    ownerId: text,
    total: fc.constantFrom(null, 1, 5),
    at: fc.constantFrom(null, 0, 1),
    customerId: text,
  })
  .map((row) => ({
    ...row,
    customer: row.customerId === "alice" ? { id: "alice", region: "bob" } : null,
  }));
const leaf: fc.Arbitrary<Condition> = fc.oneof(
  text.filter((value) => value !== null).map((value) => where.ownerId.eq(value)),
  fc.constantFrom(where.ownerId.ne(principal.id), where.id.eq(principal.claim("missing")), where.id.isNull()),
  fc.constantFrom(where.total.gt(1), where.at.eq(new Date(0)), where.id.eq(attribute.ownerId)),
  fc.constantFrom(
    where.customer.region.eq("bob"),
    where.customer.region.ne("bob"),
    where.id.notIn(["alice"]),
  ),
);
const condition = fc.letrec<{ tree: Condition }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.array(tie("tree"), { minLength: 1, maxLength: 3 }).map((branches) => all(...branches)),
    tie("tree").map(not),
  ),
})).tree;
const denial = fc.option(condition, { nil: undefined });

const asJson = (row: Record<string, unknown>) => ({
  ...row,
  ...(typeof row.at === "number" ? { at: new Date(row.at).toISOString() } : {}),
});

test("it agrees with what is decided of complete rows", () => {
  fc.assert(
    fc.property(condition, denial, whole, (allowed, denied, row) => {
      const access = accessWith(allowed, denied);
      const context = { facts: access.facts, nowMs: 0, dialect: "sqlite" } as const;
      const expected = coversRow(access.rulesOf("order:read"), row, context) ? "allow" : "deny";
      assert.equal(canAnswerContain(access, order, asJson(row)).effect, expected);
    }),
    { numRuns: 500 },
  );
});

test("it decides nothing of a part that a completion would decide otherwise", () => {
  fc.assert(
    fc.property(
      condition,
      denial,
      whole,
      fc.subarray(["id", "ownerId", "total", "at", "customerId", "customer"]),
      (allowed, denied, row, shown) => {
        const access = accessWith(allowed, denied);
        const part = Object.fromEntries(Object.entries(asJson(row)).filter(([name]) => shown.includes(name)));
        const { effect } = canAnswerContain(access, order, part);
        if (effect === "undecidable") return;
        // The row that it was taken from is one of its completions.
        assert.equal(effect, canAnswerContain(access, order, asJson(row)).effect);
      },
    ),
    { numRuns: 1_000 },
  );
});
