/**
 * The walk through a query: every table that it reads is narrowed, every write is guarded, and what cannot be seen into
 * is refused. Its input is a tree that any program built; nothing in it is trusted but the guard's own filters.
 */
import type { Resource } from "../../contract/resource.ts";
import type { RowAccess } from "../access.ts";
import type { Row } from "../conditions/decide.ts";
import { isOwnText, type Reach, toExpression, writeReach } from "../conditions/filter.ts";
import type { Dialect } from "../conditions/sql/parts.ts";
import { storedValue, unknownValue } from "./after.ts";
import { ProtectionError } from "./errors.ts";
import { harmlessKinds, isDefinition, writtenMembers } from "./kinds.ts";
import {
  addWhere,
  columnNode,
  isNode,
  make,
  type Node,
  nameOf,
  nodeOf,
  nodesOf,
  tableNameOf,
  valueNode,
} from "./nodes.ts";
import { checkText, checkWord } from "./raw-text.ts";
import type { Tables } from "./tables.ts";
import { decideInsert, isReadable, planDelete, planUpdate, reachFor, type Values } from "./writes.ts";

export interface WalkContext {
  readonly access: RowAccess;
  readonly tables: Tables;
  /** Told of each resource whose rows a select was narrowed to. */
  readonly onRead?: ((resource: Resource) => void) | undefined;
}

/** The names that `with` gives to queries, as `fold` writes them. */
type Names = ReadonlySet<string>;

/** @returns the statement as it may be sent. @throws {ProtectionError | WriteDeniedError} */
export function guardStatement(statement: Node, context: WalkContext): Node {
  const { kind } = statement;
  if (kind === "RawNode") throw new ProtectionError("query_raw", "It is text.");
  if (isDefinition(kind)) throw new ProtectionError("query_schema", `${kind}.`);
  return walk(statement, new Set(), context);
}

function walk(node: Node, names: Names, context: WalkContext): Node {
  switch (node.kind) {
    case "SelectQueryNode":
      return guardSelect(node, names, context);
    case "InsertQueryNode":
      return guardInsert(node, names, context);
    case "UpdateQueryNode":
      return guardUpdate(node, names, context);
    case "DeleteQueryNode":
      return guardDelete(node, names, context);
    case "MergeQueryNode":
      throw new ProtectionError("write_unsupported", "It is a merge.");
    case "RawNode":
      if (isOwnText(node)) return node;
      checkText(node, context.tables);
  }
  if (!harmlessKinds.has(node.kind)) throw new ProtectionError("node_unknown", `${node.kind}.`);
  const written = writtenMembers[node.kind];
  if (written !== undefined) checkWord(node[written]);
  return walkMembers(node, [], names, context);
}

/** Every member that is a node, or a list of them, but those that are done already. */
function walkMembers(node: Node, done: readonly string[], names: Names, context: WalkContext): Node {
  const members = Object.entries(node).map(([member, value]) => {
    // A bound value is data, whatever it looks like.
    if (done.includes(member) || (node.kind === "ValueNode" && member === "value")) return [member, value];
    if (node.kind === "PrimitiveValueListNode") return [member, value];
    if (isNode(value)) return [member, walk(value, names, context)];
    if (!Array.isArray(value)) return [member, value];
    return [member, value.map((one: unknown) => (isNode(one) ? walk(one, names, context) : one))];
  });
  return Object.freeze(Object.fromEntries(members) as Node);
}

interface Scope {
  readonly names: Names;
  readonly with: Node | undefined;
}

/**
 * Guards what stands in `with`. A query sees the names before it; with `recursive` all of them. A name that is taken for a
 * table by mistake is narrowed once more; a table that were taken for a name would not be.
 */
function guardWith(statement: Node, names: Names, context: WalkContext): Scope {
  const node = nodeOf(statement.with);
  if (node === undefined) return { names, with: undefined };
  const { tables } = context;
  const expressions = nodesOf(node.expressions);
  const given = expressions.map((expression) => {
    const table = nodeOf(nodeOf(expression.name)?.table);
    const name = (table && tableNameOf(table)?.name) ?? "";
    if (name === "" || tables.isRelated(name)) throw new ProtectionError("name_shadowed", `\`${name}\`:`);
    return tables.fold(name);
  });
  const recursive = node.recursive === true;
  const guarded = expressions.map((expression, index) => {
    const visible = new Set([...names, ...(recursive ? given : given.slice(0, index))]);
    if (expression.kind !== "CommonTableExpressionNode" || !isNode(expression.expression)) {
      throw new ProtectionError("node_unknown", `${expression.kind} in \`with\`.`);
    }
    return Object.freeze({ ...expression, expression: walk(expression.expression, visible, context) });
  });
  return {
    names: new Set([...names, ...given]),
    with: Object.freeze({ ...node, expressions: Object.freeze(guarded) }),
  };
}

