/**
 * Conditions: the small immutable tree that says which rows a grant covers.
 *
 * One tree is read in several ways (decided on a loaded row, turned into SQL, turned into row-level security), so nodes
 * are plain data and say nothing of how they are read. Comparisons are two-valued: anything compared with NULL is false,
 * and `not` of that is true, in every reading. A value that the attribute's type cannot hold compares as NULL.
 */
import { parseDuration } from "../../contract/rate.ts";

/**
 * What an attribute of a resource may hold. NULL is always possible.
 *
 * - `string`: text, compared byte by byte; `uuid`: a UUID in its lower-case form (RFC 9562 §4)
 * - `number`: a double; `boolean`
 * - `date`: an instant, to the millisecond: a `Date`, or milliseconds since the epoch
 */
export type AttributeType = "string" | "uuid" | "number" | "boolean" | "date";
export type AttributeTypes = Readonly<Record<string, AttributeType>>;

/** A value as a condition holds it: dates are milliseconds since the epoch. */
export type Scalar = string | number | boolean;
/** A value as a declaration writes it. */
export type ScalarOf<T extends AttributeType> = T extends "string" | "uuid"
  ? string
  : T extends "number"
    ? number
    : T extends "date"
      ? Date
      : boolean;

/** A value known only once the caller is: `principal.id`, `principal.claim("team")`. */
export interface PrincipalReference {
  readonly kind: "principal";
  /** A claim's name; `undefined` is the principal's id. */
  readonly claim: string | undefined;
}

/** The time of the request, moved by so many milliseconds. */
export interface NowReference {
  readonly kind: "now";
  readonly offsetMs: number;
}

/** Another attribute of the same row. */
export interface AttributeReference<T extends AttributeType = AttributeType> {
  readonly kind: "attribute";
  readonly resource: string;
  readonly attribute: string;
  readonly column: string;
  readonly type: T;
}

export interface Literal {
  readonly kind: "literal";
  readonly value: Scalar;
}

/** What is known once the caller and the time are, whatever the row. */
export type Operand = Literal | PrincipalReference | NowReference;

export type ComparisonOperator = "eq" | "ne" | "lt" | "lte" | "gt" | "gte";

/** The attribute a leaf of the tree looks at. */
interface Subject {
  readonly resource: string;
  readonly attribute: string;
  /** The attribute's column, as the database names it. */
  readonly column: string;
  readonly type: AttributeType;
}

export interface Comparison extends Subject {
  readonly kind: "comparison";
  readonly operator: ComparisonOperator;
  readonly operand: Operand | AttributeReference;
}

/** Text that begins with, or contains, another: letter by letter, as it stands. */
export interface TextTest extends Subject {
  readonly kind: "text";
  readonly operator: "contains" | "startsWith";
  readonly operand: Literal | PrincipalReference;
}

/**
 * Is the attribute among these values? A list that is missing is NULL, and so is an element that the attribute cannot
 * hold: `in` is then only true for another element, `notIn` is false.
 */
export interface Membership extends Subject {
  readonly kind: "membership";
  readonly operator: "in" | "notIn";
  /** Values, or a claim that holds a list of them. */
  readonly values: readonly Operand[] | PrincipalReference;
}

export interface NullTest extends Subject {
  readonly kind: "null";
}

/**
 * Is there a row in a related table that the condition covers? The loaded row carries its related row under the
 * relation's name, or null where there is none.
 */
export interface Related {
  readonly kind: "related";
  readonly resource: string;
  readonly relation: Relation;
  readonly condition: Condition;
}

/** From a row to the one row it belongs to. */
export interface Relation {
  readonly name: string;
  /** The attribute that holds the related row's key. */
  readonly from: AttributeReference;
  /** The related row's key: unique. */
  readonly to: AttributeReference;
  /** The related resource's table, as the database names it. */
  readonly table: string;
}

interface Junction {
  readonly kind: "all" | "any";
  readonly conditions: readonly Condition[];
}

interface Negation {
  readonly kind: "not";
  readonly condition: Condition;
}

export type Leaf = Comparison | TextTest | Membership | NullTest;
export type Condition = Leaf | Related | Junction | Negation;

/** References to the caller, for use in conditions and in a grant's `set`. */
export const principal = Object.freeze({
  /** The caller's id: the account's, or the client's for a machine. */
  id: Object.freeze({ kind: "principal", claim: undefined }) as PrincipalReference,
  /**
   * A claim of the caller's token or session. A caller without the claim, or with one that the attribute cannot hold,
   * compares as NULL: every comparison with it is false.
   */
  claim: (name: string): PrincipalReference => Object.freeze({ kind: "principal", claim: name }),
});

const nowAt = (offsetMs: number): NowReference => Object.freeze({ kind: "now", offsetMs });

/**
 * The time of the request, for comparisons with dates.
 *
 * @example
 * order.where.createdAt.gt(now.minus("24h"));
 */
export const now = Object.freeze({
  ...nowAt(0),
  /** @param duration 1 second to 30 days: `"24h"`. @throws {ContractError} `duration_invalid` */
  minus: (duration: string): NowReference => nowAt(-parseDuration(duration, "now.minus")),
  /** @param duration 1 second to 30 days: `"24h"`. @throws {ContractError} `duration_invalid` */
  plus: (duration: string): NowReference => nowAt(parseDuration(duration, "now.plus")),
});

/** True where every condition is. */
export function all(...conditions: readonly Condition[]): Condition {
  return Object.freeze({ kind: "all", conditions: Object.freeze([...conditions]) });
}

/** True where at least one condition is. */
export function any(...conditions: readonly Condition[]): Condition {
  return Object.freeze({ kind: "any", conditions: Object.freeze([...conditions]) });
}

/** True where the condition is false. A comparison with NULL is false, so its `not` is true. */
export function not(condition: Condition): Condition {
  return Object.freeze({ kind: "not", condition });
}
