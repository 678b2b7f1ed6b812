/**
 * The role table: roles, their inheritance and grants, compiled to a bitset and a grant list per permission.
 *
 * A caller's roles become one `Authority`, made once per set of roles and kept. A check is then one bit, and a
 * decision walks only the grants of that permission: its time does not grow with the number of roles.
 */
import { type Assurance, type AssuranceLevels, type Demand, meets } from "../contract/assurance.ts";
import { ContractError, refuseUnknownKeys } from "../contract/refusal.ts";
import type { Grant, Resource } from "../contract/resource.ts";
import { compileDecision, type RowDecision } from "./conditions/decide.ts";

export interface RoleOptions<RoleName extends string = string> {
  /** Roles whose grants this one also has. */
  readonly extends?: readonly RoleName[];
  readonly grants?: readonly Grant[];
}

export interface CompiledGrant extends Grant {
  /** The role that declares it. */
  readonly role: string;
  readonly decide: RowDecision;
  /** What the caller's sign-in must be for the grant to count. */
  readonly demand: Demand | undefined;
}

/** What one set of roles may do. */
export interface Authority {
  /** One bit per permission, in the table's order. */
  readonly bits: Uint32Array;
  /** Grants per permission, in the table's order; empty where the bit is not set. */
  readonly grants: readonly (readonly CompiledGrant[])[];
  /** Does any grant demand something of the sign-in? */
  readonly demanding: boolean;
}

export interface RoleTable {
  /** The index of `order:read`, or `undefined` if the contract has no such permission. */
  permissionIndex(permission: string): number | undefined;
  /** Does any grant of the permission, in any role, demand something of the sign-in? */
  isDemanding(index: number): boolean;
  /**
   * The authority of a set of roles; names the contract does not declare grant nothing.
   *
   * @param scopes The only permissions it may have; default all of its roles'. A name of none grants nothing.
   */
  authorityOf(roles: readonly string[], scopes?: readonly string[]): Authority;
}

/** One bit: may these roles do this at all? */
export function hasPermission(authority: Authority, index: number): boolean {
  return ((authority.bits[index >>> 5] ?? 0) & (1 << (index & 31))) !== 0;
}

const noGrants: readonly CompiledGrant[] = Object.freeze([]);

/** Someone with an authority, and a sign-in that some grants may ask about. */
interface Granted {
  readonly authority: Authority;
  readonly assurance: Assurance;
}

/** The grants of a permission whose demands the caller's sign-in meets. */
export function liveGrants(
  { authority: { grants, demanding }, assurance }: Granted,
  index: number,
  nowMs: number,
): readonly CompiledGrant[] {
  const all = grants[index] ?? noGrants;
  if (!demanding) return all;
  return all.filter(({ demand }) => demand === undefined || meets(assurance, demand, nowMs));
}

/** Sets of roles kept compiled; beyond it the oldest is dropped. Roles come from signed tokens and from sessions. */
const maxAuthorities = 4_096;

/**
 * Compiles the roles.
 *
 * @throws {ContractError} `role_unknown`, `role_cycle`, `resource_unknown`, `assurance_unknown`, `duration_invalid`,
 *   `option_unknown`
 */
export function compileRoles(
  roles: Readonly<Record<string, RoleOptions>>,
  resources: readonly Resource[],
  levels: AssuranceLevels,
): RoleTable {
  const permissions = new Map<string, number>();
  for (const { name, actions } of resources) {
    for (const action of actions) permissions.set(`${name}:${action}`, permissions.size);
  }
  const compiled = new Map<string, readonly CompiledGrant[]>();
  for (const role of Object.keys(roles)) inherit(role, roles, { permissions, levels }, compiled, []);

  const demanding = new Set(
    [...compiled.values()]
      .flat()
      .filter(({ demand }) => demand !== undefined)
      .map(({ resource, action }) => permissions.get(`${resource}:${action}`)),
  );
  const authorities = new Map<string, Authority>();
  return Object.freeze({
    permissionIndex: (permission: string) => permissions.get(permission),
    isDemanding: (index: number) => demanding.has(index),
    authorityOf(names: readonly string[], scopes?: readonly string[]): Authority {
      const key = JSON.stringify([names, scopes]);
      const known = authorities.get(key);
      if (known !== undefined) return known;
      const inScope = ({ resource, action }: Grant) => scopes?.includes(`${resource}:${action}`) ?? true;
      const grants = new Set(names.flatMap((name) => compiled.get(name) ?? []).filter(inScope));
      const authority = createAuthority(grants, permissions);
      if (authorities.size >= maxAuthorities) authorities.delete(authorities.keys().next().value ?? "");
      authorities.set(key, authority);
      return authority;
    },
  });
}

/** All grants of a role, its ancestors' first; `path` is the chain of roles that led here. */
function inherit(
  role: string,
  roles: Readonly<Record<string, RoleOptions>>,
  scope: GrantScope,
  compiled: Map<string, readonly CompiledGrant[]>,
  path: readonly string[],
): readonly CompiledGrant[] {
  const done = compiled.get(role);
  if (done !== undefined) return done;
  const place = `roles.${role}`;
  const options = Object.hasOwn(roles, role) ? roles[role] : undefined;
  if (options === undefined) {
    throw new ContractError("role_unknown", `roles.${path.at(-1)}.extends`, `There is no role \`${role}\`.`);
  }
  if (path.includes(role)) {
    throw new ContractError("role_cycle", `${place}.extends`, `${[...path, role].join(" → ")} is a circle.`);
  }
  refuseUnknownKeys(options, ["extends", "grants"], place);
  const inherited = (options.extends ?? []).flatMap((parent) =>
    inherit(parent, roles, scope, compiled, [...path, role]),
  );
  const own = (options.grants ?? []).map((grant) => compileGrant(grant, role, scope));
  const grants = Object.freeze([...new Set([...inherited, ...own])]);
  compiled.set(role, grants);
  return grants;
}

/** What a grant's names are looked up in. */
interface GrantScope {
  readonly permissions: ReadonlyMap<string, number>;
  readonly levels: AssuranceLevels;
}

function compileGrant(grant: Grant, role: string, { permissions, levels }: GrantScope): CompiledGrant {
  if (!permissions.has(`${grant.resource}:${grant.action}`)) {
    throw new ContractError(
      "resource_unknown",
      `roles.${role}.grants`,
      `\`${grant.resource}\` is not among the contract's resources.`,
    );
  }
  const { assurance, maxAge, where } = grant;
  const demand = levels.demand(
    { ...(assurance === undefined ? {} : { assurance }), ...(maxAge === undefined ? {} : { maxAge }) },
    `roles.${role}.grants ${grant.resource}:${grant.action}`,
  );
  return Object.freeze({ ...grant, role, decide: compileDecision(where), demand });
}

function createAuthority(
  grants: ReadonlySet<CompiledGrant>,
  permissions: ReadonlyMap<string, number>,
): Authority {
  const bits = new Uint32Array(Math.ceil(permissions.size / 32));
  const byPermission: CompiledGrant[][] = Array.from({ length: permissions.size }, () => []);
  for (const grant of grants) {
    const index = permissions.get(`${grant.resource}:${grant.action}`) ?? -1;
    bits[index >>> 5] = (bits[index >>> 5] ?? 0) | (1 << (index & 31));
    byPermission[index]?.push(grant);
  }
  const demanding = [...grants].some(({ demand }) => demand !== undefined);
  return Object.freeze({ bits, grants: Object.freeze(byPermission), demanding });
}
