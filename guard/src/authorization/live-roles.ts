/**
 * Roles as they are now: the contract's, with the custom roles and the direct grants that the identity server keeps.
 *
 * What is stored may be older than the contract that reads it. A grant that the contract no longer knows grants nothing;
 * a denial whose condition it no longer knows bars every row.
 */
import { ContractError } from "../contract/refusal.ts";
import { type Authority, type CompiledGrant, createAuthority } from "./authority.ts";
import { type GrantData, type GrantVocabulary, readGrant } from "./grant-data.ts";
import type { RoleTable } from "./roles.ts";

/** A role that is kept in a database. */
export interface CustomRole {
  /** Roles whose grants it also has: the contract's, or other custom ones. */
  readonly extends: readonly string[];
  readonly grants: readonly GrantData[];
}

/** An account or a client. */
export interface GrantedSubject {
  readonly kind: "account" | "client";
  readonly id: string;
}

/** What has changed since a version of the roles. */
export interface RoleChanges {
  /** The version these changes begin after; 0: they are everything there is. */
  readonly since: number;
  /** The version they lead to. */
  readonly version: number;
  /** Whether nothing follows: otherwise ask again, since `version`. */
  readonly complete: boolean;
  /** Custom roles by name; `null`: it is gone. */
  readonly roles: Readonly<Record<string, CustomRole | null>>;
  readonly subjects: readonly (GrantedSubject & {
    /** Everything that is granted or denied to it directly; none: nothing any more. */
    readonly grants: readonly GrantData[];
  })[];
}

/** Whose authority is asked. */
export interface RoleHolder extends GrantedSubject {
  readonly roles: readonly string[];
}

/** What is granted and denied to one account or client directly. */
interface DirectGrants {
  readonly subject: GrantedSubject;
  readonly grants: readonly CompiledGrant[];
}

export interface LiveRoles {
  /** The contract's part. */
  readonly table: RoleTable;
  /** The version that was applied last; 0: none. */
  readonly version: number;
  /** Rises with each change: an authority that was made before it is outdated. */
  readonly epoch: number;
  /** May grants come from elsewhere than the contract? */
  readonly mayChange: boolean;
  apply(changes: RoleChanges): void;
  /** Everything that is granted and barred, by roles and directly; before scopes and assurance. */
  grantsOf(holder: RoleHolder): readonly CompiledGrant[];
  /** All grants of a role: the contract's, or a custom one. `undefined`: there is none of that name. */
  grantsOfRole(role: string): readonly CompiledGrant[] | undefined;
  /** The roles that a role extends itself, the contract's or a custom one. */
  parentsOf(role: string): readonly string[];
  /** Who is granted or denied something directly, with what. */
  directGrants(): readonly DirectGrants[];
  /** The names of the custom roles. */
  customRoles(): readonly string[];
  /** @param scopes The only permissions it may have; default all. */
  authorityOf(holder: RoleHolder, scopes?: readonly string[]): Authority;
}

export interface LiveRolesOptions {
  readonly table: RoleTable;
  readonly vocabulary: GrantVocabulary;
  /** Whether `apply` will be called; default false. */
  readonly mayChange?: boolean;
  /** Told of each stored grant that the contract does not know. */
  readonly onUnknown?: (error: ContractError) => void;
}

/** Grants that are the same to the letter are compiled once: most accounts are granted what others are. */
const maxShared = 10_000;
/** Sets of roles kept compiled; beyond it the oldest is dropped. Roles come from signed tokens and from sessions. */
const maxAuthorities = 4_096;

