import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compileAssurance, defaultAssurance } from "../contract/assurance.ts";
import { resource } from "../contract/resource.ts";
import { grantsOf, hasPermission } from "./authority.ts";
import { createLiveRoles } from "./live-roles.ts";
import { compileRoles } from "./roles.ts";

const levels = compileAssurance(defaultAssurance, "assurance");

const order = resource("order", {
  actions: ["create", "read", "update", "delete"],
  attributes: { id: "string" },
});
const many = Array.from({ length: 20 }, (_, index) =>
  resource(`thing${index}`, { actions: ["read", "write"], attributes: { id: "string" } }),
);

const table = compileRoles(
  {
    user: { grants: [order.allow("read")] },
    manager: { extends: ["user"], grants: [order.allow("update")] },
    admin: {
      extends: ["manager"],
      grants: [order.allow("delete"), ...many.map((one) => one.allow("write"))],
    },
    auditor: { extends: ["user"], grants: [] },
    both: { extends: ["manager", "auditor"] },
  },
  [order, ...many],
  levels,
);

const may = (roles: readonly string[], permission: string) =>
  hasPermission(table.authorityOf(roles), table.permissionIndex(permission) ?? -1);

describe("the role table", () => {
  const cases = [
    { roles: ["user"], may: ["order:read"], mayNot: ["order:update", "order:delete", "order:create"] },
    { roles: ["manager"], may: ["order:read", "order:update"], mayNot: ["order:delete"] },
    {
      roles: ["admin"],
      may: ["order:read", "order:delete", "thing19:write"],
      mayNot: ["order:create", "thing19:read"],
    },
    { roles: ["auditor", "manager"], may: ["order:update"], mayNot: ["order:delete"] },
    { roles: [], may: [], mayNot: ["order:read"] },
    { roles: ["stranger", "__proto__", "constructor"], may: [], mayNot: ["order:read"] },
  ];
  for (const { roles, may: allowed, mayNot } of cases) {
    test(`lets ${JSON.stringify(roles)} do ${allowed.join(", ") || "nothing"}, and not ${mayNot.join(", ")}`, () => {
      for (const permission of allowed) assert.ok(may(roles, permission), permission);
      for (const permission of mayNot) assert.ok(!may(roles, permission), permission);
    });
  }

  test("gives a grant inherited by two ways once", () => {
    assert.equal(grantsOf(table.authorityOf(["both"]), table.permissionIndex("order:read") ?? -1).length, 1);
  });

  test("makes one authority for one set of roles", () => {
    const live = createLiveRoles({ table, vocabulary: { resources: new Map(), conditions: new Map() } });
    const holding = (id: string, ...roles: string[]) => live.authorityOf({ kind: "account", id, roles });
    assert.equal(holding("alice", "user"), holding("bob", "user"));
  });

  test("does not mix up roles whose names contain separators", () => {
    assert.notEqual(table.authorityOf(["user,manager"]), table.authorityOf(["user", "manager"]));
    assert.ok(!may(['user","admin'], "order:read"));
  });
});
