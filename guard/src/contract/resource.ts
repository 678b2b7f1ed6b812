/**
 * Resources: the things an API acts on, their actions and attributes, and the grants over them.
 *
 * A resource is declared once; conditions and grants are built from it, so a misspelt attribute or action does
 * not compile, and one that slipped past the types is refused at start.
 */
import {
  type AttributeReferences,
  type Conditions,
  conditionsOf,
  type RelationTypes,
  referencesOfAttributes,
  relatedConditions,
  toOperand,
} from "../authorization/conditions/build.ts";
import type {
  AttributeType,
  AttributeTypes,
  Condition,
  NowReference,
  Operand,
  PrincipalReference,
  Relation,
  ScalarOf,
} from "../authorization/conditions/condition.ts";
import { ContractError, refuseUnknownKeys } from "./refusal.ts";

export interface GrantOptions<Attributes extends AttributeTypes> {
  /** The rows the grant covers; without it, every row. For a write, the row before and after. */
  readonly where?: Condition;
  /** The attributes a write may set; without it, every declared attribute. */
  readonly fields?: readonly (keyof Attributes & string)[];
  /** Attributes a write always sets to these values; the caller cannot set them to others. */
  readonly set?: {
    readonly [Name in keyof Attributes]?: ScalarOf<Attributes[Name]> | PrincipalReference | NowReference;
  };
  /** The least level of assurance the caller's sign-in must have for this grant to count: `"mfa"`. */
  readonly assurance?: string;
  /** The longest time since the caller last proved who they are: `"15m"`. */
  readonly maxAge?: string;
}

export interface DenialOptions {
  /** The rows it bars; without it, every row. A write is barred where the row before or after is. */
  readonly where?: Condition;
}

/** What a role, an account or a client may do with a resource, or may not whatever else allows it: plain data. */
export interface Grant {
  readonly effect: "allow" | "deny";
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
  /** Its table, as the database names it. */
  readonly table: string;
  /** Each attribute's column, as the database names it. */
  readonly columns: Readonly<Record<keyof Attributes & string, string>>;
  /** The related rows that its conditions may look at, by name. */
  readonly relations: Readonly<Record<string, Relation>>;
  /**
   * Conditions, by attribute: `order.where.status.in(["draft", "open"])`; of a related row, by relation and attribute:
   * `order.where.customer.region.eq("north")`.
   */
  readonly where: WhereOf<Attributes>;
  /** Attributes to compare others with: `order.where.approverId.ne(order.attribute.ownerId)`. */
  readonly attribute: AttributeReferences<Attributes>;
  /** A grant of one action. */
  allow(action: Action, options?: GrantOptions<Attributes>): Grant;
  /** Bars one action, whatever allows it. */
  deny(action: Action, options?: DenialOptions): Grant;
}

/** Of a resource whose attributes are not known to the compiler, neither are its conditions. */
type WhereOf<Attributes extends AttributeTypes> = string extends keyof Attributes
  ? object
  : Conditions<Attributes>;

/** What a resource with relations has beside. */
export interface Relating<Relations extends RelationTypes> {
  readonly where: { readonly [Name in keyof Relations]: Conditions<Relations[Name]> };
}

/** A related row: the attribute that holds its key, and its resource. */
interface RelationOptions<Attributes extends AttributeTypes, Related extends AttributeTypes> {
  readonly resource: Resource<string, string, Related>;
  /** The attribute that holds the related row's key. */
  readonly from: keyof Attributes & string;
  /** The related resource's key, unique in its table. */
  readonly to: keyof Related & string;
}

export interface ResourceOptions<
  Action extends string,
  Attributes extends AttributeTypes,
  Relations extends RelationTypes,
> {
  /** What can be done with it: `["create", "read", "update", "delete"]`, or verbs of your own. */
  readonly actions: readonly Action[];
  /** Its attributes, by name, with what each holds. */
  readonly attributes: Attributes;
  /** Its table, as the database names it; default its name. */
  readonly table?: string;
  /** The columns that are called otherwise than their attributes. */
  readonly columns?: { readonly [Name in keyof Attributes]?: string };
  /** The rows it belongs to, one level deep, by names of your own. */
  readonly relations?: { readonly [Name in keyof Relations]: RelationOptions<Attributes, Relations[Name]> };
}

