/**
 * Planning a change of a custom role.
 *
 * A role is as powerful as all that it grants, by itself and by what it extends, before and after. What it denies may bar
 * whatever anybody has: who adds or lifts such a denial must hold it all.
 */
import type { CustomRole, LiveRoles, Security } from "@bulwark/guard";
import { type CompiledGrant, createLiveRoles, permissionOf } from "@bulwark/guard/roles";
import type { Transaction } from "kysely";
import { recordEvent } from "../audit/record-event.ts";
import { IdentityError } from "../errors.ts";
import type { Tables } from "../storage/schema.ts";
import { knowGrants, rolesWithin } from "./administrator.ts";
import type { ChangeContext, Plan } from "./change.ts";
import { difference, needsOf } from "./needs.ts";
import { readAllowing, writeRole } from "./role-records.ts";

export interface RoleChange {
  readonly name: string;
  /** All that it grants and denies, inherited included; none where there is no such role. */
  readonly before?: readonly CompiledGrant[] | undefined;
  readonly after?: readonly CompiledGrant[];
  readonly former?: CustomRole;
  /** `undefined`: it is removed. */
  readonly made?: CustomRole;
}

export interface PlanOptions {
  readonly contract: Security;
  readonly now: () => number;
}

export async function planRole(
  { name, before = [], after = [], former, made }: RoleChange,
  { transaction, publish, live }: ChangeContext,
  { contract, now }: PlanOptions,
): Promise<Omit<Plan<unknown>, "result">> {
  const allowed = [...before, ...after].filter(({ effect }) => effect === "allow");
  const denials = difference(before, after).filter(({ effect }) => effect === "deny");
  const permissions = new Set(denials.map(permissionOf));
  const elsewhere =
    permissions.size === 0 ? [] : await allowedAnywhere(permissions, transaction, live, contract);
  return {
    needs: needsOf([...allowed, ...denials], [...elsewhere, ...after]),
    changes: { role: name },
    async make(actor) {
      if (JSON.stringify(former) === JSON.stringify(made)) return;
      await writeRole(transaction, name, made);
      const action =
        former === undefined ? "role_created" : made === undefined ? "role_removed" : "role_replaced";
      const detail = {
        ...(former === undefined ? {} : { before: former }),
        ...(made === undefined ? {} : { after: made }),
      };
      const target = { kind: "role", id: name } as const;
      await recordEvent(transaction, { actor, action, outcome: "done", target, detail }, now());
      publish({ kind: "roles" });
    },
  };
}

/** What a role would have of those it extends. @throws {IdentityError} `role_undeclared`, `role_cycle` */
export function inherited(
  parents: readonly string[],
  name: string,
  live: LiveRoles,
): readonly CompiledGrant[] {
  if (rolesWithin(parents, live).has(name)) {
    throw new IdentityError("role_cycle", "extends", "It would extend itself.");
  }
  for (const parent of parents) requireKnown(parent, live, "extends");
  return parents.flatMap((parent) => live.grantsOfRole(parent) ?? []);
}

/** @throws {IdentityError} `role_undeclared` */
export function requireKnown(role: string, live: LiveRoles, place: string): void {
  if (live.grantsOfRole(role) !== undefined) return;
  throw new IdentityError("role_undeclared", place, `There is no role ${JSON.stringify(role)}.`);
}

/** Every grant that a denial of these permissions could bar, of whatever role, account or client. */
async function allowedAnywhere(
  permissions: ReadonlySet<string>,
  transaction: Transaction<Tables>,
  live: LiveRoles,
  { roles: table, resources, conditions }: Security,
): Promise<readonly CompiledGrant[]> {
  const found = [...table.names, ...live.customRoles()].flatMap((role) => live.grantsOfRole(role) ?? []);
  for (const permission of permissions) {
    for (const grants of await readAllowing(transaction, permission)) {
      const known = createLiveRoles({ table, vocabulary: { resources, conditions } });
      const anyone = { kind: "account", id: "" } as const;
      knowGrants(known, anyone, grants);
      found.push(...known.grantsOf({ ...anyone, roles: [] }));
    }
  }
  return found;
}
