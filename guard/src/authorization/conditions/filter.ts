/**
 * Second reading of a condition: a Kysely filter for the query that lists rows.
 *
 * Identifiers come only from declared attributes, values are always bound. SQL's third truth value is removed
 * by construction: negation is pushed down to the comparisons, and a negated comparison also accepts NULL, so
 * no NULL ever meets a NOT. That keeps each comparison bare, and an index on its column usable.
 */
import type { Expression, ExpressionBuilder, SqlBool } from "kysely";
import { type Comparison, type Condition, type PrincipalFacts, resolveOperand } from "./condition.ts";

/** Fits Kysely's `where(...)` on any query whose table has the resource's attributes as columns. */
export type RowFilter = <DB, TB extends keyof DB>(builder: ExpressionBuilder<DB, TB>) => Expression<SqlBool>;

/** The expression builder with the types of one schema forgotten: columns here are names known at run time. */
type AnyBuilder = ExpressionBuilder<Record<string, Record<string, unknown>>, string>;

/** A filter for the rows that any of the conditions covers; none covers nothing, `undefined` covers all. */
export function createFilter(
  conditions: readonly (Condition | undefined)[],
  facts: PrincipalFacts,
): RowFilter {
  return (builder) => {
    const any = builder as unknown as AnyBuilder;
    const branches = conditions.map((condition) =>
      condition === undefined ? any.lit(true) : toExpression(any, condition, facts, false),
    );
    return any.or(branches) as Expression<SqlBool>;
  };
}

function toExpression(
  builder: AnyBuilder,
  condition: Condition,
  facts: PrincipalFacts,
  negated: boolean,
): Expression<SqlBool> {
  switch (condition.kind) {
    case "comparison":
      return comparisonToExpression(builder, condition, facts, negated);
    case "null":
      return builder(builder.ref(condition.attribute), negated ? "is not" : "is", null);
    case "not":
      return toExpression(builder, condition.condition, facts, !negated);
    case "all":
    case "any": {
      const branches = condition.conditions.map((branch) => toExpression(builder, branch, facts, negated));
      // De Morgan: the negation of "all" is "any of the negations".
      return (condition.kind === "all") !== negated ? builder.and(branches) : builder.or(branches);
    }
  }
}

const sqlOperators = { eq: "=", ne: "!=", lt: "<", lte: "<=", gt: ">", gte: ">=" } as const;
const opposites = { eq: "ne", ne: "eq", lt: "gte", lte: "gt", gt: "lte", gte: "lt" } as const;

function comparisonToExpression(
  builder: AnyBuilder,
  comparison: Comparison,
  facts: PrincipalFacts,
  negated: boolean,
): Expression<SqlBool> {
  const value = resolveOperand(comparison.operand, comparison.type, facts);
  // Compared with NULL: false for every row, so its negation is true for every row.
  if (value === undefined) return builder.lit(negated);
  const column = builder.ref(comparison.attribute);
  const operator = negated ? opposites[comparison.operator] : comparison.operator;
  // Literals for booleans: SQLite's drivers cannot bind them, both databases know the words.
  const operand = typeof value === "boolean" ? builder.lit(value) : builder.val(value);
  const compared = builder(column, sqlOperators[operator], operand);
  return negated ? builder.or([compared, builder(column, "is", null)]) : compared;
}
