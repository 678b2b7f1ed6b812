/** The contract's roles, their inheritance and grants, compiled: what a team wrote in code. */
import type { AssuranceLevels } from "../contract/assurance.ts";
import { ContractError, refuseUnknownKeys } from "../contract/refusal.ts";
import type { Grant, Resource } from "../contract/resource.ts";
import { type Authority, type CompiledGrant, createAuthority } from "./authority.ts";
import type { Condition } from "./conditions/condition.ts";
import { compileDecision, type RowDecision } from "./conditions/decide.ts";

export interface RoleOptions<RoleName extends string = string> {
  /** Roles whose grants and denials this one also has. */
  readonly extends?: readonly RoleName[];
  /** What it allows and what it bars; a denial wins over every grant. */
  readonly grants?: readonly Grant[];
}

export interface RoleTable {
  /** The names of the contract's roles. */
  readonly names: readonly string[];
  /** Every permission of the contract, with its index. */
  readonly permissions: ReadonlyMap<string, number>;
  /** The index of `order:read`, or `undefined` if the contract has no such permission. */
  permissionIndex(permission: string): number | undefined;
  /** Does any grant of the permission, in any role, demand something of the sign-in? */
  isDemanding(index: number): boolean;
  /** The roles that a role extends itself; none for a name that the contract does not declare. */
  parentsOf(role: string): readonly string[];
  /** All grants of a role, inherited ones first; none for a name that the contract does not declare. */
  grantsOf(role: string): readonly CompiledGrant[];
  /** Compiles a grant that is not of the contract's roles. @throws {ContractError} */
  compile(grant: Grant, role: string | undefined, place: string): CompiledGrant;
  /**
   * The authority of a set of the contract's roles; names it does not declare grant nothing.
   *
   * @param scopes The only permissions it may have; default all of its roles'. A name of none grants nothing.
   */
  authorityOf(roles: readonly string[], scopes?: readonly string[]): Authority;
}

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
  const scope: GrantScope = { permissions, levels, decide: shareDecisions() };
  const compiled = new Map<string, readonly CompiledGrant[]>();
  for (const role of Object.keys(roles)) inherit(role, roles, scope, compiled, []);

  const demanding = new Set(
    [...compiled.values()]
      .flat()
      .filter(({ demand }) => demand !== undefined)
      .map(({ resource, action }) => permissions.get(`${resource}:${action}`)),
  );
  const parents = new Map(
    Object.entries(roles).map(([role, options]) => [role, Object.freeze([...(options.extends ?? [])])]),
  );
  const grantsOf = (role: string) => compiled.get(role) ?? noGrants;
  return Object.freeze({
    names: Object.freeze([...compiled.keys()]),
    permissions,
    permissionIndex: (permission: string) => permissions.get(permission),
    isDemanding: (index: number) => demanding.has(index),
    parentsOf: (role: string) => parents.get(role) ?? noParents,
    grantsOf,
    compile: (grant: Grant, role: string | undefined, place: string) =>
      compileGrant(grant, role, place, scope),
    authorityOf: (names: readonly string[], scopes?: readonly string[]) =>
      createAuthority(names.flatMap(grantsOf), permissions, scopes),
  });
}

const noGrants: readonly CompiledGrant[] = Object.freeze([]);
const noParents: readonly string[] = Object.freeze([]);

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
  const own = (options.grants ?? []).map((grant) => compileGrant(grant, role, `${place}.grants`, scope));
  const grants = Object.freeze([...new Set([...inherited, ...own])]);
  compiled.set(role, grants);
  return grants;
}

/** What a grant's names are looked up in. */
interface GrantScope {
  readonly permissions: ReadonlyMap<string, number>;
  readonly levels: AssuranceLevels;
  /** @see compileDecision */
  readonly decide: (condition: Condition | undefined, safe: boolean) => RowDecision;
}

/** A condition that many grants name is compiled once: what is decided often stays in the processor's cache. */
function shareDecisions(): GrantScope["decide"] {
  const known = { allows: new Map<unknown, RowDecision>(), bars: new Map<unknown, RowDecision>() };
  return (condition, safe) => {
    const decisions = safe ? known.bars : known.allows;
    const found = decisions.get(condition) ?? compileDecision(condition, safe);
    decisions.set(condition, found);
    return found;
  };
}

function compileGrant(
  grant: Grant,
  role: string | undefined,
  place: string,
  { permissions, levels, decide }: GrantScope,
): CompiledGrant {
  if (!permissions.has(`${grant.resource}:${grant.action}`)) {
    throw new ContractError(
      "resource_unknown",
      place,
      `\`${grant.resource}\` is not among the contract's resources.`,
    );
  }
  const { assurance, maxAge, where } = grant;
  const demand = levels.demand(
    { ...(assurance === undefined ? {} : { assurance }), ...(maxAge === undefined ? {} : { maxAge }) },
    `${place} ${grant.resource}:${grant.action}`,
  );
  return Object.freeze({ ...grant, role, decide: decide(where, grant.effect === "deny"), demand });
}
