/**
 * A condition as SQL, whatever its leaves become.
 *
 * SQL's third truth value is removed by construction: negation is pushed down to the leaves, and a negated leaf is also
 * true where the database would not know, so no NULL ever meets a NOT. That keeps each comparison bare, and an index on
 * its column usable.
 */
import type { Condition, Leaf, Related } from "../condition.ts";
import { type ColumnOf, columnsOf, joinSql, type Sql } from "./parts.ts";

/** Writes a comparison, or its two-valued negation. */
export type LeafWriter = (leaf: Leaf, negated: boolean, columnOf: ColumnOf) => Sql;

export function writeCondition(
  condition: Condition,
  writeLeaf: LeafWriter,
  columnOf: ColumnOf,
  negated = false,
): Sql {
  switch (condition.kind) {
    case "not":
      return writeCondition(condition.condition, writeLeaf, columnOf, !negated);
    case "all":
    case "any": {
      const branches = condition.conditions.map((branch) =>
        writeCondition(branch, writeLeaf, columnOf, negated),
      );
      // De Morgan: the negation of "all" is "any of the negations".
      const conjunction = (condition.kind === "all") !== negated;
      if (branches.length === 0) return [conjunction ? "true" : "false"];
      return branches.length === 1 ? (branches[0] ?? []) : joinSql(branches, conjunction ? " and " : " or ");
    }
    case "related":
      return writeRelated(condition, writeLeaf, columnOf, negated);
    default:
      return writeLeaf(condition, negated, columnOf);
  }
}

/**
 * The row's key stands outside the subquery, so that no column of the related table can be taken for it, whatever the
 * query calls the row's own table.
 */
function writeRelated(
  { relation, condition }: Related,
  writeLeaf: LeafWriter,
  columnOf: ColumnOf,
  negated: boolean,
): Sql {
  const { from, to, table } = relation;
  const key = columnOf(from);
  const relatedColumn = columnsOf(table);
  const inner = writeCondition(condition, writeLeaf, relatedColumn);
  const select: Sql = ["select ", relatedColumn(to), " from ", { kind: "table", table }, " where "];
  if (!negated) return [key, " in (", ...select, ...inner, ")"];
  // A NULL among the keys would make `not in` unknown.
  const known: Sql = [relatedColumn(to), " is not null and "];
  return joinSql(
    [
      [key, " not in (", ...select, ...known, ...inner, ")"],
      [key, " is null"],
    ],
    " or ",
  );
}
