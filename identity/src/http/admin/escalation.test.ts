/**
 * Attempts to become more than one is, by way of the administration, over real HTTP: each refused, beside the nearest that
 * is allowed. Afterwards the audit log tells of every change and of every attempt, by whom, and of nothing else.
 */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import type { GrantData } from "@bulwark/guard";
import { type Actor, type AdminWorld, type Answer, openAdminWorld } from "../../../testing/admin-world.ts";
import { describeEachStore } from "../../../testing/each-store.ts";

const allow = (permission: string, more: Omit<GrantData, "effect" | "permission"> = {}): GrantData => ({
  effect: "allow",
  permission,
  ...more,
});
const deny = (permission: string, where?: string): GrantData => ({
  effect: "deny",
  permission,
  ...(where === undefined ? {} : { where }),
});
/** What the steward may change of orders, to the letter. */
const stewardsUpdate = allow("order:update", {
  where: "notYetPaid",
  fields: ["status", "total"],
  set: { team: "red" },
});

interface Attempt {
  readonly name: string;
  readonly attempt: (world: AdminWorld) => Promise<Answer>;
  readonly status: number;
  readonly code: string;
  /** The nearest act that is allowed. */
  readonly allowed: (world: AdminWorld) => Promise<Answer>;
}

const setRoles = (world: AdminWorld, by: Actor, target: Actor, roles: readonly string[]) =>
  world.send(by, "PUT", `/${target.kind}s/${target.id}/roles`, { roles });
const setGrants = (world: AdminWorld, by: Actor, target: Actor, grants: readonly GrantData[]) =>
  world.send(by, "PUT", `/${target.kind}s/${target.id}/grants`, { grants });
const createRole = (world: AdminWorld, by: Actor, grants: readonly GrantData[], parents: string[] = []) =>
  world.send(by, "POST", "/roles", { name: world.newName(), extends: parents, grants });
const steward = (world: AdminWorld) => world.person({ roles: ["steward"] });
const admin = (world: AdminWorld) => world.person({ roles: ["admin"], methods: ["pwd", "mfa"] });
/** Gives somebody a grant. */
const give = async (world: AdminWorld, by: Actor, grant: GrantData) =>
  setGrants(world, by, await world.person(), [grant]);

