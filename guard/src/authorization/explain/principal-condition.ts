/**
 * Conditions over the principal: what is left of a rule once the row is known.
 *
 * `ownerId = principal.id` on a row of Alice's is `principal.id = "alice"`. What is left is decided by the closures that
 * enforce the rule, given the row again and the principal at last.
 */
import type {
  AttributeType,
  ComparisonOperator,
  Leaf,
  Operand,
  PrincipalReference,
} from "../conditions/condition.ts";
import { compileDecision, type Row, readScalar } from "../conditions/decide.ts";
import { isReference, type PrincipalFacts, resolveOperand } from "../conditions/operand.ts";
import { isSame } from "../rows.ts";
import { junctionText, operandText, quoteText, referenceText, scalarText, signs } from "./condition-text.ts";

/** A row of which some attributes are what a grant sets: known only once the principal is. */
export interface PartialRow {
  readonly values: Row;
  readonly set: Readonly<Record<string, { readonly operand: Operand; readonly type: AttributeType }>>;
}

/** Which principals: plain data. */
export type PrincipalCondition =
  | { readonly kind: "always" }
  | { readonly kind: "never" }
  | { readonly kind: "all" | "any"; readonly conditions: readonly PrincipalCondition[] }
  | { readonly kind: "not"; readonly condition: PrincipalCondition }
  /** A comparison of the rule, with what the row has on its side. */
  | { readonly kind: "test"; readonly leaf: Leaf; readonly row: PartialRow }
  /** The principal has a value that the type can hold. */
  | { readonly kind: "has"; readonly operand: PrincipalReference; readonly type: AttributeType }
  /** The principal's value is exactly the one that a write sends. */
  | {
      readonly kind: "is";
      readonly operand: PrincipalReference;
      readonly type: AttributeType;
      readonly value: unknown;
    };

export const always: PrincipalCondition = Object.freeze({ kind: "always" });
export const never: PrincipalCondition = Object.freeze({ kind: "never" });

export function allOf(conditions: readonly PrincipalCondition[]): PrincipalCondition {
  return junction("all", conditions);
}

export function anyOf(conditions: readonly PrincipalCondition[]): PrincipalCondition {
  return junction("any", conditions);
}

export function notOf(condition: PrincipalCondition): PrincipalCondition {
  if (condition.kind === "always") return never;
  if (condition.kind === "never") return always;
  return condition.kind === "not" ? condition.condition : Object.freeze({ kind: "not", condition });
}

/** Flat, without what decides nothing, and nothing twice. */
function junction(kind: "all" | "any", conditions: readonly PrincipalCondition[]): PrincipalCondition {
  const [neutral, decided] = kind === "all" ? [always, never] : [never, always];
  const flat = conditions.flatMap((one) => (one.kind === kind ? one.conditions : [one]));
  if (flat.some((one) => one.kind === decided.kind)) return decided;
  const distinct = new Map(
    flat.filter((one) => one.kind !== neutral.kind).map((one) => [JSON.stringify(one), one]),
  );
  const [first, ...others] = [...distinct.values()].filter((one) => !isAbsorbed(one, kind, distinct));
  if (first === undefined) return neutral;
  return others.length === 0 ? first : Object.freeze({ kind, conditions: Object.freeze([first, ...others]) });
}

/** `(a or b) and a` is `a`. */
function isAbsorbed(
  condition: PrincipalCondition,
  kind: "all" | "any",
  others: ReadonlyMap<string, PrincipalCondition>,
): boolean {
  const opposite = kind === "all" ? "any" : "all";
  return condition.kind === opposite && condition.conditions.some((one) => others.has(JSON.stringify(one)));
}

/** Is this principal one of them? */
export function isAmong(condition: PrincipalCondition, facts: PrincipalFacts, nowMs: number): boolean {
  switch (condition.kind) {
    case "always":
      return true;
    case "never":
      return false;
    case "all":
      return condition.conditions.every((one) => isAmong(one, facts, nowMs));
    case "any":
      return condition.conditions.some((one) => isAmong(one, facts, nowMs));
    case "not":
      return !isAmong(condition.condition, facts, nowMs);
    case "test":
      return compileDecision(condition.leaf)(completed(condition.row, facts, nowMs), facts, nowMs);
    case "has":
      return resolveOperand(condition.operand, condition.type, facts, nowMs) !== undefined;
    case "is":
      return isSame(resolveOperand(condition.operand, condition.type, facts, nowMs), condition.value);
  }
}

