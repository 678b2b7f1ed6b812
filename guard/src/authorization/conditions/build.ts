/**
 * Building conditions: what `order.where.status` offers, by the attribute's type.
 *
 * Values are checked as they are given: a literal that the attribute cannot hold would be a condition that is never true.
 */
import { ContractError } from "../../contract/refusal.ts";
import type {
  AttributeReference,
  AttributeType,
  AttributeTypes,
  Comparison,
  ComparisonOperator,
  Condition,
  Leaf,
  Literal,
  Membership,
  NowReference,
  NullTest,
  Operand,
  PrincipalReference,
  Related,
  Relation,
  ScalarOf,
  TextTest,
} from "./condition.ts";
import { toScalar } from "./operand.ts";

/** What an attribute may be compared with. */
type Comparable<T extends AttributeType> =
  | ScalarOf<T>
  | PrincipalReference
  | AttributeReference<T>
  | (T extends "date" ? NowReference : never);

/** Builds the conditions over one attribute. */
export interface AttributeConditions<T extends AttributeType> {
  eq(value: Comparable<T>): Condition;
  ne(value: Comparable<T>): Condition;
  /** @param values Values of the attribute's type, or a claim that holds a list of them. */
  in(values: readonly (ScalarOf<T> | PrincipalReference)[] | PrincipalReference): Condition;
  /** @param values Values of the attribute's type, or a claim that holds a list of them. */
  notIn(values: readonly (ScalarOf<T> | PrincipalReference)[] | PrincipalReference): Condition;
  isNull(): Condition;
}

/**
 * Order comparisons are for numbers and dates only: databases order text by collations that differ from each other and
 * from memory, so no two readings of such a rule would agree.
 */
export interface OrderedConditions<T extends AttributeType> extends AttributeConditions<T> {
  lt(value: Comparable<T>): Condition;
  lte(value: Comparable<T>): Condition;
  gt(value: Comparable<T>): Condition;
  gte(value: Comparable<T>): Condition;
}

/** Letters as they stand: no wildcards, no case folding, no normal forms. */
export interface TextConditions extends AttributeConditions<"string"> {
  contains(text: string | PrincipalReference): Condition;
  startsWith(text: string | PrincipalReference): Condition;
}

export type Conditions<Attributes extends AttributeTypes> = {
  readonly [Name in keyof Attributes]: Attributes[Name] extends "number" | "date"
    ? OrderedConditions<Attributes[Name]>
    : Attributes[Name] extends "string"
      ? TextConditions
      : AttributeConditions<Attributes[Name]>;
};

export type AttributeReferences<Attributes extends AttributeTypes> = {
  readonly [Name in keyof Attributes]: AttributeReference<Attributes[Name]>;
};

/** The attributes of related resources, by the relation's name. */
export type RelationTypes = Readonly<Record<string, AttributeTypes>>;

export function referencesOfAttributes(
  resource: string,
  attributes: AttributeTypes,
  columns: Readonly<Record<string, string>>,
): AttributeReferences<AttributeTypes> {
  const entries = Object.entries(attributes).map(([attribute, type]) => {
    const column = columns[attribute] ?? attribute;
    return [attribute, Object.freeze({ kind: "attribute", resource, attribute, column, type })] as const;
  });
  return Object.freeze(Object.fromEntries(entries));
}

/** Every condition there is, before the attribute's type says which of them it has. */
type AnyConditions = Readonly<Record<keyof OrderedConditions<"number"> | keyof TextConditions, unknown>>;
type Conclude = (leaf: Leaf) => Condition;

export function conditionsOf(references: AttributeReferences<AttributeTypes>): Conditions<AttributeTypes> {
  return build(references, (leaf) => leaf);
}

/** The conditions over a related row: each asks for the one row it belongs to. */
export function relatedConditions(
  resource: string,
  relation: Relation,
  references: AttributeReferences<AttributeTypes>,
): Conditions<AttributeTypes> {
  return build(
    references,
    (condition): Related => Object.freeze({ kind: "related", resource, relation, condition }),
  );
}

