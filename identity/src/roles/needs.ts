/**
 * What must be held for a change of roles: the pure part of the decision.
 *
 * A denial is power as well. Who adds one takes away what it bars, who lifts one gives that back: both need the permission,
 * and every grant of it that the denial bars.
 */
import {
  type CompiledGrant,
  grantKey,
  type Holder,
  holdsDenied,
  holdsGrant,
  permissionOf,
} from "@bulwark/guard/roles";

export interface Needs {
  /** Grants that are given or taken away. */
  readonly grants: readonly CompiledGrant[];
  /** Permissions of which a denial is added or lifted, each with what it bars. */
  readonly denied: readonly { readonly permission: string; readonly barred: readonly CompiledGrant[] }[];
}

/**
 * @param changed What is given or taken away.
 * @param reached All that the denials among it could bar.
 */
export function needsOf(changed: readonly CompiledGrant[], reached: readonly CompiledGrant[]): Needs {
  const denied = new Set(changed.filter(({ effect }) => effect === "deny").map(permissionOf));
  return {
    grants: distinct(changed.filter(({ effect }) => effect === "allow")),
    denied: [...denied].map((permission) => ({
      permission,
      barred: distinct(
        reached.filter((grant) => grant.effect === "allow" && permissionOf(grant) === permission),
      ),
    })),
  };
}

/** The permissions of which the holder lacks something that is needed; none: they hold it all. */
export function lacking({ grants, denied }: Needs, holder: Holder): readonly string[] {
  return [
    ...new Set([
      ...grants.filter((grant) => !holdsGrant(holder, grant)).map(permissionOf),
      ...denied
        .filter(({ permission, barred }) => !holdsDenied(holder, permission, barred))
        .map(({ permission }) => permission),
    ]),
  ];
}

/** What is in one of two lists of grants and not in the other. */
export function difference(
  before: readonly CompiledGrant[],
  after: readonly CompiledGrant[],
): readonly CompiledGrant[] {
  const [had, has] = [before, after].map((grants) => new Set(grants.map(grantKey)));
  return [
    ...before.filter((grant) => has?.has(grantKey(grant)) !== true),
    ...after.filter((grant) => had?.has(grantKey(grant)) !== true),
  ];
}

function distinct(grants: readonly CompiledGrant[]): readonly CompiledGrant[] {
  return [...new Map(grants.map((grant) => [grantKey(grant), grant])).values()];
}
