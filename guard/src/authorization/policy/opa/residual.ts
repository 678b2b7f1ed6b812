/**
 * What is left of a Rego rule once everything but the row is known, as a condition.
 *
 * OPA answers with Rego's own syntax tree: some way (`queries`) of expressions that must all hold. Each is translated to a
 * condition that is true for exactly the rows that Rego's is true for, NULL included: Rego compares `null` with anything
 * (it equals itself, and comes before every number). What has no such condition is refused, never approximated.
 *
 * @see https://www.openpolicyagent.org/docs/rest-api#compile-api
 */
import { ContractError } from "../../../contract/refusal.ts";
import type { Resource } from "../../../contract/resource.ts";
import { toOperand } from "../../conditions/build.ts";
import {
  type AttributeReference,
  all,
  any,
  type ComparisonOperator,
  type Condition,
  type Literal,
  not,
} from "../../conditions/condition.ts";
import { type PolicyReach, PolicyUntranslatableError } from "../engine.ts";

/** A condition, or what it comes to for every row alike. */
type Truth = Condition | boolean;
type Json = Readonly<Record<string, unknown>>;

interface Scope {
  readonly resource: Resource;
  /** Rules that the queries refer to, by path. */
  readonly rules: ReadonlyMap<string, readonly Json[]>;
  /** Rules may refer to rules: how deep this is, and how much may yet be translated. */
  readonly depth: number;
  readonly budget: { left: number };
}

const mostExpressions = 2_000;
const deepestRule = 32;

/** @throws {PolicyUntranslatableError} */
export function toReach(result: unknown, resource: Resource): PolicyReach {
  const { queries, support } = readObject(result, ["queries", "support"]);
  if (queries === undefined) return "none";
  const scope = { resource, rules: readRules(support), depth: 0, budget: { left: mostExpressions } };
  const truth = or(readList(queries).map((body) => translateBody(body, scope)));
  return typeof truth === "boolean" ? (truth ? "all" : "none") : truth;
}

function translateBody(body: unknown, scope: Scope): Truth {
  return and(readList(body).map((expression) => translateExpression(expression, scope)));
}

function translateExpression(given: unknown, scope: Scope): Truth {
  scope.budget.left -= 1;
  if (scope.budget.left < 0) refuse("it is too large");
  const { terms, negated = false } = readObject(given, [
    "terms",
    "negated",
    "index",
    "generated",
    "location",
  ]);
  if (typeof negated !== "boolean") refuse("an expression that is neither negated nor not");
  const truth = Array.isArray(terms) ? translateCall(terms, scope) : translateTerm(terms, scope);
  return negated ? negate(truth) : truth;
}

/** A term that stands by itself is true where it is neither `false` nor undefined. */
function translateTerm(term: unknown, scope: Scope): Truth {
  const { type, value } = readTerm(term);
  if (type === "boolean" && typeof value === "boolean") return value;
  if (type === "call") return translateCall(readList(value), scope);
  if (type !== "ref") refuse(`a ${type} by itself`);
  const path = readPath(value);
  const attribute = attributeAt(path, scope);
  // Every attribute is there, if only as null, and only `false` is false.
  if (attribute !== undefined) {
    return attribute.type === "boolean" ? negate(compareLiteral(attribute, "eq", false)) : true;
  }
  return translateRule(path, scope);
}

/** A rule of several ways, or one that is negated, comes apart as a rule of its own. */
function translateRule(path: readonly string[], scope: Scope): Truth {
  const rules = scope.rules.get(path.join("."));
  if (rules === undefined) return refuse(`\`${path.join(".")}\` is not known before the row is`);
  if (scope.depth === deepestRule) return refuse("its rules refer to each other too often");
  const inner = { ...scope, depth: scope.depth + 1 };
  const ways = rules.filter((rule) => rule.default !== true);
  const values = ways.map(valueOfRule);
  const otherwise = rules.filter((rule) => rule.default === true).map(valueOfRule);
  const truth = or(ways.map(({ body }) => translateBody(body, inner)));
  if (values.every((value) => value) && !otherwise.includes(true)) return truth;
  if (values.every((value) => !value) && otherwise.includes(true)) return negate(truth);
  return refuse(`\`${path.join(".")}\` is true in one way and false in another`);
}

