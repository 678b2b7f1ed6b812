/**
 * Operands: from what a condition names to the value it stands for, for one caller at one time.
 *
 * This is the one place that says which values an attribute can hold, so that all readings compare with the same value
 * or, alike, with NULL.
 */
import type {
  AttributeType,
  Comparison,
  Condition,
  Literal,
  Membership,
  Operand,
  PrincipalReference,
  Scalar,
} from "./condition.ts";

/** What a condition may know of the caller. */
export interface PrincipalFacts {
  readonly id: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Years 1 to 9999: what every database and every notation can write. */
const earliestMs = Date.parse("0001-01-01T00:00:00.000Z");
const latestMs = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** RFC 3339 §5.6, with the offset that makes it an instant. */
const dateTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:\d\d)$/;

/**
 * The value as the attribute's type holds it, or `undefined` where it cannot: then it compares as NULL.
 *
 * Text with a NUL or half a surrogate pair is none that every database can store. A date is a `Date`, or text by
 * RFC 3339; as a claim a bare number would be seconds to one reader and milliseconds to another.
 */
export function toScalar(value: unknown, type: AttributeType): Scalar | undefined {
  switch (type) {
    case "string":
      return typeof value === "string" && isStorable(value) ? value : undefined;
    case "uuid":
      return typeof value === "string" && uuid.test(value) ? value : undefined;
    case "number":
      return typeof value === "number" && !Number.isNaN(value) ? value : undefined;
    case "boolean":
      return typeof value === "boolean" ? value : undefined;
    case "date":
      return toInstant(value);
  }
}

function isStorable(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

function toInstant(value: unknown): number | undefined {
  const isText = typeof value === "string" && dateTime.test(value);
  const timeMs = value instanceof Date ? value.getTime() : isText ? Date.parse(value) : Number.NaN;
  return timeMs >= earliestMs && timeMs <= latestMs ? timeMs : undefined;
}

/**
 * The operand's value for this caller at this time, or `undefined` where it compares as NULL. Claims are looked up as
 * own properties: `claim("constructor")` finds nothing.
 */
export function resolveOperand(
  operand: Operand,
  type: AttributeType,
  facts: PrincipalFacts,
  nowMs: number,
): Scalar | undefined {
  if (operand.kind === "literal") return operand.value;
  if (operand.kind === "now") return nowMs + operand.offsetMs;
  return toScalar(readReference(operand, facts), type);
}

/** The values of a list, `undefined` for each that compares as NULL; `undefined` where there is no list. */
export function resolveValues(
  { values, type }: Pick<Membership, "values" | "type">,
  facts: PrincipalFacts,
  nowMs: number,
): readonly (Scalar | undefined)[] | undefined {
  if (isReference(values)) {
    const list = readReference(values, facts);
    return Array.isArray(list) ? list.map((value: unknown) => toScalar(value, type)) : undefined;
  }
  return values.map((operand) => resolveOperand(operand, type, facts, nowMs));
}

export function isReference(values: Membership["values"]): values is PrincipalReference {
  return !Array.isArray(values);
}

/** What a reference finds, whatever it is. */
export function readReference({ claim }: PrincipalReference, { id, claims }: PrincipalFacts): unknown {
  if (claim === undefined) return id;
  return Object.hasOwn(claims, claim) ? claims[claim] : undefined;
}

/** Something a condition names of the caller or the time, with the type it is read as. */
export type Reference =
  | { readonly operand: Exclude<Operand, Literal>; readonly type: AttributeType; readonly list: false }
  | { readonly operand: PrincipalReference; readonly type: AttributeType; readonly list: true };

/** Everything that a condition must know of the caller and the time. */
export function referencesOf(condition: Condition): readonly Reference[] {
  switch (condition.kind) {
    case "all":
    case "any":
      return condition.conditions.flatMap(referencesOf);
    case "not":
    case "related":
      return referencesOf(condition.condition);
    case "membership": {
      const { values, type } = condition;
      if (isReference(values)) return [{ operand: values, type, list: true }];
      return values.flatMap((operand) => referenceOf(operand, type));
    }
    case "comparison":
    case "text":
      return referenceOf(condition.operand, condition.type);
    case "null":
      return [];
  }
}

function referenceOf(operand: Comparison["operand"], type: AttributeType): readonly Reference[] {
  if (operand.kind === "literal" || operand.kind === "attribute") return [];
  return [{ operand, type, list: false }];
}
