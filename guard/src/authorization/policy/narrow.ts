/** A policy's answer as a part of the caller's reach: what a list, and every other filter of a route, carries. */
import type { AttributeReferences } from "../conditions/build.ts";
import { type AttributeTypes, all, type Condition, not } from "../conditions/condition.ts";
import type { Reach } from "../conditions/filter.ts";
import { toScalar } from "../conditions/operand.ts";
import type { PolicyReach, PolicyRow } from "./engine.ts";

const nothing: Reach = Object.freeze({ allowed: [], denied: [] });

/** The reach that the policy leaves: it is barred where the policy's condition is false. */
export function narrow(reach: Reach, policy: PolicyReach): Reach {
  if (policy === "all") return reach;
  if (policy === "none") return nothing;
  return { allowed: reach.allowed, denied: [...reach.denied, not(policy)] };
}

/**
 * The rows that a decision about one row holds for: those that are the same in everything that the policy was told.
 *
 * A handler that changes the row under `request.allowed` then finds no other row, and not this one either once somebody
 * else has changed it.
 */
export function sameRow(row: PolicyRow, references: AttributeReferences<AttributeTypes>): PolicyReach {
  const conditions: Condition[] = [];
  for (const reference of Object.values(references)) {
    const { resource, attribute, column, type } = reference;
    const value = row[attribute];
    if (value === undefined) return "none";
    const subject = { resource, attribute, column, type } as const;
    if (value === null) conditions.push(Object.freeze({ kind: "null", ...subject }));
    else {
      const scalar = toScalar(type === "date" ? new Date(Number(value)) : value, type);
      // NaN, text that not every database stores: what no filter can compare with, no filter finds.
      if (scalar === undefined) return "none";
      const operand = Object.freeze({ kind: "literal", value: scalar } as const);
      conditions.push(Object.freeze({ kind: "comparison", ...subject, operator: "eq", operand }));
    }
  }
  return conditions.length === 0 ? "all" : all(...conditions);
}
