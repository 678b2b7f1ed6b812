/** Custom roles, and what accounts and clients hold: kept in the store, told to every guard, each change in the audit log. */
import type { CustomRole, GrantData, GrantedSubject, LiveRoles, Security } from "@bulwark/guard";
import { createLiveRoles, createRoleSync } from "@bulwark/guard/roles";
import type { Transaction } from "kysely";
import { requireRoles } from "../accounts/attributes.ts";
import { recordEvent } from "../audit/record-event.ts";
import { IdentityError } from "../errors.ts";
import type { Feed } from "../feed/feed.ts";
import type { Database, Tables } from "../storage/schema.ts";
import type { Actor } from "./actor.ts";
import { type Administrator, knowGrants } from "./administrator.ts";
import { createChangeRoles } from "./change.ts";
import { requireMatch } from "./entity-tag.ts";
import { difference, needsOf } from "./needs.ts";
import { inherited, planRole, requireKnown } from "./plan-role.ts";
import { findHolder, isRoleHeld, replaceRoles } from "./replace-roles.ts";
import { readChanges, readGrants, readRoles, writeGrants } from "./role-records.ts";
import { bounds, requireExtends, requireGrants, requireRoleName } from "./role-rules.ts";

/** Who makes a change, and what they have seen before it. */
interface ChangeOptions {
  readonly by: Actor | Administrator;
  /** The `If-Match` of the request. */
  readonly ifMatch?: string | undefined;
}

/** What an account or a client holds. */
export interface Access {
  readonly roles: readonly string[];
  /** What it is granted and denied directly. */
  readonly grants: readonly GrantData[];
}

/** Each change throws `IdentityError`; by an administrator also `AuthorityError`. */
export interface RoleKeeper {
  /** The custom roles by name, sorted. */
  list(): Promise<ReadonlyMap<string, CustomRole>>;
  find(name: string): Promise<CustomRole | undefined>;
  create(name: string, role: CustomRole, options: ChangeOptions): Promise<CustomRole>;
  replace(name: string, role: CustomRole, options: ChangeOptions): Promise<CustomRole>;
  remove(name: string, options: ChangeOptions): Promise<void>;
  /** `undefined`: there is no such account or client. */
  accessOf(subject: GrantedSubject): Promise<(Access & { readonly name: string }) | undefined>;
  assign(subject: GrantedSubject, roles: readonly string[], options: ChangeOptions): Promise<Access>;
  setGrants(subject: GrantedSubject, grants: readonly GrantData[], options: ChangeOptions): Promise<Access>;
  /** Everything compiled, as it is now. */
  current(): Promise<LiveRoles>;
}

export interface RoleKeeperOptions {
  readonly db: Database;
  readonly feed: Feed;
  readonly contract: Security;
  readonly now: () => number;
}

