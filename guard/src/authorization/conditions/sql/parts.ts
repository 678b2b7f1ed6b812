/**
 * SQL as parts: text of our own, columns to be quoted, values to be bound.
 *
 * Nothing that a team or a caller wrote is ever part of the text: identifiers come only from declared resources and are
 * quoted by whoever joins the parts, values are always bound.
 */
import type { AttributeReference, Scalar } from "../condition.ts";

export type Dialect = "sqlite" | "postgresql";
export const dialects: readonly Dialect[] = ["sqlite", "postgresql"];

interface ColumnPart {
  readonly kind: "column";
  readonly column: string;
  /** The table's name or alias in the query; `undefined`: the only table there that has the column. */
  readonly table: string | undefined;
}

interface TablePart {
  readonly kind: "table";
  readonly table: string;
}

interface ValuePart {
  readonly kind: "value";
  readonly value: Scalar;
}

export type SqlPart = string | ColumnPart | TablePart | ValuePart;
export type Sql = readonly SqlPart[];

/** Where the columns of a condition's own row are found. */
export type ColumnOf = (attribute: Pick<AttributeReference, "column">) => SqlPart;

export function columnsOf(table: string | undefined): ColumnOf {
  return ({ column }) => ({ kind: "column", column, table });
}

/** In parentheses, whatever stands beside it. */
export function joinSql(items: readonly Sql[], separator: " and " | " or " | ", "): Sql {
  return ["(", ...items.flatMap((item, index) => (index === 0 ? item : [separator, ...item])), ")"];
}

const always: Sql = Object.freeze(["true"]);
export const never: Sql = Object.freeze(["false"]);

/** A constant of SQL. Both databases know the words. */
export function constant(value: boolean): Sql {
  return value ? always : never;
}
