/**
 * SQL as text that stands for itself: statements of definition take no parameters.
 *
 * Literals hold whatever `standard_conforming_strings` says, identifiers are always quoted, and a body is dollar-quoted
 * with a tag that it does not contain.
 */
import { createHash } from "node:crypto";
import type { Scalar } from "../conditions/condition.ts";
import { quoteName } from "../conditions/filter.ts";
import type { Sql, SqlPart } from "../conditions/sql/parts.ts";

/** Where the tables of a condition are, and what its own row is called. */
export interface Place {
  /** The schema of the related tables; `undefined`: that does not matter. */
  readonly schema: string | undefined;
  /** `old` and `new` in a trigger; `undefined` in a policy. */
  readonly row: "old" | "new" | undefined;
}

/** Joins the parts to text that stands for itself. */
export function toDefinition(parts: Sql, place: Place): string {
  return parts.map((part) => textOf(part, place)).join("");
}

function textOf(part: SqlPart, { schema, row }: Place): string {
  if (typeof part === "string") return part;
  if (part.kind === "value") return literal(part.value);
  if (part.kind === "table") return qualified(schema, part.table);
  if (part.table !== undefined) return `${qualified(schema, part.table)}.${quoteName(part.column)}`;
  return row === undefined ? quoteName(part.column) : `${row}.${quoteName(part.column)}`;
}

export function qualified(schema: string | undefined, name: string): string {
  return schema === undefined ? quoteName(name) : `${quoteName(schema)}.${quoteName(name)}`;
}

/** A value as a quoted literal, whose type what stands beside it says. */
export function literal(value: Scalar): string {
  const text = String(value).replaceAll("'", "''");
  // With a backslash, only this form means the same under every setting.
  return text.includes("\\") ? ` E'${text.replaceAll("\\", "\\\\")}'` : `'${text}'`;
}

/** @returns the body between dollar quotes that it cannot end. */
export function dollarQuoted(body: string): string {
  let tag = "$bulwark$";
  for (let number = 1; body.includes(tag); number += 1) tag = `$bulwark_${number}$`;
  return `${tag}${body}${tag}`;
}

/** A short name of a text's own: no two texts have the same. */
export function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}