const namePattern = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
const attributeTypes: readonly AttributeType[] = ["string", "uuid", "number", "boolean", "date"];
/** What can be a key that another row holds. */
const keyTypes: readonly AttributeType[] = ["string", "uuid", "number"];

/**
 * Declares a resource.
 *
 * @param name Its name in permissions (`order:read`): letters, digits and underscores, at most 63.
 * @throws {ContractError} `option_unknown`, `option_invalid`, `attribute_unknown`
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
  // biome-ignore lint/complexity/noBannedTypes: no relations are no keys.
  const Relations extends RelationTypes = {},
>(
  name: Name,
  options: ResourceOptions<Action, Attributes, Relations>,
): Resource<Name, Action, Attributes> & Relating<Relations> {
  const place = `resource "${name}"`;
  refuseUnknownKeys(options, ["actions", "attributes", "table", "columns", "relations"], place);
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
  const table = checkIdentifier(options.table ?? name, `${place}.table`);
  const columns = checkColumns(attributes, options.columns ?? {}, place);
  const references = referencesOfAttributes(name, attributes, columns);
  const given = (options.relations ?? {}) as Readonly<
    Record<string, RelationOptions<AttributeTypes, AttributeTypes>>
  >;
  const relations = checkRelations(given, attributes, references, place);
  const related = Object.entries(relations).map(([relationName, relation]) => [
    relationName,
    relatedConditions(name, relation, given[relationName]?.resource.attribute ?? {}),
  ]);
  return Object.freeze({
    name,
    actions,
    attributes,
    table,
    columns,
    relations,
    where: Object.freeze({ ...conditionsOf(references), ...Object.fromEntries(related) }),
    attribute: references,
    allow: (action: Action, grant: GrantOptions<Attributes> = {}) =>
      createGrant({ name, actions, attributes }, action, grant as GrantOptions<AttributeTypes>),
    deny: (action: Action, denial: DenialOptions = {}) =>
      createDenial({ name, actions, attributes }, action, denial),
  }) as unknown as Resource<Name, Action, Attributes> & Relating<Relations>;
}

/** Names become SQL identifiers, permission names and header text: nothing but plain words passes. */
function refuseBadNames(names: readonly string[], place: string): void {
  for (const name of names) {
    if (!namePattern.test(name)) {
      throw new ContractError("option_invalid", place, `\`${name}\` is not a plain name.`);
    }
  }
}

/** An identifier of the database's: any text it can hold, for it is always quoted. */
function checkIdentifier(text: unknown, place: string): string {
  const isName = typeof text === "string" && text !== "" && !text.includes("\0") && text.isWellFormed();
  // PostgreSQL cuts longer ones off, and two that begin alike would be one.
  if (!isName || Buffer.byteLength(text) > 63) {
    throw new ContractError("option_invalid", place, "It is not a name of 1 to 63 bytes.");
  }
  return text;
}

function checkColumns(
  attributes: AttributeTypes,
  given: Readonly<Record<string, unknown>>,
  place: string,
): Readonly<Record<string, string>> {
  for (const attribute of Object.keys(given)) typeOf(attributes, attribute, `${place}.columns`);
  const columns = Object.fromEntries(
    Object.keys(attributes).map((attribute) => [
      attribute,
      checkIdentifier(
        Object.hasOwn(given, attribute) ? given[attribute] : attribute,
        `${place}.columns.${attribute}`,
      ),
    ]),
  );
  if (new Set(Object.values(columns)).size < Object.keys(columns).length) {
    throw new ContractError("option_invalid", `${place}.columns`, "Two attributes have one column.");
  }
  return Object.freeze(columns);
}

