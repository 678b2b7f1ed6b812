/**
 * Where SQLite and PostgreSQL differ: one table of how each compares a column with a known value, so that both agree
 * with memory to the bit and an index on the column stays usable.
 */
import type { AttributeType, ComparisonOperator, Scalar } from "../condition.ts";
import { type Dialect, joinSql, type Sql, type SqlPart } from "./parts.ts";

export const sqlOperators = { eq: "=", ne: "!=", lt: "<", lte: "<=", gt: ">", gte: ">=" } as const;
export const opposites = { eq: "ne", ne: "eq", lt: "gte", lte: "gt", gt: "lte", gte: "lt" } as const;

export interface DialectRules {
  compare(column: SqlPart, operator: ComparisonOperator, value: Scalar, type: AttributeType): Sql;
  /** A column that is compared with another of its type. */
  column(column: SqlPart, type: AttributeType): Sql;
  startsWith(column: SqlPart, text: string, negated: boolean): Sql;
  contains(column: SqlPart, text: string, negated: boolean): Sql;
  /** @param values At least one. */
  isIn(column: SqlPart, values: readonly Scalar[], type: AttributeType, negated: boolean): Sql;
}

const bound = (value: Scalar): SqlPart => ({ kind: "value", value });

const sqlite: DialectRules = {
  compare: (column, operator, value) => [column, ` ${sqlOperators[operator]} `, ...sqliteValue(value)],
  column: (column) => [column],
  // Text compares byte by byte: what begins with a text is a range, and an index finds it.
  startsWith(column, text, negated) {
    const end = textAfter(text);
    const from: Sql = [column, negated ? " < " : " >= ", bound(text)];
    if (end === undefined) return from;
    return joinSql([from, [column, negated ? " >= " : " < ", bound(end)]], negated ? " or " : " and ");
  },
  // As bytes: SQLite's text functions end at a NUL.
  contains: (column, text, negated) => [
    "instr(cast(",
    column,
    " as blob), cast(",
    bound(text),
    negated ? " as blob)) = 0" : " as blob)) > 0",
  ],
  isIn: (column, values, _type, negated) => [
    column,
    negated ? " not in " : " in ",
    ...joinSql(values.map(sqliteValue), ", "),
  ],
};

/** SQLite's drivers cannot bind booleans. */
function sqliteValue(value: Scalar): Sql {
  return [typeof value === "boolean" ? String(value) : bound(value)];
}

/** The first text after all those that begin with this one; `undefined` where there is none. */
function textAfter(text: string): string | undefined {
  const codePoints = Array.from(text, (letter) => letter.codePointAt(0) ?? 0);
  for (let last = codePoints.pop(); last !== undefined; last = codePoints.pop()) {
    if (last === 0x10_ffff) continue;
    // Between them are the surrogates, which are no letters.
    return String.fromCodePoint(...codePoints, last === 0xd7ff ? 0xe000 : last + 1);
  }
  return undefined;
}

const postgresql: DialectRules = {
  compare(column, operator, value, type) {
    if (type === "date") return compareInstant(column, operator, value as number);
    return [column, ` ${sqlOperators[operator]} `, ...postgresqlValue(value, type)];
  },
  column: (column, type) => (type === "date" ? ["date_trunc('milliseconds', ", column, ")"] : [column]),
  startsWith: (column, text, negated) => [
    negated ? "not starts_with(" : "starts_with(",
    column,
    ", ",
    bound(text),
    ")",
  ],
  contains: (column, text, negated) => ["strpos(", column, ", ", bound(text), negated ? ") = 0" : ") > 0"],
  isIn(column, values, type, negated) {
    if (type === "date") {
      const each = values.map((value) => compareInstant(column, negated ? "ne" : "eq", value as number));
      return joinSql(each, negated ? " and " : " or ");
    }
    const list = joinSql(
      values.map((value) => postgresqlValue(value, type)),
      ", ",
    );
    return [column, negated ? " not in " : " in ", ...list];
  },
};

/**
 * Numbers are typed by their value: compared with a whole one, an index on a column of any numeric type is usable, and
 * no value fits so badly that the query fails.
 */
function postgresqlValue(value: Scalar, type: AttributeType): Sql {
  if (typeof value === "boolean") return [String(value)];
  if (type === "uuid") return [bound(value), "::uuid"];
  if (typeof value !== "number") return [bound(value)];
  return [bound(value), Number.isSafeInteger(value) ? "::int8" : "::float8"];
}

/** An instant's bounds, in milliseconds beyond it: `[>= 0, < 1]` is the very millisecond. */
export const instantBounds: Readonly<
  Record<
    ComparisonOperator,
    { readonly join: " and " | " or "; readonly bounds: readonly [">=" | "<", 0 | 1][] }
  >
> = {
  eq: {
    join: " and ",
    bounds: [
      [">=", 0],
      ["<", 1],
    ],
  },
  ne: {
    join: " or ",
    bounds: [
      ["<", 0],
      [">=", 1],
    ],
  },
  lt: { join: " and ", bounds: [["<", 0]] },
  lte: { join: " and ", bounds: [["<", 1]] },
  gt: { join: " and ", bounds: [[">=", 1]] },
  gte: { join: " and ", bounds: [[">=", 0]] },
};

/** PostgreSQL keeps microseconds, memory milliseconds: the column is compared as if it had none beyond those. */
function compareInstant(column: SqlPart, operator: ComparisonOperator, timeMs: number): Sql {
  const { join, bounds } = instantBounds[operator];
  const each = bounds.map(
    ([sign, shift]): Sql => [column, ` ${sign} `, bound(toTimestamp(timeMs + shift)), "::timestamptz"],
  );
  return each.length === 1 ? (each[0] ?? []) : joinSql(each, join);
}

/** As PostgreSQL reads it: the year 10000 has no sign there. */
export function toTimestamp(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/^\+0/, "");
}

export const dialectRules: Readonly<Record<Dialect, DialectRules>> = Object.freeze({ sqlite, postgresql });