export function createLiveRoles(options: LiveRolesOptions): LiveRoles {
  const { table, vocabulary, mayChange = false, onUnknown = () => {} } = options;
  const custom = new Map<string, CompiledRole>();
  const direct = new Map<string, DirectGrants>();
  const authorities = new Map<string, Authority>();
  let version = 0;
  let epoch = 0;

  const compiled = new Map<string, readonly CompiledGrant[]>();

  const compileOne = (data: GrantData, role: string | undefined, place: string) => {
    const key = JSON.stringify([role, data]);
    const known = compiled.get(key);
    if (known !== undefined) return known;
    try {
      const grants = [table.compile(readGrant(data, vocabulary, place), role, place)];
      if (compiled.size >= maxShared) compiled.clear();
      compiled.set(key, grants);
      return grants;
    } catch (error) {
      if (!(error instanceof ContractError)) throw error;
      onUnknown(error);
      return data?.effect === "allow" ? [] : barAll(data?.permission, role, place, { table, vocabulary });
    }
  };
  const compile = (grants: readonly GrantData[], role: string | undefined, place: string) =>
    Object.freeze(grants.flatMap((data, index) => compileOne(data, role, `${place}[${index}]`)));

  const grantsOfRole = (name: string): readonly CompiledGrant[] | undefined => {
    if (!table.names.includes(name) && !custom.has(name)) return undefined;
    const found: CompiledGrant[] = [];
    const seen = new Set<string>();
    const visit = (role: string) => {
      if (seen.has(role)) return;
      seen.add(role);
      // A custom role can never stand in for one of the contract's.
      const own = table.names.includes(role) ? undefined : custom.get(role);
      if (own === undefined) found.push(...table.grantsOf(role));
      else {
        for (const parent of own.extends) visit(parent);
        found.push(...own.grants);
      }
    };
    visit(name);
    return found;
  };

  const grantsOfRoles = (roles: readonly string[]) => roles.flatMap((role) => grantsOfRole(role) ?? []);

  return Object.freeze({
    table,
    mayChange,
    get version() {
      return version;
    },
    get epoch() {
      return epoch;
    },
    apply(changes: RoleChanges) {
      if (changes.since === 0) {
        custom.clear();
        direct.clear();
      }
      for (const [name, role] of Object.entries(changes.roles)) {
        if (role === null) custom.delete(name);
        else
          custom.set(name, {
            extends: role.extends,
            grants: compile(role.grants, name, `roles.${name}.grants`),
          });
      }
      for (const { kind, id, grants } of changes.subjects) {
        const key = keyOf({ kind, id });
        if (grants.length === 0) direct.delete(key);
        else
          direct.set(key, {
            subject: { kind, id },
            grants: compile(grants, undefined, `${kind} ${id}`),
          });
      }
      version = changes.version;
      epoch += 1;
      authorities.clear();
    },
    grantsOfRole,
    parentsOf: (role: string) =>
      table.names.includes(role) ? table.parentsOf(role) : (custom.get(role)?.extends ?? []),
    directGrants: () => [...direct.values()],
    customRoles: () => [...custom.keys()],
    grantsOf: (holder: RoleHolder) => [
      ...new Set([...grantsOfRoles(holder.roles), ...(direct.get(keyOf(holder))?.grants ?? [])]),
    ],
    authorityOf(holder: RoleHolder, scopes?: readonly string[]): Authority {
      const own = direct.get(keyOf(holder));
      if (own !== undefined) {
        return createAuthority([...grantsOfRoles(holder.roles), ...own.grants], table.permissions, scopes);
      }
      const key = JSON.stringify([holder.roles, scopes]);
      const known = authorities.get(key);
      if (known !== undefined) return known;
      const authority = createAuthority(grantsOfRoles(holder.roles), table.permissions, scopes);
      if (authorities.size >= maxAuthorities) authorities.delete(authorities.keys().next().value ?? "");
      authorities.set(key, authority);
      return authority;
    },
  });
}

interface CompiledRole {
  readonly extends: readonly string[];
  readonly grants: readonly CompiledGrant[];
}

/** Ids of accounts and of clients are two name spaces. */
function keyOf({ kind, id }: GrantedSubject): string {
  return `${kind}:${id}`;
}

/** A denial that cannot be read bars every row of its permission, where that still exists. */
function barAll(
  permission: string | undefined,
  role: string | undefined,
  place: string,
  { table, vocabulary }: Pick<LiveRolesOptions, "table" | "vocabulary">,
): readonly CompiledGrant[] {
  if (permission === undefined || table.permissionIndex(permission) === undefined) return [];
  const whole = readGrant({ effect: "deny", permission }, vocabulary, place);
  return [table.compile(whole, role, place)];
}
