/** Custom roles and direct grants, as the program itself changes them: by a migration, a seed, a command. */
import type { CustomRole, GrantData, GrantedSubject, LiveRoles } from "@bulwark/guard";
import { IdentityError } from "../errors.ts";
import { program } from "./actor.ts";
import type { Access, RoleKeeper } from "./role-keeper.ts";

/**
 * Each change is in the audit log as the program's, and counts at every guard within a second. It is checked against the
 * contract, and not against anybody's authority: what asks for somebody must ask `/admin/api`.
 *
 * @throws {IdentityError} all of them `contract_missing`
 */
export interface Roles {
  /** The custom roles by name, sorted. */
  list(): Promise<ReadonlyMap<string, CustomRole>>;
  find(name: string): Promise<CustomRole | undefined>;
  /**
   * Creates a role.
   *
   * @throws {IdentityError} `role_invalid`, `role_declared`, `role_taken`, `role_in_use`, `role_undeclared`, `role_cycle`,
   *   `grant_invalid`, `roles_too_many`
   * @example
   * await identity.roles.create("support", {
   *   extends: ["user"],
   *   grants: [{ effect: "allow", permission: "order:read", where: "ofOwnTeam" }],
   * });
   */
  create(name: string, role: CustomRole): Promise<void>;
  /** Gives a role other contents. @throws {IdentityError} as `create`, and `role_unknown` */
  replace(name: string, role: CustomRole): Promise<void>;
  /** Removes a role that nobody holds and none extends. @throws {IdentityError} `role_unknown`, `role_in_use` */
  remove(name: string): Promise<void>;
  /** What an account or a client holds; `undefined`: there is none of that id. */
  accessOf(subject: GrantedSubject): Promise<Access | undefined>;
  /**
   * Grants and denies one account or client these, instead of what it was granted and denied directly.
   *
   * @throws {IdentityError} `account_unknown`, `client_unknown`, `grant_invalid`, `roles_too_many`
   * @example
   * await identity.roles.setGrants({ kind: "account", id }, [{ effect: "deny", permission: "order:update" }]);
   */
  setGrants(subject: GrantedSubject, grants: readonly GrantData[]): Promise<void>;
  /** The contract's roles, the custom ones and the direct grants, compiled, as they are now: to explain decisions by. */
  current(): Promise<LiveRoles>;
}

export function createRoles(keeper: RoleKeeper | undefined): Roles {
  const kept = (): RoleKeeper => {
    if (keeper !== undefined) return keeper;
    throw new IdentityError("contract_missing", "roles", "Nothing says what roles are made of.");
  };
  const by = { by: program } as const;
  return {
    list: async () => kept().list(),
    find: async (name) => kept().find(name),
    create: async (name, role) => void (await kept().create(name, role, by)),
    replace: async (name, role) => void (await kept().replace(name, role, by)),
    remove: async (name) => kept().remove(name, by),
    accessOf: async (subject) => kept().accessOf(subject),
    setGrants: async (subject, grants) => void (await kept().setGrants(subject, grants, by)),
    current: async () => kept().current(),
  };
}
