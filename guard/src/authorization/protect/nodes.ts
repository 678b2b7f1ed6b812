/** Kysely's nodes, as plain data: made and read by hand, for the guard loads no query builder. */
import type { RootOperationNode } from "kysely";

export interface Node {
  readonly kind: string;
  readonly [member: string]: unknown;
}

export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as Partial<Node>).kind === "string";
}

export const fromKysely = (node: RootOperationNode): Node => node as unknown as Node;
export const toKysely = (node: Node): RootOperationNode => node as unknown as RootOperationNode;

export function nodeOf(value: unknown): Node | undefined {
  return isNode(value) ? value : undefined;
}

export function nodesOf(value: unknown): readonly Node[] {
  return Array.isArray(value) ? value.filter(isNode) : [];
}

export const make = (kind: string, members: Readonly<Record<string, unknown>> = {}): Node =>
  Object.freeze({ kind, ...members });

export const valueNode = (value: unknown): Node => make("ValueNode", { value });
export const columnNode = (name: string): Node =>
  make("ColumnNode", { column: make("IdentifierNode", { name }) });

/** The name of an identifier, a column, or a column with its table; `undefined` for anything else. */
export function nameOf(node: Node | undefined): string | undefined {
  if (node?.kind === "IdentifierNode") return String(node.name);
  if (node?.kind === "ColumnNode" || node?.kind === "ReferenceNode") return nameOf(nodeOf(node.column));
  return undefined;
}

/** A table's own name, and whether a schema is named with it; `undefined` for what is no table. */
export function tableNameOf(node: Node): { readonly name: string; readonly schema: boolean } | undefined {
  const table = node.kind === "TableNode" ? nodeOf(node.table) : undefined;
  const name = nameOf(nodeOf(table?.identifier));
  return name === undefined ? undefined : { name, schema: table?.schema !== undefined };
}

/** `where` with one condition more. The guard's stands first, and the query's own in brackets. */
export function addWhere(where: unknown, condition: Node | undefined): unknown {
  if (condition === undefined) return where;
  const own = nodeOf(nodeOf(where)?.where);
  const both =
    own === undefined
      ? condition
      : make("AndNode", { left: condition, right: make("ParensNode", { node: own }) });
  return make("WhereNode", { where: both });
}