function valueOfRule(rule: Json): boolean {
  const { head, else: otherwise } = readObject(rule, ["head", "body", "default", "else", "location"]);
  const { value, args, key } = readObject(head, [
    "name",
    "value",
    "ref",
    "args",
    "key",
    "assign",
    "location",
  ]);
  const { type, value: truth } = readTerm(value);
  if (otherwise !== undefined || args !== undefined || key !== undefined || type !== "boolean") {
    return refuse("a rule of another value than true");
  }
  return truth === true;
}

type Side = { readonly attribute: AttributeReference } | { readonly literal: unknown };
type Compare = (attribute: AttributeReference, literal: unknown) => Truth;

const mirrored = { eq: "eq", ne: "ne", lt: "gt", lte: "gte", gt: "lt", gte: "lte" } as const;

/** Rego's names of comparisons. */
const comparisons: Readonly<Record<string, ComparisonOperator>> = Object.freeze({
  eq: "eq",
  equal: "eq",
  neq: "ne",
  lt: "lt",
  lte: "lte",
  gt: "gt",
  gte: "gte",
});

/** What takes an attribute first and something known second. */
const tests: Readonly<Record<string, Compare>> = Object.freeze({
  startswith: (attribute, literal) => testText(attribute, "startsWith", literal),
  contains: (attribute, literal) => testText(attribute, "contains", literal),
  "internal.member_2": (attribute, literal) => testMembership(attribute, literal),
});

function translateCall([operator, ...operands]: readonly unknown[], scope: Scope): Truth {
  const { type, value } = readTerm(operator);
  const name = type === "ref" ? readPath(value).join(".") : "";
  const comparison = Object.hasOwn(comparisons, name) ? comparisons[name] : undefined;
  const test = Object.hasOwn(tests, name) ? tests[name] : undefined;
  const [left, right, output] = operands;
  if (operands.length === 3 && comparison !== undefined) {
    // `x := row.team == "red"` and then `x == true`.
    const { type: outputType, value: expected } = readTerm(output);
    if (outputType !== "boolean" || typeof expected !== "boolean") refuse(`the value of \`${name}\``);
    const truth = compare(left, comparison, right, scope);
    return expected ? truth : negate(truth);
  }
  if (operands.length !== 2) return refuse(`\`${name}\` of ${operands.length}`);
  if (comparison !== undefined) return compare(left, comparison, right, scope);
  const side = readSide(left, scope);
  if (test === undefined || !("attribute" in side)) return refuse(`\`${name}\``);
  return test(side.attribute, readKnown(right));
}

function compare(left: unknown, operator: ComparisonOperator, right: unknown, scope: Scope): Truth {
  const rule = ruleComparedWithTrue(left, operator, right) ?? ruleComparedWithTrue(right, operator, left);
  if (rule !== undefined && attributeAt(rule, scope) === undefined) return translateRule(rule, scope);
  const one = readSide(left, scope);
  const other = readSide(right, scope);
  if ("attribute" in one) {
    return "attribute" in other
      ? compareAttributes(one.attribute, operator, other.attribute)
      : compareLiteral(one.attribute, operator, other.literal);
  }
  if ("attribute" in other) return compareLiteral(other.attribute, mirrored[operator], one.literal);
  const isEquality = operator === "eq" || operator === "ne";
  if (!isEquality || Array.isArray(one.literal)) return refuse("a comparison of two known values");
  return (one.literal === other.literal) === (operator === "eq");
}

function ruleComparedWithTrue(ref: unknown, operator: ComparisonOperator, literal: unknown) {
  const { type, value } = readTerm(ref);
  const expected = readTerm(literal);
  const isTrue = expected.type === "boolean" && expected.value === true;
  return type === "ref" && operator === "eq" && isTrue ? readPath(value) : undefined;
}