const attempts: readonly Attempt[] = [
  {
    name: "someone without the permission makes themselves an administrator",
    attempt: async (world) => {
      const user = await world.person({ roles: ["user"] });
      return setRoles(world, user, user, ["admin"]);
    },
    status: 403,
    code: "permission_denied",
    allowed: async (world) => setRoles(world, await admin(world), await world.person(), ["admin"]),
  },
  {
    name: "an administrator gives themselves a role, even one that they hold all of",
    attempt: async (world) => {
      const by = await steward(world);
      return setRoles(world, by, by, ["steward", "user"]);
    },
    status: 403,
    code: "own_access",
    allowed: async (world) => setRoles(world, await steward(world), await world.person(), ["user"]),
  },
  {
    name: "an administrator gives another a role that holds more",
    attempt: async (world) => setRoles(world, await steward(world), await world.person(), ["admin"]),
    status: 403,
    code: "authority_exceeded",
    allowed: async (world) => setRoles(world, await steward(world), await world.person(), ["steward"]),
  },
  {
    name: "through a custom role that extends one that holds more",
    attempt: async (world) => createRole(world, await steward(world), [], ["admin"]),
    status: 403,
    code: "authority_exceeded",
    allowed: async (world) => createRole(world, await steward(world), [], ["viewer"]),
  },
  {
    name: "through a custom role that extends a custom role that extends one that holds more",
    attempt: async (world) => {
      const between = await world.role({ extends: ["admin"] });
      return createRole(world, await steward(world), [], [between]);
    },
    status: 403,
    code: "authority_exceeded",
    allowed: async (world) => {
      const between = await world.role({ extends: ["viewer"] });
      return createRole(world, await steward(world), [], [between]);
    },
  },
  {
    name: "by adding to a role that others hold",
    attempt: async (world) => {
      const name = await world.role({ grants: [allow("order:read")] });
      await world.person({ roles: [name] });
      const grants = [allow("order:read"), allow("order:delete")];
      return world.send(await steward(world), "PUT", `/roles/${name}`, { extends: [], grants });
    },
    status: 403,
    code: "authority_exceeded",
    allowed: async (world) => {
      const name = await world.role({ grants: [allow("order:read")] });
      await world.person({ roles: [name] });
      const grants = [allow("order:read"), stewardsUpdate];
      return world.send(await steward(world), "PUT", `/roles/${name}`, { extends: [], grants });
    },
  },
  {
    name: "by editing a role that they hold",
    attempt: async (world) => {
      const name = await world.role({ grants: [] });
      const by = await world.person({ roles: ["steward", name] });
      return world.send(by, "PUT", `/roles/${name}`, { extends: [], grants: [allow("order:read")] });
    },
    status: 403,
    code: "own_access",
    allowed: async (world) => {
      const name = await world.role({ grants: [] });
      const by = await steward(world);
      return world.send(by, "PUT", `/roles/${name}`, { extends: [], grants: [allow("order:read")] });
    },
  },
  {
    name: "by editing a role that one of theirs extends",
    attempt: async (world) => {
      const below = await world.role({ grants: [] });
      const held = await world.role({ extends: [below] });
      const by = await world.person({ roles: ["steward", held] });
      return world.send(by, "PUT", `/roles/${below}`, { extends: ["user"], grants: [] });
    },
    status: 403,
    code: "own_access",
    allowed: async (world) => {
      const below = await world.role({ grants: [] });
      const held = await world.role({});
      const by = await world.person({ roles: ["steward", held] });
      return world.send(by, "PUT", `/roles/${below}`, { extends: ["user"], grants: [] });
    },
  },
  {
    name: "by making a role of a name that they hold already",
    attempt: async (world) => {
      const name = world.newName();
      const by = await world.person({ roles: ["steward", name] });
      return world.send(by, "POST", "/roles", { name, extends: [], grants: [allow("order:read")] });
    },
    status: 409,
    code: "role_in_use",
    allowed: async (world) => createRole(world, await steward(world), [allow("order:read")]),
  },
  {
    name: "by giving a role before it exists",
    attempt: async (world) => setRoles(world, await admin(world), await world.person(), [world.newName()]),
    status: 422,
    code: "validation_failed",
    allowed: async (world) =>
      setRoles(world, await admin(world), await world.person(), [await world.role({ extends: ["user"] })]),
  },
  {
    name: "by a direct grant to an accomplice",
    attempt: async (world) => give(world, await steward(world), allow("order:delete")),
    status: 403,
    code: "authority_exceeded",
    allowed: async (world) => give(world, await steward(world), allow("order:read")),
  },
  {
    name: "by a direct grant to themselves",
    attempt: async (world) => {
      const by = await steward(world);
      return setGrants(world, by, by, [allow("order:read")]);
    },
    status: 403,
    code: "own_access",
    allowed: async (world) => give(world, await steward(world), allow("order:read", { where: "own" })),
  },
  {
    name: "by lifting a denial of their own",
    attempt: async (world) => {
      const by = await world.person({ roles: ["admin"], grants: [deny("order:delete")] });
      return setGrants(world, by, by, []);
    },
    status: 403,
    code: "own_access",
    allowed: async (world) => {
      const other = await world.person({ roles: ["admin"], grants: [deny("order:read")] });
      return setGrants(world, await admin(world), other, []);
    },
  },
  {
    name: "by lifting a denial of what they do not hold",
    attempt: async (world) => {
      const other = await world.person({ roles: ["admin"], grants: [deny("order:update")] });
      return setGrants(world, await steward(world), other, []);
    },
    status: 403,
    code: "authority_exceeded",
    allowed: async (world) => {
      const other = await world.person({ roles: ["viewer"], grants: [deny("order:read")] });
      return setGrants(world, await steward(world), other, []);
    },
  },
  {
    name: "by lifting a denial through the role that carries it",
    attempt: async (world) => {
      const barred = await world.role({ grants: [deny("order:update")] });
      const other = await world.person({ roles: ["admin", barred] });
      return setRoles(world, await steward(world), other, ["admin"]);
    },
    status: 403,
    code: "authority_exceeded",
    allowed: async (world) => {
      const barred = await world.role({ grants: [deny("order:update")] });
      const other = await world.person({ roles: ["user", barred] });
      return setRoles(world, await steward(world), other, ["user"]);
    },
  },
  {
    name: "by lifting the denial from the role itself",
    attempt: async (world) => {
      const name = await world.role({ grants: [deny("order:update")] });
      return world.send(await steward(world), "PUT", `/roles/${name}`, { extends: [], grants: [] });
    },
    status: 403,
    code: "authority_exceeded",
    allowed: async (world) => {
      const name = await world.role({ grants: [deny("order:read")] });
      return world.send(await steward(world), "PUT", `/roles/${name}`, { extends: [], grants: [] });
    },
  },
  {
    name: "by barring someone who holds more",
    attempt: async (world) => {
      const other = await world.person({ roles: ["admin"] });
      return setGrants(world, await steward(world), other, [deny("order:update")]);
    },
    status: 403,
    code: "authority_exceeded",
    allowed: async (world) => {
      const other = await world.person({ roles: ["admin"] });
      return setGrants(world, await steward(world), other, [deny("order:read")]);
    },
  },
  {
    name: "who is barred from something themselves hands it on",
    attempt: async (world) => {
      const by = await world.person({ roles: ["steward"], grants: [deny("order:read", "notYetPaid")] });
      return give(world, by, allow("order:read", { where: "own" }));
    },
    status: 403,
    code: "authority_exceeded",
    allowed: async (world) => {
      const by = await world.person({ roles: ["steward"], grants: [deny("order:read", "notYetPaid")] });
      return give(world, by, stewardsUpdate);
    },
  },
  {
    name: "by taking a role from someone who holds more",
    attempt: async (world) => {
      const other = await world.person({ roles: ["admin", "user"] });
      return setRoles(world, await steward(world), other, ["user"]);
    },
    status: 403,
    code: "authority_exceeded",
    allowed: async (world) => {
      const other = await world.person({ roles: ["admin", "user"] });
      return setRoles(world, await steward(world), other, ["admin"]);
    },
  },
  {
    name: "by removing a role that holds more",
    attempt: async (world) => {
      const name = await world.role({ extends: ["admin"] });
      return world.send(await steward(world), "DELETE", `/roles/${name}`);
    },
    status: 403,
    code: "authority_exceeded",
    allowed: async (world) => {
      const name = await world.role({ extends: ["user"] });
      return world.send(await steward(world), "DELETE", `/roles/${name}`);
    },
  },
  {
    name: "by leaving out the condition",
    attempt: async (world) => give(world, await steward(world), { ...stewardsUpdate, where: "own" }),
    status: 403,
    code: "authority_exceeded",
    allowed: async (world) => give(world, await steward(world), stewardsUpdate),
  },
  {
    name: "by wider fields",
    attempt: async (world) =>
      give(world, await steward(world), { ...stewardsUpdate, fields: ["status", "total", "ownerId"] }),
    status: 403,
    code: "authority_exceeded",
    allowed: async (world) => give(world, await steward(world), { ...stewardsUpdate, fields: ["status"] }),
  },
  {
    name: "by no fields at all, which are all",
    attempt: async (world) => {
      const { fields: _, ...whole } = stewardsUpdate;
      return give(world, await steward(world), whole);
    },
    status: 403,
    code: "authority_exceeded",
    allowed: async (world) => {
      const { fields: _, ...whole } = stewardsUpdate;
      return give(world, await admin(world), whole);
    },
  },
  {
    name: "by dropping what the grant always sets",
    attempt: async (world) => {
      const { set: _, ...free } = stewardsUpdate;
      return give(world, await steward(world), free);
    },
    status: 403,
    code: "authority_exceeded",
    allowed: async (world) => {
      const set = { team: "red", status: "open" };
      return give(world, await steward(world), { ...stewardsUpdate, set });
    },
  },
  {
    name: "by setting something else",
    attempt: async (world) => give(world, await steward(world), { ...stewardsUpdate, set: { team: "blue" } }),
    status: 403,
    code: "authority_exceeded",
    allowed: async (world) => give(world, await admin(world), { ...stewardsUpdate, set: { team: "blue" } }),
  },
  {
    name: "by setting what they may not write",
    attempt: async (world) => {
      const set = { team: "red", ownerId: { principal: "id" } } as const;
      return give(world, await steward(world), { ...stewardsUpdate, set });
    },
    status: 403,
    code: "authority_exceeded",
    allowed: async (world) => {
      const set = { team: "red", ownerId: { principal: "id" } } as const;
      return give(world, await admin(world), { ...stewardsUpdate, set });
    },
  },
  {
    name: "by asking less of the sign-in",
    attempt: async (world) => give(world, await admin(world), allow("order:delete", { assurance: "mfa" })),
    status: 403,
    code: "authority_exceeded",
    allowed: async (world) =>
      give(world, await admin(world), allow("order:delete", { assurance: "mfa", maxAge: "10m" })),
  },
  {
    name: "who is not signed in strongly enough hands on what asks for it",
    attempt: async (world) => {
      const by = await world.person({ roles: ["admin"] });
      return give(world, by, allow("order:delete", { assurance: "mfa", maxAge: "15m" }));
    },
    status: 403,
    code: "authority_exceeded",
    allowed: async (world) =>
      give(world, await admin(world), allow("order:delete", { assurance: "mfa", maxAge: "15m" })),
  },
  {
    name: "with a token that is narrowed by its scope",
    attempt: async (world) => {
      const claims = { roles: ["admin"], scope: "bulwark_access:update order:read" };
      return give(world, await world.withToken(await admin(world), claims), allow("order:update"));
    },
    status: 403,
    code: "authority_exceeded",
    allowed: async (world) => {
      const claims = { roles: ["admin"], scope: "bulwark_access:update order:read" };
      return give(world, await world.withToken(await admin(world), claims), allow("order:read"));
    },
  },
  {
    name: "with a token whose scope does not cover the administration",
    attempt: async (world) => {
      const claims = { roles: ["admin"], scope: "order:read" };
      return give(world, await world.withToken(await admin(world), claims), allow("order:read"));
    },
    status: 403,
    code: "permission_denied",
    allowed: async (world) =>
      give(world, await world.withToken(await admin(world), { roles: ["admin"] }), allow("order:read")),
  },
  {
    name: "with a token that names more roles than are held now",
    attempt: async (world) => {
      const by = await world.withToken(await steward(world), { roles: ["admin", "steward"] });
      return give(world, by, allow("order:update"));
    },
    status: 403,
    code: "authority_exceeded",
    allowed: async (world) => {
      const by = await world.withToken(await steward(world), { roles: ["admin", "steward"] });
      return give(world, by, allow("order:read"));
    },
  },
  {
    name: "with a token that names fewer roles than are held now",
    attempt: async (world) => {
      const both = await world.person({ roles: ["admin", "steward"] });
      return give(world, await world.withToken(both, { roles: ["steward"] }), allow("order:update"));
    },
    status: 403,
    code: "authority_exceeded",
    allowed: async (world) => {
      const both = await world.person({ roles: ["admin", "steward"] });
      return give(world, await world.withToken(both, { roles: ["admin"] }), allow("order:update"));
    },
  },
  {
    name: "with a token of a session that has ended",
    attempt: async (world) => {
      const by = await world.withToken(await admin(world), { roles: ["admin"], sid: "ended" });
      return give(world, by, allow("order:read"));
    },
    status: 403,
    code: "authority_exceeded",
    allowed: async (world) => {
      const person = await admin(world);
      const [session] = await world.identity.sessions.list(person.id);
      const by = await world.withToken(person, { roles: ["admin"], sid: session?.id });
      return give(world, by, allow("order:read"));
    },
  },
  {
    name: "with an API key that is limited to some scopes",
    attempt: async (world) => {
      const by = await world.withKey(await admin(world), ["bulwark_access:update", "order:read"]);
      return setRoles(world, by, await world.person(), ["user"]);
    },
    status: 403,
    code: "authority_exceeded",
    allowed: async (world) => {
      const by = await world.withKey(await admin(world), ["bulwark_access:update", "order:read"]);
      return setRoles(world, by, await world.person(), ["viewer"]);
    },
  },
  {
    name: "with an API key of their own against themselves",
    attempt: async (world) => {
      const person = await admin(world);
      return setRoles(world, await world.withKey(person), person, ["admin", "user"]);
    },
    status: 403,
    code: "own_access",
    allowed: async (world) =>
      setRoles(world, await world.withKey(await admin(world)), await steward(world), []),
  },
  {
    name: "a client gives itself a role",
    attempt: async (world) => {
      const by = await world.client({ roles: ["steward"] });
      return setRoles(world, by, by, ["steward", "user"]);
    },
    status: 403,
    code: "own_access",
    allowed: async (world) =>
      setRoles(world, await world.client({ roles: ["steward"] }), await world.client(), ["user"]),
  },
  {
    name: "a client gives what it does not hold",
    attempt: async (world) => {
      const by = await world.client({ roles: ["steward"] });
      return setGrants(world, by, await world.client(), [allow("order:update")]);
    },
    status: 403,
    code: "authority_exceeded",
    allowed: async (world) => {
      const by = await world.client({ roles: ["steward"] });
      return setGrants(world, by, await world.client(), [allow("order:read")]);
    },
  },
  {
    name: "an account of a client's id is taken for that client",
    attempt: async (world) => {
      const client = await world.client({ roles: ["admin"] });
      const posing = await world.withToken({ ...client, kind: "account" }, { roles: ["admin"] });
      return give(world, posing, allow("order:read"));
    },
    status: 403,
    code: "authority_exceeded",
    allowed: async (world) => give(world, await world.client({ roles: ["admin"] }), allow("order:read")),
  },
  {
    name: "by members that are not asked for",
    attempt: async (world) =>
      world.send(await steward(world), "PUT", `/accounts/${(await world.person()).id}/grants`, {
        grants: [],
        roles: ["admin"],
      }),
    status: 422,
    code: "validation_failed",
    allowed: async (world) => {
      const other = await world.person({ grants: [allow("order:read")] });
      return world.send(await steward(world), "PUT", `/accounts/${other.id}/grants`, { grants: [] });
    },
  },
  {
    name: "by a grant that says whose role it is of",
    attempt: async (world) =>
      give(world, await steward(world), { ...allow("order:read"), role: "admin" } as GrantData),
    status: 422,
    code: "validation_failed",
    allowed: async (world) => give(world, await steward(world), allow("order:read")),
  },
  {
    name: "by a role that says it is the contract's",
    attempt: async (world) =>
      world.send(await steward(world), "POST", "/roles", {
        name: world.newName(),
        origin: "contract",
        extends: [],
        grants: [],
      }),
    status: 422,
    code: "validation_failed",
    allowed: async (world) => createRole(world, await steward(world), []),
  },
  {
    name: "by a member that every object has",
    attempt: async (world) =>
      world.send(
        await steward(world),
        "POST",
        "/roles",
        `{"name":"x","extends":[],"grants":[],"__proto__":{"effect":"allow"}}`,
      ),
    status: 400,
    code: "body_malformed",
    allowed: async (world) => createRole(world, await steward(world), []),
  },
  ...["__proto__", "constructor", "toString", "hasOwnProperty"].map(
    (name): Attempt => ({
      name: `by a role called ${name}`,
      attempt: async (world) =>
        world.send(await steward(world), "POST", "/roles", { name, extends: [], grants: [] }),
      status: 422,
      code: "validation_failed",
      allowed: async (world) => createRole(world, await steward(world), []),
    }),
  ),
  {
    name: "by a role that stands in for one of the contract's",
    attempt: async (world) =>
      world.send(await admin(world), "POST", "/roles", { name: "user", extends: ["admin"], grants: [] }),
    status: 409,
    code: "role_declared",
    allowed: async (world) => createRole(world, await admin(world), [], ["user"]),
  },
  {
    name: "by editing one of the contract's roles",
    attempt: async (world) =>
      world.send(await admin(world), "PUT", "/roles/user", { extends: ["steward"], grants: [] }),
    status: 409,
    code: "role_declared",
    allowed: async (world) =>
      world.send(await admin(world), "PUT", `/roles/${await world.role({})}`, {
        extends: ["steward"],
        grants: [],
      }),
  },
  {
    name: "by two roles that extend each other",
    attempt: async (world) => {
      const one = await world.role({});
      const other = await world.role({ extends: [one] });
      return world.send(await steward(world), "PUT", `/roles/${one}`, { extends: [other], grants: [] });
    },
    status: 422,
    code: "validation_failed",
    allowed: async (world) => {
      const one = await world.role({});
      const other = await world.role({});
      return world.send(await steward(world), "PUT", `/roles/${one}`, { extends: [other], grants: [] });
    },
  },
  ...(
    [
      ["permission", allow("order:own")],
      ["resource", allow("payroll:read")],
      ["condition", allow("order:read", { where: "everything" })],
      ["attribute", allow("order:update", { fields: ["isAdmin"] })],
      ["attribute to set", allow("order:update", { set: { isAdmin: true } })],
      ["level", allow("order:read", { assurance: "none" })],
      ["duration", allow("order:read", { maxAge: "for ever" })],
    ] as const
  ).map(
    ([what, grant]): Attempt => ({
      name: `by a ${what} that the contract does not know`,
      attempt: async (world) => give(world, await admin(world), grant),
      status: 422,
      code: "validation_failed",
      allowed: async (world) => give(world, await admin(world), allow("order:read", { maxAge: "1h" })),
    }),
  ),
  {
    name: "with the entity tag of something else",
    attempt: async (world) => {
      const by = await admin(world);
      const [mine, other] = [await world.role({}), await world.role({ extends: ["user"] })];
      const { etag } = await world.send(by, "GET", `/roles/${other}`);
      const contents = { extends: ["viewer"], grants: [] };
      return world.send(by, "PUT", `/roles/${mine}`, contents, { "if-match": etag });
    },
    status: 412,
    code: "changed_meanwhile",
    allowed: async (world) => {
      const by = await admin(world);
      const mine = await world.role({});
      const { etag } = await world.send(by, "GET", `/roles/${mine}`);
      const contents = { extends: ["viewer"], grants: [] };
      return world.send(by, "PUT", `/roles/${mine}`, contents, { "if-match": etag });
    },
  },
  {
    name: "by writing what was read before someone took something away",
    attempt: async (world) => {
      const by = await admin(world);
      const other = await world.person({ roles: ["viewer"] });
      const { etag } = await world.send(by, "GET", `/accounts/${other.id}/access`);
      assert.equal((await setRoles(world, by, other, [])).status, 200);
      const body = { roles: ["user", "viewer"] };
      return world.send(by, "PUT", `/accounts/${other.id}/roles`, body, { "if-match": etag });
    },
    status: 412,
    code: "changed_meanwhile",
    allowed: async (world) => {
      const by = await admin(world);
      const other = await world.person({ roles: ["viewer"] });
      const { etag } = await setRoles(world, by, other, []);
      const body = { roles: ["user", "viewer"] };
      return world.send(by, "PUT", `/accounts/${other.id}/roles`, body, { "if-match": etag });
    },
  },
  {
    name: "in a session that was opened before they lost the right",
    attempt: async (world) => {
      const by = await admin(world);
      assert.equal((await give(world, by, allow("order:read"))).status, 200);
      assert.equal((await setRoles(world, await admin(world), by, ["user"])).status, 200);
      return give(world, by, allow("order:read"));
    },
    status: 403,
    code: "permission_denied",
    allowed: async (world) => {
      const by = await admin(world);
      assert.equal((await give(world, by, allow("order:read"))).status, 200);
      assert.equal((await setRoles(world, await admin(world), by, ["admin", "user"])).status, 200);
      return give(world, by, allow("order:read"));
    },
  },
  {
    name: "with a token that was issued before they lost the right",
    attempt: async (world) => {
      const person = await admin(world);
      const by = await world.withToken(person, { roles: ["admin"] });
      assert.equal((await give(world, by, allow("order:read"))).status, 200);
      assert.equal((await setRoles(world, await admin(world), person, ["user"])).status, 200);
      return give(world, by, allow("order:read"));
    },
    status: 401,
    code: "unauthenticated",
    allowed: async (world) => {
      const by = await world.withToken(await admin(world), { roles: ["admin"] });
      return give(world, by, allow("order:read"));
    },
  },
  {
    name: "once the account is disabled",
    attempt: async (world) => {
      const person = await admin(world);
      const by = await world.withToken(person, { roles: ["admin"], iat: Math.floor(Date.now() / 1000) + 4 });
      await world.identity.accounts.disable(person.id);
      return give(world, by, allow("order:read"));
    },
    status: 403,
    code: "authority_exceeded",
    allowed: async (world) => {
      const by = await world.withToken(await admin(world), {
        roles: ["admin"],
        iat: Math.floor(Date.now() / 1000) + 4,
      });
      return give(world, by, allow("order:read"));
    },
  },
  ...(
    [
      ["another site", { origin: "https://evil.example", "sec-fetch-site": "cross-site" }],
      ["a site that may call the API", { origin: "https://shop.example", "sec-fetch-site": "cross-site" }],
      ["a sibling of this one", { "sec-fetch-site": "same-site" }],
      ["nowhere that the browser says", { origin: "", "sec-fetch-site": "" }],
    ] as const
  ).map(
    ([where, fields]): Attempt => ({
      name: `with the cookie of an administrator, from ${where}`,
      attempt: async (world) => {
        const by = await admin(world);
        const sent = Object.fromEntries(
          Object.entries({ ...by.fields, ...fields }).filter(([, value]) => value !== ""),
        );
        return give(world, { ...by, fields: sent }, allow("order:read"));
      },
      status: 403,
      code: "cross_site_refused",
      allowed: async (world) => give(world, await admin(world), allow("order:read")),
    }),
  ),
  {
    name: "with nothing",
    attempt: async (world) => give(world, { ...(await world.person()), fields: {} }, allow("order:read")),
    status: 401,
    code: "unauthenticated",
    allowed: async (world) => give(world, await admin(world), allow("order:read")),
  },
];