/** The resource whose rows a name finds; `undefined`: of no declared table. */
function resourceAt(table: Node, names: Names, { tables }: WalkContext): Resource | undefined {
  const found = tableNameOf(table);
  if (found === undefined) return undefined;
  if (!found.schema && names.has(tables.fold(found.name))) return undefined;
  return tables.find(found.name);
}

interface TableReference {
  readonly table: Node;
  /** What the rest of the query calls it. */
  readonly name: string | undefined;
}

/** A table, under its own name or another. */
function referenceOf(node: Node): TableReference | undefined {
  if (node.kind === "TableNode") return { table: node, name: tableNameOf(node)?.name };
  const table = node.kind === "AliasNode" ? nodeOf(node.node) : undefined;
  if (table?.kind !== "TableNode") return undefined;
  return { table, name: nameOf(nodeOf(node.alias)) };
}

/** What a query reads from: a declared table becomes the rows of it that the caller may read. */
function guardSource(node: Node, names: Names, context: WalkContext): Node {
  if (node.kind === "ListNode" || node.kind === "ParensNode") {
    const items = nodesOf(node.items).map((item) => guardSource(item, names, context));
    const inner = nodeOf(node.node);
    return Object.freeze({
      ...node,
      ...(node.items === undefined ? {} : { items }),
      ...(inner === undefined ? {} : { node: guardSource(inner, names, context) }),
    });
  }
  const reference = referenceOf(node);
  const resource = reference && resourceAt(reference.table, names, context);
  if (reference === undefined || resource === undefined) return walk(node, names, context);
  context.onRead?.(resource);
  const own = tableNameOf(reference.table)?.name ?? "";
  const where = filterNode([reachFor(context.access, resource, "read")], own, context.access);
  if (where === undefined) return walk(node, names, context);
  const rows = make("SelectQueryNode", {
    from: make("FromNode", { froms: [reference.table] }),
    selections: [make("SelectionNode", { selection: make("SelectAllNode") })],
    where: make("WhereNode", { where }),
  });
  const alias = node.kind === "AliasNode" ? nodeOf(node.alias) : make("IdentifierNode", { name: own });
  if (alias === undefined) throw new ProtectionError("node_unknown", "A table's name.");
  return make("AliasNode", { node: rows, alias: walk(alias, names, context) });
}

function guardSources(list: unknown, names: Names, context: WalkContext): readonly Node[] {
  return Object.freeze(nodesOf(list).map((node) => guardSource(node, names, context)));
}

function guardFrom(from: unknown, names: Names, context: WalkContext): Node | undefined {
  const node = nodeOf(from);
  return node && Object.freeze({ ...node, froms: guardSources(node.froms, names, context) });
}

function guardJoins(joins: unknown, names: Names, context: WalkContext): readonly Node[] | undefined {
  if (joins === undefined) return undefined;
  return nodesOf(joins).map((join) => {
    const table = nodeOf(join.table);
    if (join.kind !== "JoinNode" || table === undefined) throw new ProtectionError("node_unknown", "A join.");
    const guarded = walkMembers(join, ["table"], names, context);
    return Object.freeze({ ...guarded, table: guardSource(table, names, context) });
  });
}

/**
 * The rows of several reaches at once, as a condition; `undefined` where that is every row.
 *
 * @param table The table's name in the query.
 */
function filterNode(
  reaches: readonly Reach[],
  table: string,
  { security, facts, nowMs }: RowAccess,
): Node | undefined {
  const context = { dialect: security.database, facts, nowMs, table };
  return reaches
    .filter(({ allowed, denied }) => !allowed.includes(undefined) || denied.length > 0)
    .map((reach) => toExpression(writeReach(reach, context)).toOperationNode() as unknown as Node)
    .reduce<Node | undefined>(
      (left, right) => (left === undefined ? right : make("AndNode", { left, right })),
      undefined,
    );
}