function compareLiteral(
  attribute: AttributeReference,
  operator: ComparisonOperator,
  literal: unknown,
): Truth {
  if (operator === "ne") return negate(compareLiteral(attribute, "eq", literal));
  if (literal === null) {
    if (operator === "eq") return isNull(attribute);
    return refuse(`\`${attribute.attribute}\` is ordered against null`);
  }
  const condition = comparison(attribute, operator, literalOf(literal, attribute));
  // Rego orders null before every number.
  return operator === "lt" || operator === "lte" ? any(condition, isNull(attribute)) : condition;
}

function compareAttributes(
  left: AttributeReference,
  operator: ComparisonOperator,
  right: AttributeReference,
): Truth {
  if (left.type !== right.type) {
    refuse(`\`${left.attribute}\` holds a ${left.type}, \`${right.attribute}\` a ${right.type}`);
  }
  const some = comparison(left, operator === "ne" ? "eq" : operator, right);
  const [leftNull, rightNull] = [isNull(left), isNull(right)];
  switch (operator) {
    case "eq":
      return any(some, all(leftNull, rightNull));
    case "ne":
      return not(any(some, all(leftNull, rightNull)));
    case "lt":
      return any(some, all(leftNull, not(rightNull)));
    case "lte":
      return any(some, leftNull);
    case "gt":
      return any(some, all(not(leftNull), rightNull));
    case "gte":
      return any(some, rightNull);
  }
}

function testText(
  attribute: AttributeReference,
  operator: "startsWith" | "contains",
  literal: unknown,
): Truth {
  if (attribute.type !== "string" || typeof literal !== "string") {
    return refuse(`\`${attribute.attribute}\` is searched for something that is no text`);
  }
  const { resource, attribute: name, column, type } = attribute;
  const operand = literalOf(literal, attribute);
  return Object.freeze({ kind: "text", resource, attribute: name, column, type, operator, operand });
}

function testMembership(attribute: AttributeReference, literals: unknown): Truth {
  if (!Array.isArray(literals)) return refuse(`\`${attribute.attribute}\` is looked for in no list`);
  const { resource, attribute: name, column, type } = attribute;
  const values = literals.filter((one) => one !== null).map((one) => literalOf(one, attribute));
  const among: Truth =
    values.length === 0
      ? false
      : Object.freeze({
          kind: "membership",
          ...{ resource, attribute: name, column, type },
          operator: "in",
          values: Object.freeze(values),
        });
  return literals.includes(null) ? or([among, isNull(attribute)]) : among;
}

/**
 * A literal that the attribute can hold. One that it cannot is no row's value, and so most likely a mistake: text compared
 * with a number, a date in seconds.
 */
function literalOf(literal: unknown, { type, attribute }: AttributeReference): Literal {
  try {
    const whole = type !== "date" || Number.isInteger(literal);
    const value = type === "date" && whole ? new Date(literal as number) : literal;
    const operand = whole ? toOperand(value, type, "policy") : undefined;
    if (operand?.kind === "literal") return operand;
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
  }
  return refuse(`\`${attribute}\` holds a ${type}, and is compared with what that cannot be`);
}

function comparison(
  { resource, attribute, column, type }: AttributeReference,
  operator: ComparisonOperator,
  operand: Literal | AttributeReference,
): Condition {
  const isOrder = operator !== "eq" && operator !== "ne";
  // Rego orders text by its bytes, databases by their collations.
  if (isOrder && type !== "number" && type !== "date") refuse(`\`${attribute}\`, a ${type}, is ordered`);
  return Object.freeze({ kind: "comparison", resource, attribute, column, type, operator, operand });
}

function isNull({ resource, attribute, column, type }: AttributeReference): Condition {
  return Object.freeze({ kind: "null", resource, attribute, column, type });
}

function and(truths: readonly Truth[]): Truth {
  return join(truths, false, all);
}