function build(
  references: AttributeReferences<AttributeTypes>,
  conclude: Conclude,
): Conditions<AttributeTypes> {
  const entries = Object.entries(references).map(([name, reference]) => [
    name,
    attributeConditions(reference, conclude),
  ]);
  return Object.freeze(Object.fromEntries(entries));
}

function attributeConditions(reference: AttributeReference, conclude: Conclude): Partial<AnyConditions> {
  const { resource, attribute, column, type } = reference;
  const place = `${resource}.where.${attribute}`;
  const subject = { resource, attribute, column, type } as const;
  const compare = (operator: ComparisonOperator) => (value: unknown) =>
    conclude(
      Object.freeze({
        kind: "comparison",
        ...subject,
        operator,
        operand: toComparable(value, type, resource, place),
      } satisfies Comparison),
    );
  const belong = (operator: Membership["operator"]) => (values: unknown) =>
    conclude(
      Object.freeze({
        kind: "membership",
        ...subject,
        operator,
        values: toValues(values, type, place),
      } satisfies Membership),
    );
  const test = (operator: TextTest["operator"]) => (value: unknown) => {
    const operand = toOperand(value, type, place) as TextTest["operand"];
    return conclude(Object.freeze({ kind: "text", ...subject, operator, operand } satisfies TextTest));
  };
  const equality = {
    eq: compare("eq"),
    ne: compare("ne"),
    in: belong("in"),
    notIn: belong("notIn"),
    isNull: () => conclude(Object.freeze({ kind: "null", ...subject } satisfies NullTest)),
  };
  const order = { lt: compare("lt"), lte: compare("lte"), gt: compare("gt"), gte: compare("gte") };
  const text = { contains: test("contains"), startsWith: test("startsWith") };
  const further = type === "number" || type === "date" ? order : type === "string" ? text : {};
  return Object.freeze({ ...equality, ...further });
}

function toValues(values: unknown, type: AttributeType, place: string): Membership["values"] {
  if (isPrincipalReference(values) && values.claim !== undefined) return values;
  if (!Array.isArray(values) || values.length === 0) {
    throw new ContractError("condition_invalid", place, "The list of values is empty, or no list.");
  }
  return Object.freeze(values.map((value: unknown) => toOperand(value, type, place)));
}

function toComparable(
  value: unknown,
  type: AttributeType,
  resource: string,
  place: string,
): Comparison["operand"] {
  if (!isKind(value, "attribute")) return toOperand(value, type, place);
  const reference = value as AttributeReference;
  if (reference.resource !== resource) {
    throw new ContractError(
      "condition_foreign",
      place,
      `It is compared with one of \`${reference.resource}\`.`,
    );
  }
  if (reference.type !== type) {
    throw new ContractError(
      "condition_invalid",
      place,
      `It holds a ${type}, and is compared with a ${reference.type}.`,
    );
  }
  return reference;
}

/**
 * A value as a condition or a grant's `set` holds it.
 *
 * @throws {ContractError} `condition_invalid`
 */
export function toOperand(value: unknown, type: AttributeType, place: string): Operand {
  if (isPrincipalReference(value)) return value;
  if (isKind(value, "now") && type === "date") {
    // Without the functions that `now` itself carries: nodes are plain data.
    return Object.freeze({ kind: "now", offsetMs: (value as NowReference).offsetMs });
  }
  // Text is no date here: whoever writes a contract has a `Date` at hand.
  const scalar = type === "date" && !(value instanceof Date) ? undefined : toScalar(value, type);
  if (scalar !== undefined) return Object.freeze({ kind: "literal", value: scalar }) satisfies Literal;
  throw new ContractError(
    "condition_invalid",
    place,
    `It holds a ${type}, and is compared with ${nameOf(value)}.`,
  );
}

/** Not the value itself: it may be a secret that was given by mistake. */
function nameOf(value: unknown): string {
  if (value === null) return "null";
  return typeof value === "object"
    ? (value.constructor?.name ?? "an object")
    : `a ${typeof value} it cannot hold`;
}

function isPrincipalReference(value: unknown): value is PrincipalReference {
  return isKind(value, "principal");
}

function isKind(value: unknown, kind: string): boolean {
  return typeof value === "object" && value !== null && (value as { readonly kind?: unknown }).kind === kind;
}
