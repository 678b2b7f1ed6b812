/**
 * Rows as JSON: how a row stands in a record, a table of decisions, a request to explain one.
 *
 * Only declared attributes are written down, and of related rows only what some condition looks at: a record of
 * decisions is no copy of the database. What a rule cannot decide stays undecidable when it is read again.
 */
import type { Security } from "../../contract/define-security.ts";
import { ContractError } from "../../contract/refusal.ts";
import type { AttributeType, AttributeTypes, Condition, Related } from "../conditions/condition.ts";
import { type Row, readScalar } from "../conditions/decide.ts";
import { toScalar } from "../conditions/operand.ts";

/** What a resource's rows hold, as far as a rule looks at it. */
export interface RowShape {
  readonly attributes: AttributeTypes;
  /** Of related rows, by the relation's name, the attributes that some condition of the contract names. */
  readonly relations: Readonly<Record<string, AttributeTypes>>;
}

/** @throws {ContractError} `resource_unknown` */
export function rowShape({ resources, roles, conditions }: Security, resourceName: string): RowShape {
  const resource = resources.get(resourceName);
  if (resource === undefined) {
    throw new ContractError("resource_unknown", resourceName, "The contract has no such resource.");
  }
  const rules = [
    ...roles.names.flatMap((role) => roles.grantsOf(role).flatMap(({ where }) => where ?? [])),
    ...conditions.values(),
  ];
  const relations: Record<string, Record<string, AttributeType>> = {};
  for (const { relation, condition, resource: of } of rules.flatMap(relatedIn)) {
    if (of !== resourceName) continue;
    const named = { ...relations[relation.name], [relation.to.attribute]: relation.to.type };
    for (const [attribute, type] of attributesIn(condition)) named[attribute] = type;
    relations[relation.name] = named;
  }
  return { attributes: resource.attributes, relations };
}

function relatedIn(condition: Condition): readonly Related[] {
  switch (condition.kind) {
    case "all":
    case "any":
      return condition.conditions.flatMap(relatedIn);
    case "not":
      return relatedIn(condition.condition);
    case "related":
      return [condition];
    default:
      return [];
  }
}

function attributesIn(condition: Condition): readonly (readonly [string, AttributeType])[] {
  switch (condition.kind) {
    case "all":
    case "any":
      return condition.conditions.flatMap(attributesIn);
    case "not":
    case "related":
      return attributesIn(condition.condition);
    case "comparison": {
      const { attribute, type, operand } = condition;
      const other = operand.kind === "attribute" ? [[operand.attribute, operand.type] as const] : [];
      return [[attribute, type], ...other];
    }
    default:
      return [[condition.attribute, condition.type]];
  }
}

/**
 * Reads a row that a person wrote down. Dates are text by RFC 3339.
 *
 * @throws {ContractError} `option_invalid`, `attribute_unknown`
 */
export function readRow(data: unknown, { attributes, relations }: RowShape, place: string): Row {
  const entries = entriesOf(data, place).map(([name, value]) => {
    const at = `${place}.${name}`;
    const related = Object.hasOwn(relations, name) ? relations[name] : undefined;
    if (related !== undefined) {
      return [name, value === null ? null : readRow(value, { attributes: related, relations: {} }, at)];
    }
    const type = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
    if (type === undefined) {
      throw new ContractError("attribute_unknown", at, `The resource has no attribute \`${name}\`.`);
    }
    return [name, readValue(value, type, at)];
  });
  return Object.fromEntries(entries);
}

/**
 * Reads what a write sends. A name that is no attribute stays: it is for the rule to refuse.
 *
 * @throws {ContractError} `option_invalid`
 */
export function readChanges(data: unknown, { attributes }: RowShape, place: string): Row {
  const entries = entriesOf(data, place).map(([name, value]) => {
    const type = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
    return [name, type === undefined ? value : readValue(value, type, `${place}.${name}`)];
  });
  return Object.fromEntries(entries);
}

function entriesOf(data: unknown, place: string): readonly [string, unknown][] {
  if (typeof data !== "object" || data === null || Array.isArray(data)) {
    throw new ContractError("option_invalid", place, "It is no object of attributes.");
  }
  return Object.entries(data);
}

function readValue(value: unknown, type: AttributeType, place: string): unknown {
  const read = fromData(value, type);
  if (read === null || (!isInstantOutOfRange(read) && readScalar(read, type) !== undefined)) return read;
  throw new ContractError("option_invalid", place, `It is no ${type}.`);
}

function isInstantOutOfRange(value: unknown): boolean {
  return value instanceof Date && toScalar(value, "date") === undefined;
}

/** Reads a row that `writeRow` wrote. What is not of its attribute's type stays as it is. */
export function readRecordedRow(data: Row, { attributes, relations }: RowShape): Row {
  const entries = Object.entries(data).map(([name, value]) => {
    const related = Object.hasOwn(relations, name) ? relations[name] : undefined;
    if (related !== undefined && isRow(value)) {
      return [name, readRecordedRow(value, { attributes: related, relations: {} })];
    }
    const type = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
    return [name, type === undefined ? value : fromData(value, type)];
  });
  return Object.fromEntries(entries);
}

/** JSON has neither dates nor what is no finite number. */
function fromData(value: unknown, type: AttributeType): unknown {
  if (typeof value !== "string") return value;
  const isNumeric = type === "number" || type === "date";
  if (isNumeric && (value === "Infinity" || value === "-Infinity")) return Number(value);
  if (type !== "date" || !/^[+-]?\d{4,6}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(value)) return value;
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? value : date;
}

/** A row as JSON: its declared attributes, and what conditions look at of the rows it belongs to. */
export function writeRow(row: unknown, { attributes, relations }: RowShape): Row {
  const data: Record<string, unknown> = {};
  if (!isRow(row)) return data;
  const has = (name: string) => Object.hasOwn(row, name) && row[name] !== undefined;
  for (const [name, type] of Object.entries(attributes)) if (has(name)) data[name] = toData(row[name], type);
  for (const [name, types] of Object.entries(relations)) {
    if (!has(name)) continue;
    const related = row[name];
    if (related === null) data[name] = null;
    else
      data[name] = isRow(related)
        ? writeRow(related, { attributes: types, relations: {} })
        : unreadable(related);
  }
  return data;
}

/** What a write sent, as JSON. The value of what is no attribute is nobody's business: the name alone decides. */
export function writeChanges(changes: Row, { attributes }: RowShape): Row {
  const entries = Object.entries(changes).map(([name, value]) => {
    const type = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
    return [name, type === undefined ? null : toData(value, type)];
  });
  return Object.fromEntries(entries);
}

function toData(value: unknown, type: AttributeType): unknown {
  if (value === null) return null;
  const scalar = readScalar(value, type);
  if (scalar === undefined) return unreadable(value);
  if (typeof scalar !== "number") return scalar;
  if (type === "date" && value instanceof Date) return value.toISOString();
  // Decimal text, as drivers give it, is read to the same number again.
  if (typeof value === "string") return value;
  return Number.isFinite(scalar) ? scalar : String(scalar);
}

/** An object is of no attribute's type: it cannot be decided when it is read again either. */
function unreadable(value: unknown) {
  return { unreadable: typeof value };
}

function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
