/**
 * Resources: the things an API acts on, their actions and attributes, and the grants over them.
 *
 * A resource is declared once; conditions and grants are built from it, so a misspelt attribute or action does
 * not compile, and one that slipped past the types is refused at start.
 */
import type {
  AttributeType,
  AttributeTypes,
  Comparison,
  ComparisonOperator,
  Condition,
  Literal,
  NullTest,
  Operand,
  PrincipalReference,
  Scalar,
  ScalarOf,
} from "../authorization/conditions/condition.ts";
import { ContractError, refuseUnknownKeys } from "./refusal.ts";

/** Builds the conditions over one attribute. */
export interface AttributeConditions<T extends AttributeType> {
  eq(value: ScalarOf<T> | PrincipalReference): Condition;
  ne(value: ScalarOf<T> | PrincipalReference): Condition;
  in(values: readonly (ScalarOf<T> | PrincipalReference)[]): Condition;
  notIn(values: readonly (ScalarOf<T> | PrincipalReference)[]): Condition;
  isNull(): Condition;
}

/**
 * Order comparisons are for numbers only: databases order text by collations that differ from each other and
 * from memory, so no two readings of such a rule would agree.
 */
export interface NumberConditions extends AttributeConditions<"number"> {
  lt(value: number | PrincipalReference): Condition;
  lte(value: number | PrincipalReference): Condition;
  gt(value: number | PrincipalReference): Condition;
  gte(value: number | PrincipalReference): Condition;
}

export type Conditions<Attributes extends AttributeTypes> = {
  readonly [Name in keyof Attributes]: Attributes[Name] extends "number"
    ? NumberConditions
    : AttributeConditions<Attributes[Name]>;
};

export interface GrantOptions<Attributes extends AttributeTypes> {
  /** The rows the grant covers; without it, every row. For a write, the row before and after. */
  readonly where?: Condition;
  /** The attributes a write may set; without it, every declared attribute. */
  readonly fields?: readonly (keyof Attributes & string)[];
  /** Attributes a write always sets to these values; the caller cannot set them to others. */
  readonly set?: {
    readonly [Name in keyof Attributes]?: ScalarOf<Attributes[Name]> | PrincipalReference;
  };
  /** The least level of assurance the caller's sign-in must have for this grant to count: `"mfa"`. */
  readonly assurance?: string;
  /** The longest time since the caller last proved who they are: `"15m"`. */
  readonly maxAge?: string;
}

/** What a role may do with a resource: plain data. */
export interface Grant {
  readonly resource: string;
  readonly action: string;
  readonly where: Condition | undefined;
  readonly fields: readonly string[] | undefined;
  readonly set: Readonly<Record<string, Operand>>;
  readonly assurance: string | undefined;
  readonly maxAge: string | undefined;
}

export interface Resource<
  Name extends string = string,
  Action extends string = string,
  Attributes extends AttributeTypes = AttributeTypes,
> {
  readonly name: Name;
  readonly actions: readonly Action[];
  readonly attributes: Attributes;
  /** Conditions, by attribute: `order.where.status.in(["draft", "open"])`. */
  readonly where: Conditions<Attributes>;
  /** A grant of one action. */
  allow(action: Action, options?: GrantOptions<Attributes>): Grant;
}

export interface ResourceOptions<Action extends string, Attributes extends AttributeTypes> {
  /** What can be done with it: `["create", "read", "update", "delete"]`, or verbs of your own. */
  readonly actions: readonly Action[];
  /** Its columns, by name, with what each holds. */
  readonly attributes: Attributes;
}

const namePattern = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
const attributeTypes: readonly AttributeType[] = ["string", "number", "boolean"];

/**
 * Declares a resource.
 *
 * @param name Its name in permissions (`order:read`): letters, digits and underscores, at most 63.
 * @throws {ContractError} `option_unknown`, `option_invalid`
 * @example
 * const order = resource("order", {
 *   actions: ["read", "update"],
 *   attributes: { id: "string", ownerId: "string", total: "number" },
 * });
 * order.allow("read", { where: order.where.ownerId.eq(principal.id) });
 */
export function resource<
  const Name extends string,
  const Action extends string,
  const Attributes extends AttributeTypes,
>(name: Name, options: ResourceOptions<Action, Attributes>): Resource<Name, Action, Attributes> {
  const place = `resource "${name}"`;
  refuseUnknownKeys(options, ["actions", "attributes"], place);
  refuseBadNames([name, ...options.actions, ...Object.keys(options.attributes)], place);
  for (const [attribute, type] of Object.entries(options.attributes)) {
    if (!attributeTypes.includes(type)) {
      throw new ContractError(
        "option_invalid",
        `${place}.attributes.${attribute}`,
        `There is no type \`${type}\`.`,
      );
    }
  }
  const attributes = Object.freeze({ ...options.attributes });
  const actions = Object.freeze([...options.actions]);
  return Object.freeze({
    name,
    actions,
    attributes,
    where: conditionsOf(name, attributes),
    allow: (action: Action, grant: GrantOptions<Attributes> = {}) =>
      createGrant(name, actions, attributes, action, grant as GrantOptions<AttributeTypes>),
  });
}

