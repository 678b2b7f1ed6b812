/** Grants, conditions and roles as the administration shows them. */
import type { Condition, GrantData, LiveRoles, RoleHolder, Security } from "@bulwark/guard";
import { describeCondition } from "@bulwark/guard/explain";
import { type CompiledGrant, denialsOf, grantsOf, hasPermission } from "@bulwark/guard/roles";

/** A grant as data; where the contract has not named its condition, that is only told. */
export interface GrantView {
  readonly effect: "allow" | "deny";
  readonly permission: string;
  readonly where?: string;
  /** The condition as text: `ownerId = principal.id`. */
  readonly condition?: string;
  readonly fields?: readonly string[];
  readonly set?: Readonly<Record<string, unknown>>;
  readonly assurance?: string;
  readonly maxAge?: string;
}

function showGrant(grant: CompiledGrant, { conditions }: Security): GrantView {
  const { effect, resource, action, where, fields, set, assurance, maxAge } = grant;
  const named = where && nameOf(where, conditions);
  return {
    effect,
    permission: `${resource}:${action}`,
    ...(named === undefined ? {} : { where: named }),
    ...(where === undefined ? {} : { condition: describeCondition(where) }),
    ...(fields === undefined ? {} : { fields }),
    ...(Object.keys(set).length === 0 ? {} : { set: Object.fromEntries(Object.entries(set).map(showSet)) }),
    ...(assurance === undefined ? {} : { assurance }),
    ...(maxAge === undefined ? {} : { maxAge }),
  };
}

/** A role, the contract's or a custom one; a custom one's grants are as they were given. */
export interface RoleView {
  readonly name: string;
  readonly origin: "contract" | "custom";
  readonly extends: readonly string[];
  readonly grants: readonly (GrantView | GrantData)[];
}

export function showContractRole(name: string, contract: Security): RoleView {
  const { roles } = contract;
  const own = roles.grantsOf(name).filter((grant) => grant.role === name);
  return {
    name,
    origin: "contract",
    extends: roles.parentsOf(name),
    grants: own.map((grant) => showGrant(grant, contract)),
  };
}

/** What an account or a client may do by all that it holds, whatever credential it uses. */
export function showPermissions(holder: RoleHolder, live: LiveRoles, contract: Security) {
  const { authorityOf } = live;
  const authority = authorityOf(holder);
  return [...contract.roles.permissions]
    .filter(([, index]) => hasPermission(authority, index))
    .map(([permission, index]) => ({
      permission,
      allowedBy: grantsOf(authority, index).map(showSource),
      deniedBy: denialsOf(authority, index).map(showSource),
    }));

  function showSource(grant: CompiledGrant) {
    return { role: grant.role ?? null, ...showGrant(grant, contract) };
  }
}

/** What custom roles and direct grants can be made of. */
export function showVocabulary({ resources, conditions, roles, assurance, scopes }: Security) {
  return {
    permissions: [...resources.values()].flatMap(({ name, actions, attributes }) =>
      actions.map((action) => ({ permission: `${name}:${action}`, attributes })),
    ),
    conditions: [...conditions].map(([name, condition]) => ({
      name,
      resource: resourceOf(condition),
      text: describeCondition(condition),
    })),
    roles: roles.names,
    assurance: Object.keys(assurance.declared),
    scopes: scopes.names,
  };
}

function nameOf(where: Condition, conditions: ReadonlyMap<string, Condition>): string | undefined {
  const text = JSON.stringify(where);
  return [...conditions].find(([, one]) => one === where || JSON.stringify(one) === text)?.[0];
}

function showSet([attribute, operand]: [string, CompiledGrant["set"][string]]): readonly [string, unknown] {
  if (operand.kind === "literal") return [attribute, operand.value];
  if (operand.kind === "now") return [attribute, { now: operand.offsetMs }];
  return [attribute, operand.claim === undefined ? { principal: "id" } : { claim: operand.claim }];
}

function resourceOf(condition: Condition): string | undefined {
  switch (condition.kind) {
    case "all":
    case "any":
      return condition.conditions.map(resourceOf).find((name) => name !== undefined);
    case "not":
      return resourceOf(condition.condition);
    default:
      return condition.resource;
  }
}
