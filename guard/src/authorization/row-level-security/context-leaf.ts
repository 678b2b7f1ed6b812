/**
 * Comparisons as SQL over the context: the leaves of row-level security.
 *
 * What the caller is, PostgreSQL reads from the transaction's setting, each value in a subquery of its own that does not
 * depend on the row: it is evaluated once per query, and an index on the column stays usable. What compares as NULL is
 * not in the context, so a comparison with it is NULL; a negated leaf is `is not true`.
 */
import type {
  AttributeType,
  Comparison,
  ComparisonOperator,
  Leaf,
  Literal,
  Membership,
  Operand,
  Scalar,
} from "../conditions/condition.ts";
import { isReference, referencesOf } from "../conditions/operand.ts";
import { createBoundLeafWriter } from "../conditions/sql/bound-leaf.ts";
import { instantBounds, sqlOperators, toTimestamp } from "../conditions/sql/dialect-rules.ts";
import { joinSql, type Sql, type SqlPart } from "../conditions/sql/parts.ts";
import type { LeafWriter } from "../conditions/sql/write-condition.ts";
import { literal } from "./sql-text.ts";

/** A reference, whatever it may be a list of. */
interface Named {
  readonly operand: Exclude<Operand, Literal>;
  readonly type: AttributeType;
  readonly list: boolean;
}

/** The setting, as JSON: NULL where it was never set, or where a transaction that had set it is over. */
export const contextJson =
  "nullif(pg_catalog.current_setting('bulwark.context', true), '')::pg_catalog.jsonb";

/** The text at a path of the context, read once per query. */
export function fromContext(...path: readonly string[]): string {
  return `pg_catalog.jsonb_extract_path_text(${contextJson}, ${path.map(literal).join(", ")})`;
}

/** The name of a reference's value in the context. */
export function referenceKey({ operand, type, list }: Named): string {
  const named =
    operand.kind === "now" ? [operand.kind, operand.offsetMs] : [operand.kind, operand.claim ?? null];
  return JSON.stringify([...named, list ? `${type}[]` : type]);
}

/**
 * A value as the context holds it: texts, by the form they are compared in. Whole numbers and others apart, as other
 * readings bind them; an instant with the millisecond after it. None: it compares as NULL.
 */
export function contextValue(
  value: Scalar | undefined,
  type: AttributeType,
): Readonly<Record<string, string>> {
  if (value === undefined) return {};
  if (type === "number") return Number.isSafeInteger(value) ? { i: String(value) } : { f: String(value) };
  if (type === "date") return { t: toTimestamp(value as number), u: toTimestamp((value as number) + 1) };
  return { t: String(value) };
}

/** A list as the context holds it: PostgreSQL's own notation of arrays, NULL for what compares as NULL. */
export function contextList(
  values: readonly (Scalar | undefined)[] | undefined,
  type: AttributeType,
): Readonly<Record<string, string>> {
  if (values === undefined) return {};
  if (type === "number") {
    const isWhole = (value: Scalar | undefined) => value === undefined || Number.isSafeInteger(value);
    const rest = values.filter((value) => !isWhole(value));
    return { i: arrayText(values.filter(isWhole).map(textOrNull)), f: arrayText(rest.map(textOrNull)) };
  }
  if (type === "date") {
    return { t: arrayText(values.map((at) => (at === undefined ? null : toTimestamp(at as number)))) };
  }
  return { t: arrayText(values.map(textOrNull)) };
}

function textOrNull(value: Scalar | undefined): string | null {
  return value === undefined ? null : String(value);
}

function arrayText(items: readonly (string | null)[]): string {
  const quoted = items.map((item) => (item === null ? "NULL" : `"${item.replace(/["\\]/g, "\\$&")}"`));
  return `{${quoted.join(",")}}`;
}

const nobody = Object.freeze({ id: "", claims: Object.freeze({}) });
/** What depends on no caller is written as in any other query. */
const writeKnown = createBoundLeafWriter("postgresql", nobody, 0);

