/**
 * Second reading of a condition: a filter for the query that lists rows, as a Kysely expression or as text with
 * parameters for any driver.
 */
import type { Expression, OperationNode, SqlBool } from "kysely";
import type { Condition } from "./condition.ts";
import type { PrincipalFacts } from "./operand.ts";
import { createBoundLeafWriter } from "./sql/bound-leaf.ts";
import { columnsOf, constant, type Dialect, joinSql, never, type Sql, type SqlPart } from "./sql/parts.ts";
import { writeCondition } from "./sql/write-condition.ts";

/** The rows that one of the allowed conditions covers, and none of the denied. `undefined` covers every row. */
export interface Reach {
  readonly allowed: readonly (Condition | undefined)[];
  readonly denied: readonly (Condition | undefined)[];
}

export interface FilterContext {
  readonly dialect: Dialect;
  readonly facts: PrincipalFacts;
  readonly nowMs: number;
  /** The table's name or alias in the query, where another table there has columns of the same names. */
  readonly table?: string | undefined;
}

/** A filter for any driver. */
export interface SqlFilter {
  /** For a `WHERE`: in parentheses where it needs them. */
  readonly sql: string;
  /** In the order of their placeholders: `?` on SQLite, `$1` on PostgreSQL. */
  readonly params: readonly (string | number)[];
}

/** Fits Kysely's `where(...)` on any query whose table has the resource's columns. */
export interface RowFilter extends Expression<SqlBool> {
  /**
   * The same filter for any driver.
   *
   * @param firstPlaceholder The number of PostgreSQL's first placeholder; default 1.
   */
  toSql(firstPlaceholder?: number): SqlFilter;
}

/** Which rows are in reach, as SQL. */
export function writeReach({ allowed, denied }: Reach, { dialect, facts, nowMs, table }: FilterContext): Sql {
  const writeLeaf = createBoundLeafWriter(dialect, facts, nowMs);
  const columnOf = columnsOf(table);
  if (denied.includes(undefined) || allowed.length === 0) return never;
  const some = allowed.map((one) =>
    one === undefined ? constant(true) : writeCondition(one, writeLeaf, columnOf),
  );
  // A row that several grants cover is covered by the widest: nothing else is asked of the database.
  const reached = allowed.includes(undefined)
    ? constant(true)
    : some.length === 1
      ? (some[0] ?? never)
      : joinSql(some, " or ");
  const barred = denied.map((one) =>
    one === undefined ? never : writeCondition(one, writeLeaf, columnOf, true),
  );
  return barred.length === 0 ? reached : joinSql([reached, ...barred], " and ");
}

/** @param onUse Called each time the filter is put into a query. */
export function createFilter(reach: Reach, context: FilterContext, onUse?: () => void): RowFilter {
  const parts = writeReach(reach, context);
  const { expressionType, toOperationNode } = toExpression(parts);
  return Object.freeze({
    expressionType,
    toOperationNode() {
      onUse?.();
      return toOperationNode();
    },
    toSql(firstPlaceholder = 1): SqlFilter {
      onUse?.();
      return toText(parts, context.dialect, firstPlaceholder);
    },
  });
}

/** Joins the parts for a driver. */
function toText(parts: Sql, dialect: Dialect, firstPlaceholder = 1): SqlFilter {
  const params: (string | number)[] = [];
  const text = parts.map((part) => {
    if (typeof part === "string") return part;
    if (part.kind !== "value") return quoted(part);
    params.push(part.value as string | number);
    return dialect === "sqlite" ? "?" : `$${firstPlaceholder + params.length - 1}`;
  });
  return { sql: text.join(""), params };
}

/** Identifiers as both databases take them: a quote within is doubled. */
function quoted(part: Exclude<SqlPart, string | { readonly kind: "value" }>): string {
  const { table } = part;
  const names =
    part.kind === "table" ? [part.table] : table === undefined ? [part.column] : [table, part.column];
  return names.map(quoteName).join(".");
}

export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * The parts as a Kysely expression. Nodes are plain data, made here by hand: the guard loads no query builder, and
 * plugins that rename identifiers still see them as such.
 */
export function toExpression<T = SqlBool>(parts: Sql): Expression<T> {
  const node = toNode(parts);
  return Object.freeze({ expressionType: undefined, toOperationNode: () => node });
}

function toNode(parts: Sql): OperationNode {
  const sqlFragments = [""];
  const parameters: OperationNode[] = [];
  for (const part of parts) {
    if (typeof part === "string") sqlFragments[sqlFragments.length - 1] += part;
    else {
      parameters.push(toOperand(part));
      sqlFragments.push("");
    }
  }
  return Object.freeze({ kind: "RawNode", sqlFragments, parameters, [ownText]: true }) as OperationNode;
}

/** On nodes whose text is the guard's own: nothing that a team wrote is in it. */
const ownText = Symbol("bulwark.own-text");

/** Is it one of the guard's filters, as `toExpression` made it? */
export function isOwnText(node: object): boolean {
  return Object.hasOwn(node, ownText);
}

function toOperand(part: Exclude<SqlPart, string>): OperationNode {
  if (part.kind === "value") return { kind: "ValueNode", value: part.value } as OperationNode;
  if (part.kind === "table") return tableNode(part.table);
  const column = { kind: "ColumnNode", column: { kind: "IdentifierNode", name: part.column } };
  const table = part.table === undefined ? undefined : tableNode(part.table);
  return {
    kind: "ReferenceNode",
    column,
    ...(table === undefined ? {} : { table }),
  } as unknown as OperationNode;
}

function tableNode(name: string): OperationNode {
  const identifier = { kind: "IdentifierNode", name };
  return {
    kind: "TableNode",
    table: { kind: "SchemableIdentifierNode", identifier },
  } as unknown as OperationNode;
}
