/**
 * First reading of a condition: decide one loaded row, in memory.
 *
 * A row that does not have the attribute, or has it in another type than declared, cannot be decided. That is
 * an error, not "false": under `not` a false would become an allow.
 */
import {
  type AttributeType,
  type Comparison,
  type Condition,
  type PrincipalFacts,
  resolveOperand,
  type Scalar,
} from "./condition.ts";

export type Row = Readonly<Record<string, unknown>>;
export type RowDecision = (row: Row, facts: PrincipalFacts) => boolean;

/** The row cannot be decided: an attribute is missing or not of its declared type. */
export class RowShapeError extends Error {
  override readonly name = "RowShapeError";
}

/** Compiles the condition to a closure; `undefined` (no condition) covers every row. */
export function compileDecision(condition: Condition | undefined): RowDecision {
  if (condition === undefined) return () => true;
  switch (condition.kind) {
    case "comparison":
      return compileComparison(condition);
    case "null":
      return (row) => attributeOf(row, condition.attribute) === null;
    case "not": {
      const inner = compileDecision(condition.condition);
      return (row, facts) => !inner(row, facts);
    }
    case "all":
    case "any": {
      // Every branch is evaluated, so that a row that cannot be decided is refused whatever the order of branches.
      const branches = condition.conditions.map(compileDecision);
      const every = condition.kind === "all";
      return (row, facts) => {
        let result = every;
        for (const branch of branches) {
          const value = branch(row, facts);
          result = every ? result && value : result || value;
        }
        return result;
      };
    }
  }
}

const comparisons: Readonly<Record<Comparison["operator"], (left: Scalar, right: Scalar) => boolean>> =
  Object.freeze({
    eq: (left, right) => left === right,
    ne: (left, right) => left !== right,
    lt: (left, right) => left < right,
    lte: (left, right) => left <= right,
    gt: (left, right) => left > right,
    gte: (left, right) => left >= right,
  });

function compileComparison({ attribute, type, operator, operand }: Comparison): RowDecision {
  const compare = comparisons[operator];
  return (row, facts) => {
    const left = scalarOf(attributeOf(row, attribute), type, attribute);
    const right = resolveOperand(operand, type, facts);
    return left !== null && right !== undefined && compare(left, right);
  };
}

function attributeOf(row: Row, attribute: string): unknown {
  if (!Object.hasOwn(row, attribute) || row[attribute] === undefined) {
    throw new RowShapeError(`The row has no \`${attribute}\`.`);
  }
  return row[attribute];
}

function scalarOf(value: unknown, type: AttributeType, attribute: string): Scalar | null {
  if (value === null) return null;
  if (typeof value === type && !Number.isNaN(value)) return value as Scalar;
  // SQLite has no boolean: it stores 0 and 1.
  if (type === "boolean" && (value === 0 || value === 1)) return value === 1;
  throw new RowShapeError(`The row's \`${attribute}\` is not a ${type}.`);
}
