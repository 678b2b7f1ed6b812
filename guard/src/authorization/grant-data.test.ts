/** Grants as JSON: what each is read as, and what is none. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Resource, resource } from "../contract/resource.ts";
import { principal } from "./conditions/condition.ts";
import { type GrantData, readGrant } from "./grant-data.ts";

const order = resource("order", {
  actions: ["read", "update"],
  attributes: {
    ownerId: "string",
    key: "uuid",
    total: "number",
    paid: "boolean",
    dueAt: "date",
  },
});
const customer = resource("customer", { actions: ["read"], attributes: { region: "string" } });
const own = order.where.ownerId.eq(principal.id);
const north = customer.where.region.eq("north");
const vocabulary = {
  resources: new Map<string, Resource>([
    ["order", order],
    ["customer", customer],
  ]),
  conditions: new Map([
    ["own", own],
    ["north", north],
  ]),
};
const read = (data: unknown) => readGrant(data as GrantData, vocabulary, "test");

describe("a grant as data", () => {
  const cases = [
    {
      name: "of every row",
      data: { effect: "allow", permission: "order:read" },
      grant: order.allow("read"),
    },
    {
      name: "with a named condition",
      data: { effect: "allow", permission: "order:read", where: "own" },
      grant: order.allow("read", { where: own }),
    },
    {
      name: "with fields and demands",
      data: {
        effect: "allow",
        permission: "order:update",
        fields: ["total"],
        assurance: "mfa",
        maxAge: "5m",
      },
      grant: order.allow("update", { fields: ["total"], assurance: "mfa", maxAge: "5m" }),
    },
    {
      name: "that lets nothing be set",
      data: { effect: "allow", permission: "order:update", fields: [] },
      grant: order.allow("update", { fields: [] }),
    },
    {
      name: "that sets literals of each type",
      data: {
        effect: "allow",
        permission: "order:update",
        set: {
          ownerId: "x",
          key: "6f9619ff-8b86-d011-b42d-00c04fc964ff",
          total: 1.5,
          paid: false,
          dueAt: "2030-01-01T00:00:00Z",
        },
      },
      grant: order.allow("update", {
        set: {
          ownerId: "x",
          key: "6f9619ff-8b86-d011-b42d-00c04fc964ff",
          total: 1.5,
          paid: false,
          dueAt: new Date("2030-01-01T00:00:00Z"),
        },
      }),
    },
    {
      name: "that sets something of the caller's",
      data: {
        effect: "allow",
        permission: "order:update",
        set: { ownerId: { principal: "id" }, total: { claim: "limit" } },
      },
      grant: order.allow("update", { set: { ownerId: principal.id, total: principal.claim("limit") } }),
    },
    {
      name: "that denies some rows",
      data: { effect: "deny", permission: "order:update", where: "own" },
      grant: order.deny("update", { where: own }),
    },
  ];
  for (const { name, data, grant } of cases) {
    test(`is read: one ${name}`, () => assert.deepEqual(read(data), grant));
  }

  const allow = { effect: "allow", permission: "order:update" };
  const refused: readonly { readonly name: string; readonly data: unknown; readonly code: string }[] = [
    { name: "nothing", data: null, code: "option_invalid" },
    { name: "text", data: "order:read", code: "option_invalid" },
    { name: "no effect", data: { permission: "order:read" }, code: "option_invalid" },
    { name: "another effect", data: { ...allow, effect: "permit" }, code: "option_invalid" },
    { name: "another member", data: { ...allow, unless: "own" }, code: "option_unknown" },
    { name: "no permission", data: { effect: "allow" }, code: "permission_unknown" },
    { name: "an unknown action", data: { ...allow, permission: "order:own" }, code: "permission_unknown" },
    { name: "an unknown resource", data: { ...allow, permission: "cart:read" }, code: "permission_unknown" },
    {
      name: "more than a permission",
      data: { ...allow, permission: "order:read:all" },
      code: "permission_unknown",
    },
    { name: "every permission", data: { ...allow, permission: "*" }, code: "permission_unknown" },
    {
      name: "a permission of every object's",
      data: { ...allow, permission: "__proto__:read" },
      code: "permission_unknown",
    },
    {
      name: "a permission in a list",
      data: { ...allow, permission: ["order", "read"] },
      code: "permission_unknown",
    },
    { name: "an unknown condition", data: { ...allow, where: "mine" }, code: "condition_unknown" },
    { name: "a condition of its own", data: { ...allow, where: own }, code: "condition_unknown" },
    { name: "another resource's condition", data: { ...allow, where: "north" }, code: "condition_foreign" },
    { name: "an unknown field", data: { ...allow, fields: ["status"] }, code: "attribute_unknown" },
    {
      name: "a field of every object's",
      data: { ...allow, fields: ["constructor"] },
      code: "attribute_unknown",
    },
    { name: "fields that are no list", data: { ...allow, fields: "total" }, code: "option_invalid" },
    { name: "a field that is no text", data: { ...allow, fields: [1] }, code: "option_invalid" },
    {
      name: "an unknown attribute to set",
      data: { ...allow, set: { status: "x" } },
      code: "attribute_unknown",
    },
    { name: "a value of another type", data: { ...allow, set: { total: "1" } }, code: "condition_invalid" },
    {
      name: "text that is no date",
      data: { ...allow, set: { dueAt: "tomorrow" } },
      code: "condition_invalid",
    },
    { name: "a number for a date", data: { ...allow, set: { dueAt: 0 } }, code: "condition_invalid" },
    { name: "no value", data: { ...allow, set: { total: null } }, code: "condition_invalid" },
    { name: "a list to set", data: { ...allow, set: ["total"] }, code: "option_invalid" },
    {
      name: "something else of the caller's",
      data: { ...allow, set: { ownerId: { principal: "roles" } } },
      code: "option_invalid",
    },
    { name: "an unnamed claim", data: { ...allow, set: { ownerId: { claim: "" } } }, code: "option_invalid" },
    {
      name: "two things of the caller's",
      data: { ...allow, set: { ownerId: { principal: "id", claim: "x" } } },
      code: "option_invalid",
    },
    {
      name: "a node of a condition to set",
      data: { ...allow, set: { ownerId: { kind: "principal" } } },
      code: "option_unknown",
    },
    { name: "a level that is no text", data: { ...allow, assurance: 2 }, code: "option_invalid" },
    { name: "an age that is no text", data: { ...allow, maxAge: 900 }, code: "option_invalid" },
    ...["fields", "set", "assurance", "maxAge"].map((option) => ({
      name: `a denial with ${option}`,
      data: { effect: "deny", permission: "order:update", [option]: option === "fields" ? [] : "mfa" },
      code: "option_invalid",
    })),
  ];
  for (const { name, data, code } of refused) {
    test(`is refused: ${name}`, () => assert.throws(() => read(data), { name: "ContractError", code }));
  }
});
