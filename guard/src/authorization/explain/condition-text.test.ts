import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { resource } from "../../contract/resource.ts";
import { all, any, type Condition, not, now, principal } from "../conditions/condition.ts";
import { describeCondition, quoteText } from "./condition-text.ts";

const customer = resource("customer", { actions: ["read"], attributes: { id: "string", region: "string" } });
const order = resource("order", {
  actions: ["read"],
  attributes: {
    id: "string",
    ownerId: "string",
    approverId: "string",
    total: "number",
    paidAt: "date",
    now: "date",
  },
  relations: { customer: { resource: customer, from: "ownerId", to: "id" } },
});
const { where, attribute } = order;

describe("the text of a condition", () => {
  const cases: readonly { readonly text: string; readonly of: Condition }[] = [
    { text: "ownerId = principal.id", of: where.ownerId.eq(principal.id) },
    { text: "ownerId != approverId", of: where.ownerId.ne(attribute.approverId) },
    { text: 'ownerId in ("a", principal.id)', of: where.ownerId.in(["a", principal.id]) },
    { text: "ownerId not in claim deputies", of: where.ownerId.notIn(principal.claim("deputies")) },
    { text: "ownerId is null", of: where.ownerId.isNull() },
    { text: 'id starts with "EU-"', of: where.id.startsWith("EU-") },
    { text: "id contains claim part", of: where.id.contains(principal.claim("part")) },
    { text: "total <= claim limit", of: where.total.lte(principal.claim("limit")) },
    { text: "total > 1.5", of: where.total.gt(1.5) },
    { text: "paidAt >= 2026-01-01T00:00:00.000Z", of: where.paidAt.gte(new Date(Date.UTC(2026, 0, 1))) },
    { text: "paidAt > now - 1d", of: where.paidAt.gt(now.minus("24h")) },
    { text: "paidAt < now + 90s", of: where.paidAt.lt(now.plus("90s")) },
    { text: "`now` = now", of: where.now.eq(now) },
    { text: 'customer.region = "north"', of: where.customer.region.eq("north") },
    { text: 'id = claim "odd name"', of: where.id.eq(principal.claim("odd name")) },
    { text: 'not (id = "1")', of: not(where.id.eq("1")) },
    {
      text: 'id = "1" and (ownerId = "a" or total = 1) and total = 2',
      of: all(where.id.eq("1"), any(where.ownerId.eq("a"), where.total.eq(1)), where.total.eq(2)),
    },
  ];
  for (const { text, of } of cases) test(`is ${text}`, () => assert.equal(describeCondition(of), text));

  test("of no condition is every row", () => assert.equal(describeCondition(undefined), "every row"));

  test("never moves a terminal's cursor, nor reorders what is read", () => {
    const hostile = 'x"\u001b[2J\u009b31m\u202eevil\u2066\u200b\u2028\ud800';
    const quoted = quoteText(hostile);
    assert.match(quoted, /^[\x20-\x7e]*$/);
    assert.equal(describeCondition(where.id.eq(principal.claim(hostile))), `id = claim ${quoted}`);
    assert.equal(quoteText("für München 東京"), '"für München 東京"', "letters of any script stay");
  });
});
