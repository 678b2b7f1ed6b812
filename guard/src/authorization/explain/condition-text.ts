/**
 * Conditions as short text that a person reads: `ownerId = principal.id and status in ("draft", "open")`.
 *
 * Text is never read back. What it quotes may be an attacker's (a row's value, a claim), and it ends up on terminals and
 * in reviews: characters that would move the cursor, or reorder what is read, are written as escapes.
 */
import type {
  ComparisonOperator,
  Condition,
  Leaf,
  Membership,
  NowReference,
  Operand,
  PrincipalReference,
  Scalar,
} from "../conditions/condition.ts";
import { isReference } from "../conditions/operand.ts";

/** The signs of comparisons. */
export const signs: Readonly<Record<ComparisonOperator, string>> = Object.freeze({
  eq: "=",
  ne: "!=",
  lt: "<",
  lte: "<=",
  gt: ">",
  gte: ">=",
});

/**
 * A condition as text; `undefined` covers every row.
 *
 * @example
 * describeCondition(all(own, notYetPaid)); // 'ownerId = principal.id and status in ("draft", "open")'
 */
export function describeCondition(condition: Condition | undefined): string {
  return condition === undefined ? "every row" : conditionText(condition, "");
}

/** @param prefix Before attributes: a related row's, `customer.`. */
export function conditionText(condition: Condition, prefix: string): string {
  switch (condition.kind) {
    case "all":
    case "any":
      return junctionText(
        condition.kind,
        condition.conditions.map((branch) => nested(conditionText(branch, prefix), branch, condition.kind)),
      );
    case "not":
      return `not (${conditionText(condition.condition, prefix)})`;
    case "related": {
      const { relation, condition: inner } = condition;
      const name = attributeText(relation.name);
      return isLeaf(inner)
        ? conditionText(inner, `${name}.`)
        : `${name} is a row with (${conditionText(inner, "")})`;
    }
    default:
      return leafText(condition, prefix);
  }
}

/** Joins branches that are already in parentheses where they need them. */
export function junctionText(kind: "all" | "any", branches: readonly string[]): string {
  if (branches.length === 0) return kind === "all" ? "always" : "never";
  return branches.join(kind === "all" ? " and " : " or ");
}

function nested(text: string, { kind, ...rest }: Condition, within: "all" | "any"): string {
  const several = "conditions" in rest && rest.conditions.length > 1;
  return several && kind !== within ? `(${text})` : text;
}

function leafText(leaf: Leaf, prefix: string): string {
  const subject = prefix + attributeText(leaf.attribute);
  switch (leaf.kind) {
    case "null":
      return `${subject} is null`;
    case "comparison": {
      const { operand, operator } = leaf;
      const other =
        operand.kind === "attribute"
          ? prefix + attributeText(operand.attribute)
          : operandText(operand, leaf.type);
      return `${subject} ${signs[operator]} ${other}`;
    }
    case "text":
      return `${subject} ${leaf.operator === "contains" ? "contains" : "starts with"} ${operandText(leaf.operand, leaf.type)}`;
    case "membership":
      return `${subject} ${leaf.operator === "in" ? "in" : "not in"} ${valuesText(leaf)}`;
  }
}

function valuesText({ values, type }: Pick<Membership, "values" | "type">): string {
  if (isReference(values)) return referenceText(values);
  return `(${values.map((value) => operandText(value, type)).join(", ")})`;
}

export function operandText(operand: Operand, type: Leaf["type"]): string {
  if (operand.kind === "literal") return scalarText(operand.value, type);
  return operand.kind === "now" ? nowText(operand) : referenceText(operand);
}

export function referenceText({ claim }: PrincipalReference): string {
  if (claim === undefined) return "principal.id";
  return `claim ${nameText(claim)}`;
}

/** A value as it is compared: dates as instants, text in quotes. */
export function scalarText(value: Scalar, type: Leaf["type"]): string {
  if (type === "date" && typeof value === "number") {
    return Number.isFinite(value) && Math.abs(value) <= 8.64e15
      ? new Date(value).toISOString()
      : String(value);
  }
  return typeof value === "string" ? quoteText(value) : String(value);
}

const units = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "m"],
  [1_000, "s"],
] as const;

function nowText({ offsetMs }: NowReference): string {
  if (offsetMs === 0) return "now";
  const size = Math.abs(offsetMs);
  const [unitMs, unit] = units.find(([each]) => size % each === 0) ?? [1, "ms"];
  return `now ${offsetMs < 0 ? "-" : "+"} ${size / unitMs}${unit}`;
}

/** Words that stand for something else; an attribute of such a name is quoted. */
const reserved = new Set(["principal", "claim", "now", "not", "always", "never", "true", "false"]);

function attributeText(name: string): string {
  return reserved.has(name) ? `\`${name}\`` : name;
}

/** A name as it stands, or in quotes where it is no plain word: roles, ids and fields may be anyone's. */
export function nameText(name: string): string {
  return /^[\w.@:/+-]+$/.test(name) ? name : quoteText(name);
}

/** In quotes, and nothing in it that a terminal or a reader's eye would take for something else. */
export function quoteText(text: string): string {
  return cleanText(JSON.stringify(text));
}

/** The same without quotes: for sentences that another program has made. */
export function cleanText(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}

function isLeaf(condition: Condition): condition is Leaf {
  return !["all", "any", "not", "related"].includes(condition.kind);
}