export function createRoleKeeper({ db, feed, contract, now }: RoleKeeperOptions): RoleKeeper {
  const { resources, conditions, roles: table } = contract;
  const change = createChangeRoles({ feed, contract, now });
  const shown = createLiveRoles({ table, vocabulary: { resources, conditions } });
  const syncShown = createRoleSync((since) => readChanges(db, since), shown);
  return { list: () => readRoles(db), find, create, replace, remove, accessOf, assign, setGrants, current };

  async function current(): Promise<LiveRoles> {
    await syncShown({ anew: false });
    return shown;
  }

  async function find(name: string) {
    return (await readRoles(db, name)).get(name);
  }

  async function create(given: string, role: CustomRole, { by }: ChangeOptions): Promise<CustomRole> {
    const { name, made, own } = requireRole(given, role);
    const target = { kind: "role", id: name } as const;
    return change({ action: "role_created", target, by }, async (context) => {
      const { transaction, live } = context;
      if (live.customRoles().includes(name)) {
        throw new IdentityError("role_taken", "name", "There is a role of this name.");
      }
      if (live.customRoles().length >= bounds.roles) {
        throw new IdentityError("roles_too_many", "roles", "There are too many custom roles.");
      }
      // Left from before: whoever holds the name would have the role at once, and nobody gave it to them.
      await refuseHeld(transaction, name);
      const after = [...inherited(made.extends, name, live), ...own];
      const plan = await planRole({ name, after, made }, context, { contract, now });
      return { ...plan, result: made };
    });
  }

  async function replace(given: string, role: CustomRole, { by, ifMatch }: ChangeOptions) {
    const { name, made, own } = requireRole(given, role);
    const target = { kind: "role", id: name } as const;
    return change({ action: "role_replaced", target, by }, async (context) => {
      const { transaction, live } = context;
      const former = await requireFound(transaction, name);
      requireMatch(ifMatch, former);
      const before = live.grantsOfRole(name);
      const after = [...inherited(made.extends, name, live), ...own];
      const plan = await planRole({ name, before, after, former, made }, context, { contract, now });
      return { ...plan, result: made };
    });
  }

  async function remove(given: string, { by, ifMatch }: ChangeOptions): Promise<void> {
    const name = requireRoleName(given, contract);
    const target = { kind: "role", id: name } as const;
    await change({ action: "role_removed", target, by }, async (context) => {
      const { transaction, live } = context;
      const former = await requireFound(transaction, name);
      requireMatch(ifMatch, former);
      const extending = live.customRoles().find((role) => live.parentsOf(role).includes(name));
      if (extending !== undefined) {
        throw new IdentityError("role_in_use", "name", `\`${extending}\` extends it.`);
      }
      await refuseHeld(transaction, name);
      const before = live.grantsOfRole(name);
      const plan = await planRole({ name, before, former }, context, { contract, now });
      return { ...plan, result: undefined };
    });
  }

  async function accessOf(subject: GrantedSubject) {
    const holder = await findHolder(db, subject);
    return holder && { name: holder.name, roles: holder.roles, grants: await readGrants(db, subject) };
  }

  async function assign(subject: GrantedSubject, given: readonly string[], { by, ifMatch }: ChangeOptions) {
    const roles = requireRoles(given, "roles");
    if (roles.length > bounds.held) {
      throw new IdentityError("roles_too_many", "roles", "They are too many for one holder.");
    }
    return change({ action: "roles_assigned", target: subject, by }, async (context) => {
      const { transaction, publish, live } = context;
      const before = await requireAccess(transaction, subject);
      requireMatch(ifMatch, before);
      const added = roles.filter((role) => !before.roles.includes(role));
      for (const role of added) requireKnown(role, live, "roles");
      // One that no longer exists grants nothing: taking it away takes nothing.
      const removed = before.roles.filter((role) => !roles.includes(role));
      const changed = [...added, ...removed].flatMap((role) => live.grantsOfRole(role) ?? []);
      knowGrants(live, subject, before.grants);
      return {
        needs: needsOf(changed, live.grantsOf({ ...subject, roles: [...before.roles, ...roles] })),
        changes: { subject },
        make: (actor) => replaceRoles(subject, roles, { transaction, publish, now, actor }),
        result: { roles, grants: before.grants },
      };
    });
  }

  async function setGrants(
    subject: GrantedSubject,
    grants: readonly GrantData[],
    { by, ifMatch }: ChangeOptions,
  ) {
    const after = requireGrants(grants, undefined, contract);
    return change({ action: "grants_set", target: subject, by }, async (context) => {
      const { transaction, publish, live } = context;
      const { roles, grants: former } = await requireAccess(transaction, subject);
      requireMatch(ifMatch, { roles, grants: former });
      knowGrants(live, subject, former);
      const before = live.grantsOf({ ...subject, roles: [] });
      const held = live.grantsOf({ ...subject, roles });
      return {
        needs: needsOf(difference(before, after), [...held, ...after]),
        changes: { subject },
        async make(actor) {
          if (JSON.stringify(former) === JSON.stringify(grants)) return;
          await writeGrants(transaction, subject, grants);
          const detail = { before: former, after: grants };
          const event = { actor, action: "grants_set", outcome: "done", target: subject, detail } as const;
          await recordEvent(transaction, event, now());
          publish({ kind: "roles" });
        },
        result: { roles, grants },
      };
    });
  }

  /** @throws {IdentityError} `role_invalid`, `role_declared`, `grant_invalid`, `roles_too_many` */
  function requireRole(given: string, role: CustomRole) {
    const name = requireRoleName(given, contract);
    const own = requireGrants(role.grants, name, contract);
    return { name, own, made: { extends: requireExtends(role), grants: role.grants } };
  }
}

async function requireFound(transaction: Transaction<Tables>, name: string): Promise<CustomRole> {
  const role = (await readRoles(transaction, name)).get(name);
  if (role === undefined) throw new IdentityError("role_unknown", "name", "There is no such custom role.");
  return role;
}

async function refuseHeld(transaction: Transaction<Tables>, name: string): Promise<void> {
  if (!(await isRoleHeld(transaction, name))) return;
  throw new IdentityError("role_in_use", "name", "An account or a client holds it.");
}

async function requireAccess(transaction: Transaction<Tables>, subject: GrantedSubject): Promise<Access> {
  const holder = await findHolder(transaction, subject);
  if (holder === undefined) {
    throw new IdentityError(`${subject.kind}_unknown`, "id", `No ${subject.kind} has this id.`);
  }
  return { roles: holder.roles, grants: await readGrants(transaction, subject) };
}