function guardSelect(node: Node, outer: Names, context: WalkContext): Node {
  const { names, with: guardedWith } = guardWith(node, outer, context);
  if (node.top !== undefined) throw new ProtectionError("node_unknown", "TopNode.");
  const rest = walkMembers(node, ["with", "from", "joins", "top"], names, context);
  const done = { ...rest, with: guardedWith };
  const froms = nodesOf(nodeOf(node.from)?.froms);
  const reference = froms.length === 1 && froms[0] !== undefined ? referenceOf(froms[0]) : undefined;
  const resource = reference && resourceAt(reference.table, names, context);
  // A single table keeps its place, and the statement the plan of one written by hand.
  if (resource !== undefined && reference?.name !== undefined && nodesOf(node.joins).length === 0) {
    context.onRead?.(resource);
    const reach = reachFor(context.access, resource, "read");
    const condition = filterNode([reach], reference.name, context.access);
    return Object.freeze({ ...done, where: addWhere(rest.where, condition) });
  }
  return Object.freeze({
    ...done,
    from: guardFrom(node.from, names, context),
    joins: guardJoins(node.joins, names, context),
  });
}

/** The table that a write is for. A name of `with` is none: the database writes to the table behind it. */
function targetOf(
  node: Node | undefined,
  context: WalkContext,
): { readonly resource: Resource | undefined; readonly name: string } {
  const reference = node && referenceOf(node);
  if (reference?.name === undefined)
    throw new ProtectionError("write_unsupported", "It writes to no plain table.");
  return { resource: resourceAt(reference.table, new Set(), context), name: reference.name };
}

/** A written column's attribute; a column of no attribute is called what no attribute can be. */
function attributeAt({ columns }: Resource, column: Node | undefined, { tables }: WalkContext): string {
  const name = nameOf(column);
  if (name === undefined) throw new ProtectionError("write_unreadable", "A column has no plain name.");
  const known = Object.entries(columns).find(([, own]) => tables.fold(own) === tables.fold(name));
  return known?.[0] ?? `column ${name}`;
}

function valueAt({ attributes }: Resource, attribute: string, node: Node | undefined): unknown {
  const type = Object.hasOwn(attributes, attribute) ? attributes[attribute] : undefined;
  return node?.kind === "ValueNode" && type !== undefined ? storedValue(node.value, type) : unknownValue;
}

/** What the guard decided is written as it was given, and what a grant sets as the grant says. */
function nodesToWrite(
  values: Values,
  given: ReadonlyMap<string, Node>,
  dialect: Dialect,
): ReadonlyMap<string, Node> {
  const nodes = new Map(given);
  for (const [attribute, value] of Object.entries(values)) {
    // SQLite's drivers cannot bind booleans.
    const bound = typeof value === "boolean" && dialect === "sqlite" ? Number(value) : value;
    if (value !== unknownValue && !given.has(attribute)) nodes.set(attribute, valueNode(bound));
  }
  return nodes;
}

function guardInsert(node: Node, outer: Names, context: WalkContext): Node {
  const { access } = context;
  const { names, with: guardedWith } = guardWith(node, outer, context);
  if (node.top !== undefined || node.output !== undefined)
    throw new ProtectionError("node_unknown", "TopNode.");
  const { resource } = targetOf(nodeOf(node.into), context);
  const rest = walkMembers(node, ["with", "into"], names, context);
  const done: Node = Object.freeze({ ...rest, with: guardedWith });
  if (resource === undefined) return done;

  const { doNothing } = nodeOf(node.onConflict) ?? { doNothing: true };
  const replaces = node.replace === true || /replace/i.test(String(nodeOf(node.orAction)?.action ?? ""));
  if (doNothing !== true || replaces || node.onDuplicateKey !== undefined) {
    throw new ProtectionError("write_unsupported", "The insert may change another row.");
  }
  const columns = nodesOf(node.columns);
  const attributes = columns.map((column) => attributeAt(resource, column, context));
  const columnNodes = new Map(attributes.map((attribute, index) => [attribute, columns[index]]));
  const rows = rowsToInsert(done, attributes).map((given) => {
    const read = [...given].map(([name, value]) => [name, valueAt(resource, name, value)]);
    const values = decideInsert(access, resource, Object.fromEntries(read));
    if (nodeOf(node.returning) !== undefined && !isReadable(access, resource, values)) {
      throw new ProtectionError("returning_unreadable", `${resource.name}:`);
    }
    return nodesToWrite(values, given, access.security.database);
  });
  const all = [...new Set([...attributes, ...rows.flatMap((row) => [...row.keys()])])];
  if (all.length === 0) return done;
  const { defaultValues, ...statement } = done;
  return Object.freeze({
    ...(statement as Node),
    columns: all.map(
      (attribute) => columnNodes.get(attribute) ?? columnNode(resource.columns[attribute] ?? ""),
    ),
    values: make("ValuesNode", {
      values: rows.map((row) =>
        make("ValueListNode", {
          values: all.map((attribute) => row.get(attribute) ?? make("DefaultInsertValueNode")),
        }),
      ),
    }),
  });
}