/** The row with what is set, for this principal; what it has no value for is NULL. */
export function completed({ values, set }: PartialRow, facts: PrincipalFacts, nowMs: number): Row {
  const given = Object.entries(set).map(([attribute, { operand, type }]) => [
    attribute,
    resolveOperand(operand, type, facts, nowMs) ?? null,
  ]);
  return { ...values, ...Object.fromEntries(given) };
}

/** As text: `principal.id = "alice" or claim team = "red"`; `anyone`, `no one`. */
export function describePrincipals(condition: PrincipalCondition): string {
  switch (condition.kind) {
    case "always":
      return "anyone";
    case "never":
      return "no one";
    case "all":
    case "any":
      return junctionTextOf(condition.kind, condition.conditions);
    case "not":
      return `not (${describePrincipals(condition.condition)})`;
    case "test":
      return testText(condition.leaf, condition.row);
    case "has":
      // Every id is text.
      if (condition.operand.claim === undefined && condition.type === "string") return "anyone";
      return `has ${referenceText(condition.operand)}${condition.type === "string" ? "" : ` as a ${condition.type}`}`;
    case "is":
      return `${referenceText(condition.operand)} = ${givenText(condition.value, condition.type)}`;
  }
}

function junctionTextOf(kind: "all" | "any", conditions: readonly PrincipalCondition[]): string {
  const texts = conditions.map((one) => {
    const text = describePrincipals(one);
    const isOther = (one.kind === "all" || one.kind === "any") && one.kind !== kind;
    return isOther && / (and|or) /.test(text) ? `(${text})` : text;
  });
  if (kind === "any" && texts.includes("anyone")) return "anyone";
  const left = kind === "all" ? texts.filter((text) => text !== "anyone") : texts;
  return left.length === 0 ? "anyone" : junctionText(kind, left);
}

/** The comparison seen from the principal's side. */
const flipped: Readonly<Record<ComparisonOperator, ComparisonOperator>> = Object.freeze({
  eq: "eq",
  ne: "ne",
  lt: "gt",
  lte: "gte",
  gt: "lt",
  gte: "lte",
});

function testText(leaf: Leaf, row: PartialRow): string {
  const { attribute, type } = leaf;
  const own = sideText(row, attribute, type);
  switch (leaf.kind) {
    case "null":
      return `${own} is null`;
    case "comparison": {
      const { operand, operator } = leaf;
      if (operand.kind === "principal") {
        const isSet = Object.hasOwn(row.set, attribute);
        return isSet
          ? `${own} ${signs[operator]} ${referenceText(operand)}`
          : `${referenceText(operand)} ${signs[flipped[operator]]} ${own}`;
      }
      const other =
        operand.kind === "attribute"
          ? sideText(row, operand.attribute, operand.type)
          : operandText(operand, type);
      return `${own} ${signs[operator]} ${other}`;
    }
    case "text":
      return `${own} ${leaf.operator === "contains" ? "contains" : "starts with"} ${operandText(leaf.operand, type)}`;
    case "membership": {
      const { values, operator } = leaf;
      if (isReference(values)) {
        const list = referenceText(values);
        return operator === "in" ? `${list} lists ${own}` : `${list} is a list without ${own}`;
      }
      const texts = values.map((value) => operandText(value, type)).join(", ");
      return `${own} ${operator === "in" ? "in" : "not in"} (${texts})`;
    }
  }
}

function sideText({ values, set }: PartialRow, attribute: string, type: AttributeType): string {
  const operand = Object.hasOwn(set, attribute) ? set[attribute]?.operand : undefined;
  return operand === undefined ? givenText(values[attribute], type) : operandText(operand, type);
}

function givenText(value: unknown, type: AttributeType): string {
  if (value === null || value === undefined) return "null";
  const scalar = readScalar(value, type);
  return scalar === undefined ? quoteText(String(value)) : scalarText(scalar, type);
}
