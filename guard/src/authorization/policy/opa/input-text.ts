/**
 * The input as JSON text, exact to the last number.
 *
 * Databases hold numbers that JSON has no words for. Rego's numbers have no bounds, so each gets a number that stands in
 * the same place as in the database's order: an infinity beyond every double, NaN beyond that.
 */
export function toInputText(value: unknown): string {
  if (typeof value === "number" && !Number.isFinite(value)) {
    if (Number.isNaN(value)) return "1e401";
    return value > 0 ? "1e400" : "-1e400";
  }
  if (Array.isArray(value)) return `[${value.map(toInputText).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const members = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}:${toInputText(item)}`);
  return `{${members.join(",")}}`;
}