/** Names become SQL identifiers, permission names and header text: nothing but plain words passes. */
function refuseBadNames(names: readonly string[], place: string): void {
  for (const name of names) {
    if (!namePattern.test(name)) {
      throw new ContractError("option_invalid", place, `\`${name}\` is not a plain name.`);
    }
  }
}

function conditionsOf<Attributes extends AttributeTypes>(
  resourceName: string,
  attributes: Attributes,
): Conditions<Attributes> {
  const entries = Object.entries(attributes).map(([attribute, type]) => [
    attribute,
    attributeConditions(resourceName, attribute, type),
  ]);
  return Object.freeze(Object.fromEntries(entries));
}

function attributeConditions(resourceName: string, attribute: string, type: AttributeType): NumberConditions {
  const place = `${resourceName}.where.${attribute}`;
  const compare =
    (operator: ComparisonOperator) =>
    (value: Scalar | PrincipalReference): Comparison => {
      const operand = toOperand(value, type, place);
      return Object.freeze({
        kind: "comparison",
        resource: resourceName,
        attribute,
        type,
        operator,
        operand,
      });
    };
  const every =
    (operator: "eq" | "ne", kind: "any" | "all") => (values: readonly (Scalar | PrincipalReference)[]) => {
      if (!Array.isArray(values) || values.length === 0) {
        throw new ContractError("condition_invalid", place, "The list of values is empty.");
      }
      return Object.freeze({ kind, conditions: Object.freeze(values.map(compare(operator))) });
    };
  const isNull = (): NullTest => Object.freeze({ kind: "null", resource: resourceName, attribute });
  const equality = {
    eq: compare("eq"),
    ne: compare("ne"),
    in: every("eq", "any"),
    notIn: every("ne", "all"),
    isNull,
  };
  const order = { lt: compare("lt"), lte: compare("lte"), gt: compare("gt"), gte: compare("gte") };
  return Object.freeze((type === "number" ? { ...equality, ...order } : equality) as NumberConditions);
}

function toOperand(value: unknown, type: AttributeType, place: string): Operand {
  if (isPrincipalReference(value)) return value;
  if (typeof value === type && !Number.isNaN(value)) {
    return Object.freeze({ kind: "literal", value: value as Scalar }) satisfies Literal;
  }
  throw new ContractError(
    "condition_invalid",
    place,
    `It holds a ${type}, and is compared with ${typeof value}.`,
  );
}

function isPrincipalReference(value: unknown): value is PrincipalReference {
  return typeof value === "object" && value !== null && (value as PrincipalReference).kind === "principal";
}

function createGrant(
  resourceName: string,
  actions: readonly string[],
  attributes: AttributeTypes,
  action: string,
  options: GrantOptions<AttributeTypes>,
): Grant {
  const place = `${resourceName}.allow("${action}")`;
  refuseUnknownKeys(options, ["where", "fields", "set", "assurance", "maxAge"], place);
  // An option that is there without a value is a misspelt one: without `where` a grant covers every row.
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined)
      throw new ContractError("option_invalid", `${place}.${name}`, "It is undefined.");
  }
  if (!actions.includes(action)) {
    throw new ContractError("action_unknown", place, `The resource has no action \`${action}\`.`);
  }
  const set: Record<string, Operand> = {};
  for (const [attribute, value] of Object.entries(options.set ?? {})) {
    set[attribute] = toOperand(value, typeOf(attributes, attribute, place), `${place}.set.${attribute}`);
  }
  for (const attribute of options.fields ?? []) typeOf(attributes, attribute, place);
  if (options.where !== undefined) refuseForeign(options.where, resourceName, place);
  return Object.freeze({
    resource: resourceName,
    action,
    where: options.where,
    fields: options.fields && Object.freeze([...options.fields]),
    set: Object.freeze(set),
    assurance: options.assurance,
    maxAge: options.maxAge,
  });
}

function typeOf(attributes: AttributeTypes, attribute: string, place: string): AttributeType {
  const type = Object.hasOwn(attributes, attribute) ? attributes[attribute] : undefined;
  if (type === undefined) {
    throw new ContractError("attribute_unknown", place, `The resource has no attribute \`${attribute}\`.`);
  }
  return type;
}

/** A condition over another resource's attributes would filter by columns that are not there. */
function refuseForeign(condition: Condition, resourceName: string, place: string): void {
  switch (condition.kind) {
    case "all":
    case "any":
      // "All of nothing" is every row: more likely a list that was meant to be filled.
      if (condition.conditions.length === 0) {
        throw new ContractError("condition_invalid", place, `\`${condition.kind}()\` has no conditions.`);
      }
      for (const branch of condition.conditions) refuseForeign(branch, resourceName, place);
      return;
    case "not":
      refuseForeign(condition.condition, resourceName, place);
      return;
    default:
      if (condition.resource !== resourceName) {
        throw new ContractError(
          "condition_foreign",
          place,
          `The condition is over \`${condition.resource}\`.`,
        );
      }
  }
}