describeEachStore("escalating by way of the administration", ({ options, available, behaves }) => {
  let world: AdminWorld;
  let second: AdminWorld;
  before(async () => {
    if (!available()) return;
    world = await openAdminWorld(options());
    // Another process would be another server on the same store, of the same issuer.
    second = await openAdminWorld(options(), { issuer: world.origin });
  });
  after(async () => {
    await second?.stop();
    await world?.stop();
  });

  for (const { name, attempt, status, code, allowed } of attempts) {
    behaves(`is refused: ${name}`, async () => {
      const refused = await attempt(world);
      assert.equal(refused.status, status, JSON.stringify(refused.body));
      assert.equal(refused.code, code);
      const nearest = await allowed(world);
      assert.ok(nearest.status < 300, `${nearest.status} ${JSON.stringify(nearest.body)}`);
    });
  }

  behaves("changes nothing where it is refused", async () => {
    const by = await steward(world);
    const other = await world.person({ roles: ["user"], grants: [allow("order:read")] });
    const name = await world.role({ grants: [allow("order:read")] });
    const reader = await admin(world);
    const look = async () => [
      (await world.send(reader, "GET", `/accounts/${other.id}/access`)).body,
      (await world.send(reader, "GET", `/roles/${name}`)).body,
    ];
    const before = await look();
    for (const refused of [
      await setRoles(world, by, other, ["admin"]),
      await setGrants(world, by, other, [allow("order:delete")]),
      await world.send(by, "PUT", `/roles/${name}`, { extends: ["admin"], grants: [] }),
    ]) {
      assert.equal(refused.status, 403);
      assert.ok(refused.body.permissions.length > 0);
    }
    assert.deepEqual(await look(), before);
  });

  behaves("of two administrators who demote each other at once, one comes first", async () => {
    for (let round = 0; round < 10; round += 1) {
      const [one, other] = [await admin(world), await admin(world)];
      const answers = await Promise.all([
        setRoles(world, one, other, ["user"]),
        setRoles(round % 2 === 0 ? world : second, other, one, ["user"]),
      ]);
      const statuses = answers.map(({ status }) => status).sort();
      assert.equal(statuses[0], 200, JSON.stringify(answers));
      assert.equal(statuses[1], 403, JSON.stringify(answers));
      const roles = await Promise.all(
        [one, other].map(async ({ id }) => (await world.identity.accounts.findById(id))?.roles),
      );
      assert.deepEqual(roles.flat().sort(), ["admin", "user"]);
    }
  });

  behaves("an administrator who is being demoted gives nothing after that", async () => {
    for (let round = 0; round < 5; round += 1) {
      const by = await admin(world);
      const [boss, friend] = [await admin(world), await world.person()];
      const asked = Array.from({ length: 4 }, (_, index) =>
        setGrants(index % 2 === 0 ? world : second, by, friend, [
          allow("order:read"),
          allow("order:read", { maxAge: `${round + 1}${index}m` }),
        ]),
      );
      const demoted = await setRoles(world, boss, by, []);
      assert.equal(demoted.status, 200);
      await Promise.all(asked);
      const events = await world.identity.audit.list({ actor: by, limit: 100 });
      const [demotion] = await world.identity.audit.list({ target: by, limit: 1 });
      for (const { sequence, outcome } of events) {
        assert.ok(outcome === "refused" || sequence < (demotion?.sequence ?? 0), "made after the demotion");
      }
    }
  });

  behaves("counts a right that was taken away before the guard has heard of it", async () => {
    for (let round = 0; round < 3; round += 1) {
      const by = await world.person({ roles: ["steward"] });
      const other = await world.person();
      assert.equal((await setGrants(second, by, other, [allow("order:read")])).status, 200);
      await world.byProgram("grants_set", `account:${by.id}`, () =>
        world.identity.roles.setGrants(by, [deny("bulwark_access:update")]),
      );
      // The other process hears of it within a quarter of a second; what the store says counts at once.
      const late = await setGrants(second, by, other, []);
      assert.equal(late.status, 403, JSON.stringify(late.body));
    }
  });

  behaves("of many who write the same role as they read it, one wins", async () => {
    const by = await admin(world);
    const name = await world.role({});
    const { etag } = await world.send(by, "GET", `/roles/${name}`);
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, index) =>
        (index % 2 === 0 ? world : second).send(
          by,
          "PUT",
          `/roles/${name}`,
          { extends: [], grants: [allow("order:read", { maxAge: `${index + 1}m` })] },
          { "if-match": etag },
        ),
      ),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 412, 412, 412, 412, 412]);
  });

  behaves(
    "leaves an audit log of every change and every attempt, by who made it, and of nothing else",
    async () => {
      const auditor = await world.person({ roles: ["auditor"] });
      const found: string[] = [];
      const sequences: number[] = [];
      for (let before: number | null = null, more = true; more; ) {
        const query: string = before === null ? "" : `&before=${before}`;
        const { status, body } = await world.send(auditor, "GET", `/audit?limit=200${query}`);
        assert.equal(status, 200);
        for (const { sequence, actor, action, outcome, target } of body.items) {
          found.push(`${actor.kind}:${actor.id} ${action} ${outcome} ${target.kind}:${target.id}`);
          sequences.push(sequence);
        }
        before = body.next;
        more = before !== null;
      }
      assert.deepEqual(found.sort(), [...world.written, ...second.written].sort());
      assert.deepEqual(
        sequences,
        Array.from({ length: sequences.length }, (_, index) => sequences.length - index),
        "newest first, without gaps",
      );
    },
  );
});
