/** Which claims a rule looks at: all that needs to be known of a principal, and all that a record may keep of one. */
import type { Security } from "../../contract/define-security.ts";
import type { CompiledGrant } from "../authority.ts";
import type { Operand } from "../conditions/condition.ts";
import { referencesOf } from "../conditions/operand.ts";
import type { LiveRoles } from "../live-roles.ts";

/** The claims that conditions, grants and the policy name, the contract's and those that are kept elsewhere. */
export function claimNames({ conditions, policy }: Security, roles: LiveRoles): ReadonlySet<string> {
  const names = [...roles.table.names, ...roles.customRoles()];
  const grants = [
    ...names.flatMap((role) => roles.grantsOfRole(role) ?? []),
    ...roles.directGrants().flatMap((direct) => direct.grants),
  ];
  const ofConditions = [...conditions.values()].flatMap((condition) =>
    referencesOf(condition).map(({ operand }) => operand),
  );
  const operands = [...ofConditions, ...grants.flatMap(operandsOf)];
  const named = operands.flatMap((operand) =>
    operand.kind === "principal" && operand.claim !== undefined ? operand.claim : [],
  );
  return new Set([...named, ...(policy?.claims ?? [])]);
}

function operandsOf({ where, set }: CompiledGrant): readonly Operand[] {
  const compared = where === undefined ? [] : referencesOf(where).map(({ operand }) => operand);
  return [...compared, ...Object.values(set)];
}
