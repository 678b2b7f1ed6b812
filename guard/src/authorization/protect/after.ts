/**
 * A condition as it will be once a write is done: attributes that the write assigns are replaced by their new values,
 * the others stay columns. What is decided by new values alone is decided in memory.
 */

import type { AttributeType } from "../conditions/condition.ts";
import {
  type AttributeReference,
  all,
  any,
  type Comparison,
  type ComparisonOperator,
  type Condition,
  type Leaf,
  type Scalar,
} from "../conditions/condition.ts";
import { compileDecision, type Row, readScalar } from "../conditions/decide.ts";
import { type PrincipalFacts, toScalar } from "../conditions/operand.ts";

/** A value that only the database knows: no attribute's type holds it, so nothing can be decided by it. */
export const unknownValue: unique symbol = Symbol("unknown value");

/** A written value as it will be stored and read again; `unknownValue` where that is not certain. */
export function storedValue(value: unknown, type: AttributeType): unknown {
  if (value === null) return null;
  const scalar = readScalar(value, type);
  if (scalar === undefined || Number.isNaN(scalar)) return unknownValue;
  // A UUID in another spelling is stored in this one; text with a NUL or half a letter is not stored as it is.
  if (typeof scalar === "string" && toScalar(scalar, type) === undefined) return unknownValue;
  return value;
}

export interface AfterContext {
  readonly facts: PrincipalFacts;
  readonly nowMs: number;
}

const always: Condition = all();
const never: Condition = any();
const mirrored: Readonly<Record<ComparisonOperator, ComparisonOperator>> = Object.freeze({
  eq: "eq",
  ne: "ne",
  lt: "gt",
  lte: "gte",
  gt: "lt",
  gte: "lte",
});

/**
 * @param values What is assigned, by attribute; `unknownValue` where only the database knows it.
 * @param safe What an undecidable part counts as: `false` for what allows, `true` for what bars.
 */
export function conditionAfter(
  condition: Condition | undefined,
  values: Row,
  context: AfterContext,
  safe: boolean,
): Condition | undefined {
  if (condition === undefined) return undefined;
  const unknown = safe ? always : never;
  switch (condition.kind) {
    case "all":
    case "any": {
      const branches = condition.conditions.map(
        (one) => conditionAfter(one, values, context, safe) ?? always,
      );
      return condition.kind === "all" ? all(...branches) : any(...branches);
    }
    case "not":
      return {
        kind: "not",
        condition: conditionAfter(condition.condition, values, context, !safe) ?? always,
      };
    case "related":
      // The row that it will belong to has not been looked at.
      return Object.hasOwn(values, condition.relation.from.attribute) ? unknown : condition;
    default:
      return leafAfter(condition, values, context, unknown);
  }
}

function leafAfter(leaf: Leaf, values: Row, { facts, nowMs }: AfterContext, unknown: Condition): Condition {
  const other = leaf.kind === "comparison" && leaf.operand.kind === "attribute" ? leaf.operand : undefined;
  const names = [leaf.attribute, ...(other === undefined ? [] : [other.attribute])];
  const assigned = names.filter((name) => Object.hasOwn(values, name));
  if (assigned.length === 0) return leaf;
  if (assigned.some((name) => values[name] === unknownValue)) return unknown;
  if (assigned.length === names.length) {
    return compileDecision(leaf)(values, facts, nowMs) ? always : never;
  }
  return other === undefined || leaf.kind !== "comparison" ? unknown : halfAssigned(leaf, other, values);
}

/** Two attributes compared, one of which is assigned: the other stays, compared with the new value. */
function halfAssigned(leaf: Comparison, other: AttributeReference, values: Row): Condition {
  const isLeft = Object.hasOwn(values, leaf.attribute);
  const value: Scalar | undefined = readScalar(values[isLeft ? leaf.attribute : other.attribute], leaf.type);
  if (value === undefined) return never;
  const operand = { kind: "literal", value } as const;
  if (!isLeft) return { ...leaf, operand };
  const { resource, attribute, column, type } = other;
  return {
    kind: "comparison",
    resource,
    attribute,
    column,
    type,
    operator: mirrored[leaf.operator],
    operand,
  };
}