function checkRelations(
  given: Readonly<Record<string, RelationOptions<AttributeTypes, AttributeTypes>>>,
  attributes: AttributeTypes,
  references: AttributeReferences<AttributeTypes>,
  place: string,
): Readonly<Record<string, Relation>> {
  const relations = Object.entries(given).map(([name, options]) => {
    const at = `${place}.relations.${name}`;
    refuseBadNames([name], at);
    refuseUnknownKeys(options, ["resource", "from", "to"], at);
    if (Object.hasOwn(attributes, name)) {
      throw new ContractError("option_invalid", at, "An attribute has this name.");
    }
    const { resource: target, from, to } = options;
    const type = typeOf(attributes, from, at);
    if (typeOf(target.attributes, to, at) !== type || !keyTypes.includes(type)) {
      throw new ContractError("option_invalid", at, `\`${from}\` cannot hold the key \`${to}\`.`);
    }
    const relation = { name, from: references[from], to: target.attribute[to], table: target.table };
    return [name, Object.freeze(relation)] as const;
  });
  return Object.freeze(Object.fromEntries(relations)) as Readonly<Record<string, Relation>>;
}

interface Granted {
  readonly name: string;
  readonly actions: readonly string[];
  readonly attributes: AttributeTypes;
}

function createGrant(
  { name, actions, attributes }: Granted,
  action: string,
  options: GrantOptions<AttributeTypes>,
): Grant {
  const place = `${name}.allow("${action}")`;
  refuseUnknownKeys(options, ["where", "fields", "set", "assurance", "maxAge"], place);
  refuseUndefined(options, place);
  checkAction(actions, action, place);
  const set: Record<string, Operand> = {};
  for (const [attribute, value] of Object.entries(options.set ?? {})) {
    set[attribute] = toOperand(value, typeOf(attributes, attribute, place), `${place}.set.${attribute}`);
  }
  for (const attribute of options.fields ?? []) typeOf(attributes, attribute, place);
  if (options.where !== undefined) checkCondition(options.where, name, place);
  return Object.freeze({
    effect: "allow",
    resource: name,
    action,
    where: options.where,
    fields: options.fields && Object.freeze([...options.fields]),
    set: Object.freeze(set),
    assurance: options.assurance,
    maxAge: options.maxAge,
  });
}

function createDenial({ name, actions }: Granted, action: string, options: DenialOptions): Grant {
  const place = `${name}.deny("${action}")`;
  refuseUnknownKeys(options, ["where"], place);
  refuseUndefined(options, place);
  checkAction(actions, action, place);
  if (options.where !== undefined) checkCondition(options.where, name, place);
  return Object.freeze({
    effect: "deny",
    resource: name,
    action,
    where: options.where,
    fields: undefined,
    set: Object.freeze({}),
    assurance: undefined,
    maxAge: undefined,
  });
}

/** An option that is there without a value is a misspelt one: without `where` a grant covers every row. */
function refuseUndefined(options: object, place: string): void {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined)
      throw new ContractError("option_invalid", `${place}.${name}`, "It is undefined.");
  }
}

function checkAction(actions: readonly string[], action: string, place: string): void {
  if (actions.includes(action)) return;
  throw new ContractError("action_unknown", place, `The resource has no action \`${action}\`.`);
}

function typeOf(attributes: AttributeTypes, attribute: string, place: string): AttributeType {
  const type = Object.hasOwn(attributes, attribute) ? attributes[attribute] : undefined;
  if (type === undefined) {
    throw new ContractError("attribute_unknown", place, `The resource has no attribute \`${attribute}\`.`);
  }
  return type;
}

/**
 * A condition over another resource's attributes would filter by columns that are not there.
 *
 * @throws {ContractError} `condition_foreign`, `condition_invalid`
 */
export function checkCondition(condition: Condition, resourceName: string, place: string): void {
  switch (condition.kind) {
    case "all":
    case "any":
      // "All of nothing" is every row: more likely a list that was meant to be filled.
      if (condition.conditions.length === 0) {
        throw new ContractError("condition_invalid", place, `\`${condition.kind}()\` has no conditions.`);
      }
      for (const branch of condition.conditions) checkCondition(branch, resourceName, place);
      return;
    case "not":
      checkCondition(condition.condition, resourceName, place);
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