function or(truths: readonly Truth[]): Truth {
  return join(truths, true, any);
}

/** @param decisive The one constant that decides whatever the others are. */
function join(
  truths: readonly Truth[],
  decisive: boolean,
  joined: (...conditions: readonly Condition[]) => Condition,
): Truth {
  if (truths.includes(decisive)) return decisive;
  const conditions = truths.filter((truth) => typeof truth !== "boolean");
  const [only] = conditions;
  if (only === undefined) return !decisive;
  return conditions.length === 1 ? only : joined(...conditions);
}

function negate(truth: Truth): Truth {
  return typeof truth === "boolean" ? !truth : not(truth);
}

function readSide(term: unknown, scope: Scope): Side {
  const { type, value } = readTerm(term);
  if (type !== "ref") return { literal: readKnown(term) };
  const path = readPath(value);
  const attribute = attributeAt(path, scope);
  return attribute === undefined ? refuse(`\`${path.join(".")}\``) : { attribute };
}

/** `input.row.team`, if it is an attribute of the resource. */
function attributeAt(path: readonly string[], { resource }: Scope): AttributeReference | undefined {
  const [root, part, name = "", ...rest] = path;
  if (root !== "input" || part !== "row") return undefined;
  const attribute = Object.hasOwn(resource.attribute, name) ? resource.attribute[name] : undefined;
  if (attribute === undefined || rest.length > 0) {
    return refuse(`\`${path.join(".")}\` is no attribute of \`${resource.name}\``);
  }
  return attribute;
}

/** A scalar, or a list of them. */
function readKnown(term: unknown): unknown {
  const { type, value } = readTerm(term);
  return type === "array" || type === "set" ? readList(value).map(readScalar) : readScalar(term);
}

function readScalar(term: unknown): string | number | boolean | null {
  const { type, value } = readTerm(term);
  if (type === "null") return null;
  if (type === "string" && typeof value === "string") return value;
  if (type === "boolean" && typeof value === "boolean") return value;
  if (type === "number" && typeof value === "number" && !Number.isNaN(value)) return value;
  return refuse(`a ${type} that cannot be compared exactly`);
}

/** The names that a reference is made of. A variable in it is something that is not known. */
function readPath(value: unknown): readonly string[] {
  return readList(value).map((part, index) => {
    const { type, value: name } = readTerm(part);
    if (typeof name === "string" && type === (index === 0 ? "var" : "string")) return name;
    return refuse("a reference that is not fixed");
  });
}

function readRules(support: unknown): ReadonlyMap<string, readonly Json[]> {
  const rules = new Map<string, Json[]>();
  for (const module of support === undefined ? [] : readList(support)) {
    const { package: of, rules: own } = readObject(module, [
      "package",
      "rules",
      "imports",
      "annotations",
      "comments",
    ]);
    const path = readPath(readObject(of, ["path", "location"]).path);
    for (const given of readList(own)) {
      const rule = readObject(given, ["head", "body", "default", "else", "location"]);
      const { ref } = readObject(rule.head, ["name", "value", "ref", "args", "key", "assign", "location"]);
      const name = [...path, ...readPath(ref)].join(".");
      rules.set(name, [...(rules.get(name) ?? []), rule]);
    }
  }
  return rules;
}

function readTerm(term: unknown): { readonly type: string; readonly value: unknown } {
  const { type, value } = readObject(term, ["type", "value", "location"]);
  return { type: String(type), value };
}

/** Members that are not expected change what the others mean: `with`, above all. */
function readObject(value: unknown, members: readonly string[]): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return refuse("something unexpected");
  const unknown = Object.keys(value).find((key) => !members.includes(key));
  return unknown === undefined ? (value as Json) : refuse(`\`${unknown.slice(0, 40)}\``);
}

function readList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : refuse("something that is no list");
}

function refuse(what: string): never {
  throw new PolicyUntranslatableError(`the rule has no condition: ${what}`);
}