export const writeContextLeaf: LeafWriter = (leaf, negated, columnOf) => {
  if (referencesOf(leaf).length === 0) return writeKnown(leaf, negated, columnOf);
  const written = writeLeaf(leaf, columnOf(leaf));
  return negated ? ["(", ...written, " is not true)"] : written;
};

function writeLeaf(leaf: Leaf, column: SqlPart): Sql {
  switch (leaf.kind) {
    case "comparison":
      return compare(column, leaf.operator, leaf.operand, leaf.type);
    case "text": {
      const text = operandSql(leaf.operand, leaf.type, "t", "text");
      return leaf.operator === "contains"
        ? ["(pg_catalog.strpos(", column, ", ", text, ") > 0)"]
        : ["pg_catalog.starts_with(", column, ", ", text, ")"];
    }
    case "membership":
      return isReference(leaf.values)
        ? testList(leaf, leaf.values, column)
        : joinSql(
            leaf.values.map((operand) =>
              compare(column, leaf.operator === "in" ? "eq" : "ne", operand, leaf.type),
            ),
            leaf.operator === "in" ? " or " : " and ",
          );
    case "null":
      throw new TypeError("It names nothing of the caller's.");
  }
}

function compare(
  column: SqlPart,
  operator: ComparisonOperator,
  operand: Comparison["operand"],
  type: AttributeType,
): Sql {
  if (operand.kind === "attribute") throw new TypeError("It is compared with another column.");
  const sign = ` ${sqlOperators[operator]} `;
  switch (type) {
    case "number": {
      // One of the two is NULL: the caller's number is whole, or it is not.
      const whole: Sql = [column, sign, operandSql(operand, type, "i", "int8")];
      return joinSql([whole, [column, sign, operandSql(operand, type, "f", "float8")]], " or ");
    }
    case "date": {
      const { join, bounds } = instantBounds[operator];
      const each = bounds.map(
        ([bound, shift]): Sql => [
          column,
          ` ${bound} `,
          operandSql(operand, type, shift === 0 ? "t" : "u", "timestamptz"),
        ],
      );
      return joinSql(each, join);
    }
    default:
      return ["(", column, sign, operandSql(operand, type, "t", sqlTypes[type]), ")"];
  }
}

const sqlTypes = { string: "text", uuid: "uuid", boolean: "bool" } as const;

function testList({ operator, type }: Membership, list: Operand, column: SqlPart): Sql {
  const isIn = operator === "in";
  const test = (side: SqlPart, form: string, sqlType: string): Sql => [
    side,
    isIn ? " = any (" : " <> all (",
    // Typed once more outside: otherwise it would be read as a subquery of rows.
    `${operandSql(list, type, form, `${sqlType}[]`, true)}::pg_catalog.${sqlType}[])`,
  ];
  const tests = (): readonly Sql[] => {
    if (type === "number") return [test(column, "i", "int8"), test(column, "f", "float8")];
    if (type !== "date") return [test(column, "t", sqlTypes[type])];
    const [open, ...rest]: Sql = test(column, "t", "timestamptz");
    return [["pg_catalog.date_trunc('milliseconds', ", open ?? "", ")", ...rest]];
  };
  // Of an empty list, NULL would be none.
  return joinSql([...(isIn ? [] : [[column, " is not null"]]), ...tests()], isIn ? " or " : " and ");
}

function operandSql(
  operand: Operand,
  type: AttributeType,
  form: string,
  sqlType: string,
  list = false,
): string {
  if (operand.kind === "literal") return literalOf(operand.value, type, form, sqlType);
  const key = referenceKey({ operand, type, list });
  return `(select ${fromContext("o", key, form)}::pg_catalog.${sqlType})`;
}

/** Beside something of the caller's, in one list. */
function literalOf(value: Scalar, type: AttributeType, form: string, sqlType: string): string {
  const text = contextValue(value, type)[form];
  return `${text === undefined ? "null" : literal(text)}::pg_catalog.${sqlType}`;
}
