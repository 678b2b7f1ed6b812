/** Roles as they are now: the contract's, with what an identity server keeps beside them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compileAssurance, defaultAssurance } from "../contract/assurance.ts";
import type { ContractError } from "../contract/refusal.ts";
import { resource } from "../contract/resource.ts";
import { denialsOf, hasPermission } from "./authority.ts";
import { principal } from "./conditions/condition.ts";
import type { GrantData } from "./grant-data.ts";
import { createLiveRoles, type RoleChanges, type RoleHolder } from "./live-roles.ts";
import { compileRoles } from "./roles.ts";

const order = resource("order", {
  actions: ["read", "update", "delete"],
  attributes: { ownerId: "string", status: "string" },
});
const own = order.where.ownerId.eq(principal.id);
const table = compileRoles(
  {
    user: { grants: [order.allow("read", { where: own })] },
    manager: { extends: ["user"], grants: [order.allow("update")] },
    trainee: { extends: ["manager"], grants: [order.deny("update")] },
  },
  [order],
  compileAssurance(defaultAssurance, "assurance"),
);
const vocabulary = { resources: new Map([["order", order]]), conditions: new Map([["own", own]]) };

const allow = (permission: string, more: object = {}): GrantData => ({
  effect: "allow",
  permission,
  ...more,
});
const deny = (permission: string, more: object = {}): GrantData => ({ effect: "deny", permission, ...more });

function live(changes: Partial<RoleChanges> = {}) {
  const unknown: ContractError[] = [];
  const roles = createLiveRoles({ table, vocabulary, onUnknown: (error) => unknown.push(error) });
  const apply = (more: Partial<RoleChanges>) =>
    roles.apply({ since: 0, version: 1, complete: true, roles: {}, subjects: [], ...more });
  if (Object.keys(changes).length > 0) apply(changes);
  const may = (holder: Partial<RoleHolder>, permission: string, scopes?: readonly string[]) => {
    const authority = roles.authorityOf({ kind: "account", id: "alice", roles: [], ...holder }, scopes);
    return hasPermission(authority, table.permissionIndex(permission) ?? -1);
  };
  return { roles, apply, may, unknown };
}

describe("custom roles", () => {
  test("grant what they list and what they extend, the contract's roles and custom ones", () => {
    const { may } = live({
      roles: {
        support: { extends: ["user"], grants: [allow("order:update", { fields: ["status"] })] },
        lead: { extends: ["support"], grants: [allow("order:delete")] },
      },
    });
    for (const permission of ["order:read", "order:update"])
      assert.ok(may({ roles: ["support"] }, permission));
    assert.ok(!may({ roles: ["support"] }, "order:delete"));
    for (const permission of ["order:read", "order:update", "order:delete"]) {
      assert.ok(may({ roles: ["lead"] }, permission));
    }
  });

  test("deny over whatever grants, their own and others'", () => {
    const { may } = live({
      roles: { barred: { extends: ["manager"], grants: [deny("order:update")] } },
    });
    assert.ok(may({ roles: ["manager"] }, "order:update"));
    assert.ok(!may({ roles: ["barred"] }, "order:update"));
    assert.ok(!may({ roles: ["manager", "barred"] }, "order:update"));
    assert.ok(may({ roles: ["barred"] }, "order:read"), "and nothing else");
  });

  test("never stand in for one of the contract's", () => {
    const { roles, may } = live({
      roles: {
        user: { extends: ["manager"], grants: [allow("order:delete")] },
        support: { extends: ["user"], grants: [] },
        trainee: { extends: [], grants: [allow("order:update")] },
      },
    });
    for (const role of ["user", "support"]) {
      assert.ok(may({ roles: [role] }, "order:read"));
      assert.ok(!may({ roles: [role] }, "order:update"));
      assert.ok(!may({ roles: [role] }, "order:delete"));
    }
    assert.ok(!may({ roles: ["trainee"] }, "order:update"), "a denial of the contract's stays");
    assert.deepEqual(roles.parentsOf("trainee"), ["manager"]);
  });

  test("grant nothing once they are gone, nor does what extended them", () => {
    const { apply, may } = live({
      roles: {
        support: { extends: ["user"], grants: [] },
        lead: { extends: ["support"], grants: [allow("order:delete")] },
      },
    });
    assert.ok(may({ roles: ["lead"] }, "order:read"));
    apply({ since: 1, version: 2, roles: { support: null } });
    assert.ok(!may({ roles: ["support"] }, "order:read"));
    assert.ok(!may({ roles: ["lead"] }, "order:read"));
    assert.ok(may({ roles: ["lead"] }, "order:delete"));
  });

  test("of names that every object has are nothing unless they are there", () => {
    const { roles, may } = live({ roles: {} });
    for (const name of ["__proto__", "constructor", "toString"]) {
      assert.equal(roles.grantsOfRole(name), undefined);
      assert.ok(!may({ roles: [name] }, "order:read"));
    }
  });

  test("that extend each other all the same end: each has what both have", () => {
    const { roles, may } = live({
      roles: {
        one: { extends: ["other"], grants: [allow("order:read")] },
        other: { extends: ["one", "other"], grants: [allow("order:update")] },
      },
    });
    assert.ok(may({ roles: ["one"] }, "order:update"));
    assert.ok(may({ roles: ["other"] }, "order:read"));
    assert.equal(roles.grantsOfRole("one")?.length, 2);
  });
});

describe("direct grants", () => {
  test("count for one account, or for one client, and nobody else", () => {
    const { may } = live({ subjects: [{ kind: "account", id: "alice", grants: [allow("order:delete")] }] });
    assert.ok(may({ id: "alice" }, "order:delete"));
    assert.ok(!may({ id: "bob" }, "order:delete"));
    assert.ok(!may({ id: "alice", kind: "client" }, "order:delete"), "ids of clients are their own");
    assert.ok(!may({ id: "account:alice" }, "order:delete"));
  });

  test("that deny win over roles, and over grants beside them", () => {
    const grants = [allow("order:delete"), deny("order:delete"), deny("order:update")];
    const { may } = live({ subjects: [{ kind: "account", id: "alice", grants }] });
    for (const permission of ["order:delete", "order:update"]) {
      assert.ok(!may({ roles: ["manager"] }, permission));
    }
    assert.ok(may({ roles: ["manager"] }, "order:read"));
    assert.ok(may({ id: "bob", roles: ["manager"] }, "order:update"));
  });

  test("that deny some rows leave the others", () => {
    const grants = [deny("order:update", { where: "own" })];
    const { roles, may } = live({ subjects: [{ kind: "account", id: "alice", grants }] });
    assert.ok(may({ roles: ["manager"] }, "order:update"));
    const authority = roles.authorityOf({ kind: "account", id: "alice", roles: ["manager"] });
    const [denial] = denialsOf(authority, table.permissionIndex("order:update") ?? -1);
    assert.deepEqual(denial?.where, own);
  });

  test("are narrowed by scopes as roles are; denials are not", () => {
    const grants = [allow("order:delete"), deny("order:update")];
    const { may } = live({ subjects: [{ kind: "account", id: "alice", grants }] });
    const held = { roles: ["manager"] };
    assert.ok(may(held, "order:delete", ["order:delete"]));
    assert.ok(!may(held, "order:delete", ["order:read"]));
    assert.ok(!may(held, "order:update", ["order:update"]));
  });

  test("are gone once none are left", () => {
    const { roles, apply, may } = live({
      subjects: [{ kind: "account", id: "alice", grants: [deny("order:read")] }],
    });
    assert.ok(!may({ roles: ["user"] }, "order:read"));
    apply({ since: 1, version: 2, subjects: [{ kind: "account", id: "alice", grants: [] }] });
    assert.ok(may({ roles: ["user"] }, "order:read"));
    assert.deepEqual(roles.directGrants(), []);
  });
});

describe("changes", () => {
  test("since a version leave what they do not name; since 0 they are all there is", () => {
    const { roles, apply, may } = live({
      roles: { one: { extends: [], grants: [allow("order:read")] } },
      subjects: [{ kind: "account", id: "alice", grants: [allow("order:delete")] }],
    });
    apply({ since: 1, version: 2, roles: { other: { extends: [], grants: [allow("order:update")] } } });
    assert.ok(may({ roles: ["one"] }, "order:read") && may({ roles: ["other"] }, "order:update"));
    assert.ok(may({}, "order:delete"));
    apply({ since: 0, version: 1, roles: { third: { extends: [], grants: [allow("order:read")] } } });
    assert.deepEqual(roles.customRoles(), ["third"]);
    assert.ok(!may({ roles: ["one"] }, "order:read"));
    assert.ok(!may({}, "order:delete"));
    assert.equal(roles.version, 1);
  });

  test("raise the epoch, and make authorities anew", () => {
    const { roles, apply } = live({ roles: {} });
    const holder = { kind: "account", id: "alice", roles: ["user"] } as const;
    const { epoch } = roles;
    const before = roles.authorityOf(holder);
    assert.equal(roles.authorityOf(holder), before);
    apply({ since: 1, version: 2, roles: {} });
    assert.ok(roles.epoch > epoch);
    assert.notEqual(roles.authorityOf(holder), before);
  });
});

describe("what is stored and the contract does not know", () => {
  const stale: readonly (readonly [string, unknown])[] = [
    ["permission", allow("order:archive")],
    ["resource", allow("invoice:read")],
    ["condition", allow("order:delete", { where: "ofOwnTeam" })],
    ["field", allow("order:delete", { fields: ["approved"] })],
    ["attribute to set", allow("order:delete", { set: { approved: true } })],
    ["level", allow("order:delete", { assurance: "hardware" })],
    ["duration", allow("order:delete", { maxAge: "a while" })],
    ["member", allow("order:delete", { until: "2031" })],
  ];
  for (const [what, grant] of stale) {
    test(`grants nothing: a ${what}`, () => {
      const { may, unknown } = live({
        roles: { support: { extends: ["user"], grants: [grant as GrantData] } },
        subjects: [{ kind: "account", id: "alice", grants: [grant as GrantData] }],
      });
      assert.ok(!may({ roles: ["support"] }, "order:delete"));
      assert.ok(may({ roles: ["support"] }, "order:read"), "and takes nothing else along");
      assert.equal(unknown.length, 2, "each is told of");
    });
  }

  const staleDenials: readonly (readonly [string, unknown])[] = [
    ["condition", deny("order:update", { where: "ofOwnTeam" })],
    ["member", deny("order:update", { until: "2031" })],
    ["effect", { effect: "forbid", permission: "order:update" }],
  ];
  for (const [what, denial] of staleDenials) {
    test(`bars every row where it denies: a ${what}`, () => {
      const { may } = live({ roles: { barred: { extends: ["manager"], grants: [denial as GrantData] } } });
      assert.ok(may({ roles: ["manager"] }, "order:update"));
      assert.ok(!may({ roles: ["manager", "barred"] }, "order:update"));
      assert.ok(may({ roles: ["barred"] }, "order:read"));
    });
  }

  test("does not keep the rest from being applied: no grant at all, and a denial of nothing", () => {
    const grants = [null, 7, "order:read", [], {}, deny("order:archive"), allow("order:delete")];
    const { may, unknown } = live({
      subjects: [{ kind: "account", id: "alice", grants: grants as GrantData[] }],
    });
    assert.ok(may({}, "order:delete"));
    assert.ok(!may({}, "order:read"));
    assert.equal(unknown.length, 6);
  });

  test("is a role that extends what is not there: it has the rest", () => {
    const { may } = live({ roles: { support: { extends: ["gone", "user"], grants: [] } } });
    assert.ok(may({ roles: ["support"] }, "order:read"));
  });
});
