/** Rows as an application would load them: by attribute, each with the row it belongs to. */
import type { Row } from "../../conditions/decide.ts";

export function toRows(
  things: readonly Row[],
  customers: readonly Row[],
  columns: readonly string[],
  attributes: readonly string[],
  customerAttributes: readonly string[],
): readonly Row[] {
  const byAttribute = (row: Row, names: readonly string[], of: readonly string[]) =>
    Object.fromEntries(names.map((name, index) => [name, row[of[index] ?? name]]));
  const known = new Map(
    customers.map((row) => [row.id, byAttribute(row, customerAttributes, Object.keys(row))] as const),
  );
  return things.map((row) => {
    const thing = byAttribute(row, attributes, columns);
    return { ...thing, customer: known.get(thing.customerId) ?? null };
  });
}
