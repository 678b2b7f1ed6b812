/**
 * The nodes that a query may be made of beside its tables and statements. What is not listed is refused: a part that is
 * new, or of another database, could reach a table unseen.
 */
export const harmlessKinds: ReadonlySet<string> = new Set([
  "AggregateFunctionNode",
  "AliasNode",
  "AndNode",
  "BinaryOperationNode",
  "CaseNode",
  "CastNode",
  "CollateNode",
  "ColumnNode",
  "ColumnUpdateNode",
  "CommonTableExpressionNameNode",
  "DataTypeNode",
  "DefaultInsertValueNode",
  "ExplainNode",
  "FetchNode",
  "FunctionNode",
  "GroupByItemNode",
  "GroupByNode",
  "HavingNode",
  "IdentifierNode",
  "JSONOperatorChainNode",
  "JSONPathLegNode",
  "JSONPathNode",
  "JSONReferenceNode",
  "LimitNode",
  "ListNode",
  "OffsetNode",
  "OnConflictNode",
  "OnNode",
  "OperatorNode",
  "OrActionNode",
  "OrNode",
  "OrderByItemNode",
  "OrderByNode",
  "OverNode",
  "ParensNode",
  "PartitionByItemNode",
  "PartitionByNode",
  "PrimitiveValueListNode",
  "RawNode",
  "ReferenceNode",
  "ReturningNode",
  "SchemableIdentifierNode",
  "SelectAllNode",
  "SelectModifierNode",
  "SelectionNode",
  "SetOperationNode",
  "SimpleReferenceExpressionNode",
  // As a qualifier; where it is a table to read, it is handled before.
  "TableNode",
  "TupleNode",
  "UnaryOperationNode",
  "ValueListNode",
  "ValueNode",
  "ValuesNode",
  "WhenNode",
  "WhereNode",
]);

/** Members that Kysely writes into the statement as they stand. */
export const writtenMembers: Readonly<Record<string, string>> = Object.freeze({
  AggregateFunctionNode: "func",
  DataTypeNode: "dataType",
  FunctionNode: "func",
  OperatorNode: "operator",
  OrActionNode: "action",
});

/** Definitions: of tables, views, indexes, types. */
export function isDefinition(kind: string): boolean {
  return /^(?:Alter|Create|Drop|Refresh)/.test(kind);
}