/** The rows of an insert, by attribute. */
function rowsToInsert(statement: Node, attributes: readonly string[]): readonly ReadonlyMap<string, Node>[] {
  if (statement.defaultValues === true) return [new Map()];
  const values = nodeOf(statement.values);
  if (values?.kind !== "ValuesNode" || new Set(attributes).size < attributes.length) {
    throw new ProtectionError("write_unreadable", "The rows of the insert are not given as values.");
  }
  return nodesOf(values.values).map((list) => {
    const given: readonly unknown[] = Array.isArray(list.values) ? list.values : [];
    const nodes = list.kind === "PrimitiveValueListNode" ? given.map(valueNode) : given.filter(isNode);
    if (nodes.length !== attributes.length)
      throw new ProtectionError("write_unreadable", "A row is not whole.");
    const pairs = attributes.map((attribute, index) => [attribute, nodes[index]] as const);
    return new Map(
      pairs.flatMap(([name, one]) => (one === undefined || isDefault(one) ? [] : [[name, one]])),
    );
  });
}

const isDefault = ({ kind }: Node) => kind === "DefaultInsertValueNode";

function guardUpdate(node: Node, outer: Names, context: WalkContext): Node {
  const { names, with: guardedWith } = guardWith(node, outer, context);
  if (node.top !== undefined || node.output !== undefined)
    throw new ProtectionError("node_unknown", "TopNode.");
  const { resource, name } = targetOf(nodeOf(node.table), context);
  const rest = walkMembers(node, ["with", "table", "from", "joins"], names, context);
  const done: Node = Object.freeze({
    ...rest,
    with: guardedWith,
    from: guardFrom(node.from, names, context),
    joins: guardJoins(node.joins, names, context),
  });
  if (resource === undefined) return done;
  const updates = nodesOf(done.updates);
  const given = new Map<string, Node>();
  const columns = new Map<string, Node>();
  for (const update of updates) {
    const column = nodeOf(update.column);
    const value = nodeOf(update.value);
    const attribute = attributeAt(resource, column, context);
    if (column === undefined || value === undefined || given.has(attribute)) {
      throw new ProtectionError("write_unreadable", "A column is not assigned once.");
    }
    given.set(attribute, value);
    columns.set(attribute, column);
  }
  const read = [...given].map(([attribute, value]) => [attribute, valueAt(resource, attribute, value)]);
  const returns = nodeOf(node.returning) !== undefined;
  const plan = planUpdate(context.access, resource, Object.fromEntries(read) as Row, returns);
  const written = [...nodesToWrite(plan.values, given, context.access.security.database)].map(
    ([attribute, value]) =>
      make("ColumnUpdateNode", {
        column: columns.get(attribute) ?? columnNode(resource.columns[attribute] ?? ""),
        value,
      }),
  );
  return Object.freeze({
    ...done,
    updates: Object.freeze(written),
    where: addWhere(rest.where, filterNode(plan.reaches, name, context.access)),
  });
}

function guardDelete(node: Node, outer: Names, context: WalkContext): Node {
  const { names, with: guardedWith } = guardWith(node, outer, context);
  if (node.top !== undefined || node.output !== undefined)
    throw new ProtectionError("node_unknown", "TopNode.");
  const froms = nodesOf(nodeOf(node.from)?.froms);
  if (froms.length !== 1) throw new ProtectionError("write_unsupported", "It deletes from several tables.");
  const { resource, name } = targetOf(froms[0], context);
  const using = nodeOf(node.using);
  const rest = walkMembers(node, ["with", "from", "using", "joins"], names, context);
  const done: Node = Object.freeze({
    ...rest,
    with: guardedWith,
    joins: guardJoins(node.joins, names, context),
    ...(using === undefined
      ? {}
      : { using: Object.freeze({ ...using, tables: guardSources(using.tables, names, context) }) }),
  });
  if (resource === undefined) return done;
  const condition = filterNode(planDelete(context.access, resource), name, context.access);
  return Object.freeze({ ...done, where: addWhere(rest.where, condition) });
}
