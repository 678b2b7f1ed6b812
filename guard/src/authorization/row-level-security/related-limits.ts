/**
 * What policies cannot ask of related rows.
 *
 * A related row is read under its own table's policies. Where it is hidden from the caller, what must not hold of it
 * would seem to hold; and PostgreSQL refuses policies that lead back to their own table.
 */
import type { Condition, Related } from "../conditions/condition.ts";

/** Why a condition of a table cannot be part of a policy; `undefined`: it can. */
export type Limits = (table: string, condition: Condition, negated: boolean) => string | undefined;

/** @param conditions Every condition that a policy may hold, by protected table. */
export function limitsOf(conditions: ReadonlyMap<string, readonly Condition[]>): Limits {
  const leadsTo = new Map(
    [...conditions].map(([table, some]) => [
      table,
      new Set(some.flatMap((condition) => relationsOf(condition)).map(({ relation }) => relation.table)),
    ]),
  );
  const reaches = (from: string, to: string, seen = new Set<string>()): boolean => {
    if (from === to) return true;
    if (seen.has(from)) return false;
    seen.add(from);
    return [...(leadsTo.get(from) ?? [])].some((next) => reaches(next, to, seen));
  };
  return (table, condition, negated) => {
    const related = relationsOf(condition, negated);
    if (related.some((one) => reaches(one.relation.table, table))) {
      return "It leads back to its own table.";
    }
    if (related.some((one) => one.negated && leadsTo.has(one.relation.table))) {
      return "What must not hold of a related row cannot be asked where the row may be hidden.";
    }
    return undefined;
  };
}

interface RelatedUse {
  readonly relation: Related["relation"];
  readonly negated: boolean;
}

function relationsOf(condition: Condition, negated = false): readonly RelatedUse[] {
  switch (condition.kind) {
    case "all":
    case "any":
      return condition.conditions.flatMap((branch) => relationsOf(branch, negated));
    case "not":
      return relationsOf(condition.condition, !negated);
    case "related":
      return [{ relation: condition.relation, negated }, ...relationsOf(condition.condition)];
    default:
      return [];
  }
}
