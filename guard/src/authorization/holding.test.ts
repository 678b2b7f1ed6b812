/** Who holds what, so that they may hand it on: allowed and refused side by side. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compileAssurance, defaultAssurance } from "../contract/assurance.ts";
import { type Grant, resource } from "../contract/resource.ts";
import { createAuthority } from "./authority.ts";
import { all, any, not, now, principal } from "./conditions/condition.ts";
import { grantKey, type Holder, holdsDenied, holdsGrant } from "./holding.ts";
import { compileRoles } from "./roles.ts";

const order = resource("order", {
  actions: ["read", "update", "delete"],
  attributes: { ownerId: "string", team: "string", status: "string", total: "number", at: "date" },
});
const invoice = resource("invoice", { actions: ["read"], attributes: {} });
const own = () => order.where.ownerId.eq(principal.id);
const ofTeam = order.where.team.eq(principal.claim("team"));
const table = compileRoles({}, [order, invoice], compileAssurance(defaultAssurance, "assurance"));
const { permissions } = table;
const nowMs = Date.UTC(2030, 0, 1);

const compile = (grant: Grant) => table.compile(grant, undefined, "test");

interface SignIn {
  readonly level?: number;
  readonly ageMs?: number;
  readonly scopes?: readonly string[];
}

function holding(grants: readonly Grant[], { level = 1, ageMs = 0, scopes }: SignIn = {}): Holder {
  const authority = createAuthority(grants.map(compile), permissions, scopes);
  return { authority, assurance: { level, authenticatedAtMs: nowMs - ageMs }, permissions, nowMs };
}

interface Case extends SignIn {
  readonly name: string;
  readonly holds: readonly Grant[];
  readonly grant: Grant;
}

const read = order.allow("read");
const update = order.allow("update");

describe("a grant is held", () => {
  const held: readonly Case[] = [
    { name: "by who has the very same", holds: [read], grant: read },
    {
      name: "by who has it without a condition",
      holds: [read],
      grant: order.allow("read", { where: own() }),
    },
    {
      name: "by who has it with the same condition, built anew",
      holds: [order.allow("read", { where: all(own(), ofTeam) })],
      grant: order.allow("read", { where: all(own(), ofTeam) }),
    },
    {
      name: "by who has one of several that is as much",
      holds: [order.allow("read", { where: ofTeam }), order.allow("read", { where: own() })],
      grant: order.allow("read", { where: own() }),
    },
    {
      name: "with any fields, by who may set all",
      holds: [update],
      grant: order.allow("update", { fields: ["status"] }),
    },
    {
      name: "with fewer fields",
      holds: [order.allow("update", { fields: ["status", "total"] })],
      grant: order.allow("update", { fields: ["total"] }),
    },
    {
      name: "with no fields at all",
      holds: [order.allow("update", { fields: ["status"] })],
      grant: order.allow("update", { fields: [] }),
    },
    {
      name: "that sets what the own one does",
      holds: [order.allow("update", { set: { ownerId: principal.id } })],
      grant: order.allow("update", { set: { ownerId: principal.id } }),
    },
    {
      name: "that sets more, of what may be set",
      holds: [order.allow("update", { fields: ["status"], set: { team: "red" } })],
      grant: order.allow("update", { fields: [], set: { team: "red", status: "paid" } }),
    },
    {
      name: "that lists a field which is always set anyway",
      holds: [order.allow("update", { fields: ["status"], set: { team: "red" } })],
      grant: order.allow("update", { fields: ["status", "team"], set: { team: "red" } }),
    },
    {
      name: "that sets an instant to the same time from now",
      holds: [order.allow("update", { fields: [], set: { at: now.plus("1h") } })],
      grant: order.allow("update", { fields: [], set: { at: now.plus("1h") } }),
    },
    {
      name: "that demands as much of the sign-in",
      holds: [order.allow("delete", { assurance: "mfa", maxAge: "15m" })],
      grant: order.allow("delete", { assurance: "mfa", maxAge: "15m" }),
    },
    {
      name: "that demands more of the sign-in",
      holds: [order.allow("delete", { assurance: "password", maxAge: "15m" })],
      grant: order.allow("delete", { assurance: "mfa", maxAge: "5m" }),
    },
    {
      name: "that demands something, where the own one does not",
      holds: [read],
      grant: order.allow("read", { maxAge: "1h" }),
    },
    {
      name: "where something else is denied",
      holds: [read, update, order.deny("update", { where: own() })],
      grant: read,
    },
    { name: "within the scopes", holds: [read, update], scopes: ["order:read"], grant: read },
    {
      name: "of a resource without attributes",
      holds: [invoice.allow("read")],
      grant: invoice.allow("read"),
    },
  ];
  for (const { name, holds, grant, ...signIn } of held) {
    test(name, () => assert.equal(holdsGrant(holding(holds, signIn), compile(grant)), true));
  }
});

describe("a grant is not held", () => {
  const refused: readonly Case[] = [
    { name: "by who has nothing", holds: [], grant: read },
    { name: "by who has another action", holds: [update], grant: read },
    {
      name: "by who has another resource's action of that name",
      holds: [invoice.allow("read")],
      grant: read,
    },
    { name: "without the condition", holds: [order.allow("read", { where: own() })], grant: read },
    {
      name: "with another condition",
      holds: [order.allow("read", { where: own() })],
      grant: order.allow("read", { where: ofTeam }),
    },
    {
      name: "with a condition that only covers less: nothing proves it",
      holds: [order.allow("read", { where: own() })],
      grant: order.allow("read", { where: all(own(), ofTeam) }),
    },
    {
      name: "with its opposite",
      holds: [order.allow("read", { where: own() })],
      grant: order.allow("read", { where: not(own()) }),
    },
    {
      name: "put together from two",
      holds: [order.allow("read", { where: own() }), order.allow("read", { where: ofTeam })],
      grant: order.allow("read", { where: any(own(), ofTeam) }),
    },
    {
      name: "with other values in the same condition",
      holds: [order.allow("read", { where: order.where.status.in(["draft"]) })],
      grant: order.allow("read", { where: order.where.status.in(["draft", "open"]) }),
    },
    {
      name: "with a field more",
      holds: [order.allow("update", { fields: ["status"] })],
      grant: order.allow("update", { fields: ["status", "ownerId"] }),
    },
    {
      name: "with all fields",
      holds: [order.allow("update", { fields: ["status"] })],
      grant: update,
    },
    {
      name: "with the condition of one and the fields of another",
      holds: [order.allow("update", { where: own() }), order.allow("update", { fields: ["status"] })],
      grant: update,
    },
    {
      name: "that does not set what the own one always does",
      holds: [order.allow("update", { set: { ownerId: principal.id } })],
      grant: update,
    },
    {
      name: "that sets it to something else",
      holds: [order.allow("update", { set: { ownerId: principal.id } })],
      grant: order.allow("update", { set: { ownerId: principal.claim("sub") } }),
    },
    {
      name: "that sets a literal which reads like the caller's id",
      holds: [order.allow("update", { set: { team: "red" } })],
      grant: order.allow("update", { set: { team: principal.claim("red") } }),
    },
    {
      name: "that sets what may not be set",
      holds: [order.allow("update", { fields: ["status"] })],
      grant: order.allow("update", { fields: ["status"], set: { ownerId: principal.id } }),
    },
    {
      name: "that demands nothing",
      holds: [order.allow("delete", { assurance: "mfa" })],
      grant: order.allow("delete"),
    },
    {
      name: "that demands a weaker sign-in",
      holds: [order.allow("delete", { assurance: "mfa" })],
      grant: order.allow("delete", { assurance: "password" }),
    },
    {
      name: "that demands an older one",
      holds: [order.allow("delete", { maxAge: "5m" })],
      grant: order.allow("delete", { maxAge: "6m" }),
    },
    {
      name: "that demands the level and not the age",
      holds: [order.allow("delete", { assurance: "mfa", maxAge: "5m" })],
      grant: order.allow("delete", { assurance: "mfa" }),
    },
    {
      name: "whose demand the holder does not meet themselves",
      holds: [order.allow("delete", { assurance: "mfa" })],
      level: 0,
      grant: order.allow("delete", { assurance: "mfa" }),
    },
    {
      name: "whose age has passed",
      holds: [order.allow("delete", { maxAge: "5m" })],
      ageMs: 300_001,
      grant: order.allow("delete", { maxAge: "5m" }),
    },
    { name: "beyond the scopes", holds: [read, update], scopes: ["order:read"], grant: update },
    { name: "where it is denied", holds: [read, order.deny("read")], grant: read },
    {
      name: "where some rows of it are denied, even for other rows",
      holds: [read, order.deny("read", { where: ofTeam })],
      grant: order.allow("read", { where: own() }),
    },
    {
      name: "where it is denied, and the scope leaves the denial's permission alone",
      holds: [read, order.deny("read", { where: ofTeam })],
      scopes: ["order:read"],
      grant: read,
    },
  ];
  for (const { name, holds, grant, ...signIn } of refused) {
    test(name, () => assert.equal(holdsGrant(holding(holds, signIn), compile(grant)), false));
  }

  test("of a permission that the contract does not have", () => {
    const stray = { ...compile(read), action: "own" };
    assert.equal(holdsGrant(holding([read, update]), stray), false);
  });
});

describe("a denial can be added or lifted", () => {
  const barred = (grant: Grant) => [compile(grant)];
  const cases = [
    { name: "by who holds all that it bars", holds: [read], bars: barred(read), may: true },
    { name: "by who holds the permission, where it bars nothing", holds: [read], bars: [], may: true },
    {
      name: "by who holds the one grant that it bars, conditions included",
      holds: [order.allow("read", { where: own() })],
      bars: barred(order.allow("read", { where: own() })),
      may: true,
    },
    {
      name: "not by who holds less than it bars",
      holds: [order.allow("read", { where: own() })],
      bars: barred(read),
      may: false,
    },
    {
      name: "not by who does not hold the permission, even where it bars nothing",
      holds: [update],
      bars: [],
      may: false,
    },
    {
      name: "not by who is denied it",
      holds: [read, order.deny("read", { where: ofTeam })],
      bars: [],
      may: false,
    },
  ];
  for (const { name, holds, bars, may } of cases) {
    test(name, () => assert.equal(holdsDenied(holding(holds), "order:read", bars), may));
  }

  test("not of a permission that the contract does not have", () => {
    assert.equal(holdsDenied(holding([read]), "order:own", []), false);
  });

  test("not by who is not signed in strongly enough for what they hold", () => {
    const grant = order.allow("delete", { assurance: "mfa" });
    assert.equal(holdsDenied(holding([grant], { level: 1 }), "order:delete", barred(grant)), true);
    assert.equal(holdsDenied(holding([grant], { level: 0 }), "order:delete", []), false);
  });
});

describe("the key of a grant", () => {
  test("is the same for grants built alike, whatever role declares them", () => {
    const one = table.compile(order.allow("read", { where: own() }), "user", "test");
    const other = table.compile(order.allow("read", { where: own() }), "admin", "test");
    assert.equal(grantKey(one), grantKey(other));
  });

  const different: readonly Grant[] = [
    read,
    order.deny("read"),
    order.allow("read", { where: own() }),
    order.allow("read", { where: ofTeam }),
    order.allow("read", { fields: [] }),
    order.allow("read", { set: { team: "red" } }),
    order.allow("read", { assurance: "mfa" }),
    order.allow("read", { maxAge: "5m" }),
    update,
    order.allow("read", { where: order.where.total.lt(Number.POSITIVE_INFINITY) }),
    order.allow("read", { where: order.where.total.lt(Number.NEGATIVE_INFINITY) }),
  ];
  test("tells apart whatever differs in what it allows", () => {
    assert.equal(new Set(different.map((grant) => grantKey(compile(grant)))).size, different.length);
  });
});
