/**
 * Conditions: the small immutable tree that says which rows a grant covers.
 *
 * One tree is read in several ways (decided on a loaded row, turned into a query filter), so nodes are plain
 * data and say nothing of how they are read. Comparisons are two-valued: anything compared with NULL is
 * false, and `not` of that is true, in every reading.
 */

/** What an attribute of a resource may hold. NULL is always possible. */
export type AttributeType = "string" | "number" | "boolean";
export type AttributeTypes = Readonly<Record<string, AttributeType>>;

export type Scalar = string | number | boolean;
export type ScalarOf<T extends AttributeType> = T extends "string"
  ? string
  : T extends "number"
    ? number
    : boolean;

/** A value known only once the caller is: `principal.id`, `principal.claim("team")`. */
export interface PrincipalReference {
  readonly kind: "principal";
  /** A claim's name; `undefined` is the principal's id. */
  readonly claim: string | undefined;
}

export interface Literal {
  readonly kind: "literal";
  readonly value: Scalar;
}

export type Operand = Literal | PrincipalReference;

export type ComparisonOperator = "eq" | "ne" | "lt" | "lte" | "gt" | "gte";

export interface Comparison {
  readonly kind: "comparison";
  readonly resource: string;
  readonly attribute: string;
  readonly type: AttributeType;
  readonly operator: ComparisonOperator;
  readonly operand: Operand;
}

export interface NullTest {
  readonly kind: "null";
  readonly resource: string;
  readonly attribute: string;
}

interface Junction {
  readonly kind: "all" | "any";
  readonly conditions: readonly Condition[];
}

interface Negation {
  readonly kind: "not";
  readonly condition: Condition;
}

export type Condition = Comparison | NullTest | Junction | Negation;

/** References to the caller, for use in conditions and in a grant's `set`. */
export const principal = Object.freeze({
  /** The caller's id: the account's, or the client's for a machine. */
  id: Object.freeze({ kind: "principal", claim: undefined }) as PrincipalReference,
  /**
   * A claim of the caller's token or session. A caller without the claim, or with one of another type than
   * the attribute's, compares as NULL: every comparison with it is false.
   */
  claim: (name: string): PrincipalReference => Object.freeze({ kind: "principal", claim: name }),
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

/** The values a principal's references resolve to. */
export interface PrincipalFacts {
  readonly id: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

/**
 * The operand's value for this caller, or `undefined` where it compares as NULL: a claim the caller has not,
 * one of another type, NaN. Claims are looked up as own properties: `claim("constructor")` finds nothing.
 */
export function resolveOperand(
  operand: Operand,
  type: AttributeType,
  facts: PrincipalFacts,
): Scalar | undefined {
  const value =
    operand.kind === "literal"
      ? operand.value
      : operand.claim === undefined
        ? facts.id
        : Object.hasOwn(facts.claims, operand.claim)
          ? facts.claims[operand.claim]
          : undefined;
  return typeof value === type && !Number.isNaN(value) ? (value as Scalar) : undefined;
}
