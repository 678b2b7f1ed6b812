/** Type tests: these declarations compile, and each marked line would not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { all, now, principal } from "../authorization/conditions/condition.ts";
import { defineSecurity } from "./define-security.ts";
import { resource } from "./resource.ts";

const customer = resource("customer", { actions: ["read"], attributes: { id: "string", region: "string" } });
const order = resource("order", {
  actions: ["read", "update"],
  attributes: { id: "string", ownerId: "string", customerId: "string", total: "number", dueAt: "date" },
  columns: { ownerId: "owner_id" },
  relations: { customer: { resource: customer, from: "customerId", to: "id" } },
});

test("conditions and grants are typed from the resource's attributes", () => {
  const { where, attribute } = order;
  order.allow("read", {
    where: all(
      where.ownerId.eq(principal.id),
      where.total.lte(500),
      where.dueAt.gt(now.minus("24h")),
      where.id.startsWith("a"),
      where.ownerId.ne(attribute.customerId),
      where.customer.region.in(principal.claim("regions")),
    ),
  });
  order.allow("update", { fields: ["total"], set: { ownerId: principal.id, dueAt: now } });
  const refused = () => {
    // @ts-expect-error there is no such attribute
    where.owner.eq("alice");
    // @ts-expect-error it holds a number
    where.total.eq("500");
    // @ts-expect-error text has no order
    where.ownerId.gt("a");
    // @ts-expect-error only text has beginnings
    where.total.startsWith("5");
    // @ts-expect-error a date is a `Date` here
    where.dueAt.eq("2026-01-01T00:00:00Z");
    // @ts-expect-error a number is compared with no time
    where.total.gt(now);
    // @ts-expect-error attributes of two types
    where.total.eq(attribute.ownerId);
    // @ts-expect-error the customer has no such attribute
    where.customer.total.eq(5);
    // @ts-expect-error there is no such action
    order.allow("delete");
    // @ts-expect-error there is no such field
    order.allow("update", { fields: ["owner"] });
    // @ts-expect-error nothing like this can be set
    order.allow("update", { set: { total: "much" } });
  };
  assert.equal(typeof refused, "function");
});

test("a contract takes resources that look at each other", () => {
  defineSecurity({
    issuer: "http://localhost:3000",
    audience: "http://localhost:3000/api",
    database: "sqlite",
    resources: [order, customer],
    roles: { user: { grants: [order.allow("read", { where: order.where.customer.region.eq("north") })] } },
  });
});
