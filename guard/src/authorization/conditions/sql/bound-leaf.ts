/**
 * Comparisons as SQL with bound values, for one caller at one time: the leaves of the query filter.
 *
 * What the caller makes NULL is decided here, not by the database: a comparison with it is `false`, its negation `true`.
 */
import type {
  AttributeType,
  Comparison,
  ComparisonOperator,
  Membership,
  Scalar,
  TextTest,
} from "../condition.ts";
import { type PrincipalFacts, resolveOperand, resolveValues } from "../operand.ts";
import { type DialectRules, dialectRules, opposites, sqlOperators } from "./dialect-rules.ts";
import { type ColumnOf, constant, type Dialect, joinSql, type Sql, type SqlPart } from "./parts.ts";
import type { LeafWriter } from "./write-condition.ts";

export function createBoundLeafWriter(dialect: Dialect, facts: PrincipalFacts, nowMs: number): LeafWriter {
  const rules = dialectRules[dialect];
  return (leaf, negated, columnOf) => {
    const column = columnOf(leaf);
    switch (leaf.kind) {
      case "null":
        return [column, negated ? " is not null" : " is null"];
      case "comparison": {
        const { operand, type, operator } = leaf;
        if (operand.kind === "attribute") return compareColumns(leaf, negated, columnOf, rules);
        const value = resolveOperand(operand, type, facts, nowMs);
        if (value === undefined) return constant(negated);
        return compareValue(column, negated ? opposites[operator] : operator, value, {
          type,
          negated,
          rules,
        });
      }
      case "text":
        return testText(leaf, column, negated, resolveOperand(leaf.operand, leaf.type, facts, nowMs), rules);
      case "membership":
        return testMembership(leaf, column, negated, resolveValues(leaf, facts, nowMs), rules);
    }
  };
}

interface ComparisonContext {
  readonly type: AttributeType;
  readonly negated: boolean;
  readonly rules: DialectRules;
}

function compareValue(
  column: SqlPart,
  operator: ComparisonOperator,
  value: Scalar,
  { type, negated, rules }: ComparisonContext,
): Sql {
  const compared = rules.compare(column, operator, value, type);
  return negated ? joinSql([compared, [column, " is null"]], " or ") : compared;
}

function compareColumns(
  { operand, operator, type, column }: Comparison,
  negated: boolean,
  columnOf: ColumnOf,
  rules: DialectRules,
): Sql {
  if (operand.kind !== "attribute") throw new TypeError("It is compared with no column.");
  const left = columnOf({ column });
  const right = columnOf(operand);
  const sides = [left, right].map((side) => rules.column(side, type));
  const compared: Sql = [
    ...(sides[0] ?? []),
    ` ${sqlOperators[negated ? opposites[operator] : operator]} `,
    ...(sides[1] ?? []),
  ];
  return negated ? joinSql([compared, [left, " is null"], [right, " is null"]], " or ") : compared;
}

function testText(
  { operator }: TextTest,
  column: SqlPart,
  negated: boolean,
  value: Scalar | undefined,
  rules: DialectRules,
): Sql {
  if (typeof value !== "string") return constant(negated);
  // Every text begins with, and contains, the empty one.
  if (value === "") return [column, negated ? " is null" : " is not null"];
  const tested = rules[operator](column, value, negated);
  return negated ? joinSql([tested, [column, " is null"]], " or ") : tested;
}

function testMembership(
  { operator, type }: Membership,
  column: SqlPart,
  negated: boolean,
  values: readonly (Scalar | undefined)[] | undefined,
  rules: DialectRules,
): Sql {
  if (values === undefined) return constant(negated);
  const known = [...new Set(values.filter((value) => value !== undefined))];
  const isIn = operator === "in";
  if (!isIn && known.length < new Set(values).size) return constant(negated);
  if (known.length === 0) return isIn ? constant(negated) : [column, negated ? " is null" : " is not null"];
  const tested = rules.isIn(column, known, type, isIn === negated);
  return negated ? joinSql([tested, [column, " is null"]], " or ") : tested;
}
