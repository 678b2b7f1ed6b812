/**
 * Partial evaluation: a rule with the row known and the principal not.
 *
 * Whatever the row alone decides is decided here, by the closures that enforce the rule; what names the principal is left
 * over. A row that cannot be decided is no matter of "false": a grant then covers nothing, and a denial bars.
 */

import type { CompiledGrant } from "../authority.ts";
import type {
  AttributeTypes,
  Condition,
  Leaf,
  Membership,
  Operand,
  Related,
} from "../conditions/condition.ts";
import { compileDecision, type Row, RowShapeError } from "../conditions/decide.ts";
import { isReference, type PrincipalFacts, referencesOf, resolveOperand } from "../conditions/operand.ts";
import { isSame, rowAfter } from "../rows.ts";
import {
  allOf,
  always,
  anyOf,
  completed,
  never,
  notOf,
  type PartialRow,
  type PrincipalCondition,
} from "./principal-condition.ts";

/** What is known before the principal is. */
export interface KnownBefore {
  readonly nowMs: number;
  /** The principal's id, where that is known. */
  readonly id?: string | undefined;
}

/** What is written, and into what. */
export interface PartialWrite {
  readonly attributes: AttributeTypes;
  /** `undefined`: a new row. */
  readonly before: Row | undefined;
  readonly changes: Row;
}

/** Which principals a grant covers the row for. */
export function coveredFor(grant: CompiledGrant, row: PartialRow, known: KnownBefore): PrincipalCondition {
  return partial(grant.where, row, known, false).yes;
}

/** Which principals a denial bars the row for. */
export function barredFor(denial: CompiledGrant, row: PartialRow, known: KnownBefore): PrincipalCondition {
  return notOf(partial(denial.where, row, known, true).no);
}

/** Which principals a grant lets send these values, and the row that it would leave. */
export function writeBy(
  { set, fields }: CompiledGrant,
  { attributes, before, changes }: PartialWrite,
  known: KnownBefore,
): { readonly may: PrincipalCondition; readonly after: PartialRow } {
  const given: Record<string, PartialRow["set"][string]> = {};
  const conditions: PrincipalCondition[] = [];
  for (const [attribute, operand] of Object.entries(set)) {
    const type = attributes[attribute];
    if (type === undefined) return { may: never, after: { values: {}, set: {} } };
    given[attribute] = { operand, type };
    if (!isUnknown(operand, known)) {
      if (resolveOperand(operand, type, factsOf(known), known.nowMs) === undefined) conditions.push(never);
    } else conditions.push({ kind: "has", operand, type });
  }
  for (const [field, value] of Object.entries(changes)) {
    const own = given[field];
    if (own === undefined) {
      const may = fields === undefined ? Object.hasOwn(attributes, field) : fields.includes(field);
      if (!may) conditions.push(never);
      continue;
    }
    const { operand, type } = own;
    if (isUnknown(operand, known)) conditions.push({ kind: "is", operand, type, value });
    else if (!isSame(resolveOperand(operand, type, factsOf(known), known.nowMs), value))
      conditions.push(never);
  }
  return { may: allOf(conditions), after: { values: rowAfter(attributes, before, changes), set: given } };
}

/** For whom the rule is true, and for whom it is false. For all others it cannot be decided. */
interface Partial {
  readonly yes: PrincipalCondition;
  readonly no: PrincipalCondition;
  /** Can it be decided for everyone? */
  readonly total: boolean;
}

const undecidable: Partial = Object.freeze({ yes: never, no: never, total: false });
const total = (yes: PrincipalCondition): Partial => ({ yes, no: notOf(yes), total: true });

/** @param safe As `compileDecision` takes it. */
function partial(
  condition: Condition | undefined,
  row: PartialRow,
  known: KnownBefore,
  safe: boolean,
): Partial {
  if (condition === undefined) return total(always);
  if (!namesUnknown(condition, row, known)) return evaluate(condition, row, known, safe);
  switch (condition.kind) {
    case "not": {
      const { yes, no, total: isTotal } = partial(condition.condition, row, known, !safe);
      return { yes: no, no: yes, total: isTotal };
    }
    case "all":
    case "any": {
      const branches = condition.conditions.map((branch) => partial(branch, row, known, safe));
      return junction(condition.kind, branches, safe);
    }
    case "related":
      return partialRelated(condition, row, known, safe);
    case "membership":
      return isReference(condition.values)
        ? partialLeaf(condition, row, known)
        : eachValue(condition, row, known, safe);
    default:
      return partialLeaf(condition, row, known);
  }
}

/** As `compileDecision` joins branches, those that cannot be decided for someone among them. */
function junction(kind: "all" | "any", branches: readonly Partial[], safe: boolean): Partial {
  const every = kind === "all";
  if (branches.every((branch) => branch.total)) {
    const yes = branches.map((branch) => branch.yes);
    return total(every ? allOf(yes) : anyOf(yes));
  }
  // One false branch decides `all`, one true one decides `any`; otherwise all of them are the other.
  const others = branches.map(({ yes, no }) => (every ? yes : no));
  const deciding = branches.map(({ yes, no }) => (every ? no : yes));
  const byAll = allOf(others);
  const byOne =
    every !== safe
      ? // The first that decides ends it: those before must be the other, those after are not asked.
        anyOf(deciding.map((one, at) => allOf([...others.slice(0, at), one])))
      : allOf([...branches.map(({ yes, no }) => anyOf([yes, no])), anyOf(deciding)]);
  return every ? { yes: byAll, no: byOne, total: false } : { yes: byOne, no: byAll, total: false };
}

/** What nothing of the principal's can change. */
function evaluate(condition: Condition, row: PartialRow, known: KnownBefore, safe = false): Partial {
  const facts = factsOf(known);
  const whole = completed(row, facts, known.nowMs);
  try {
    return total(compileDecision(condition, safe)(whole, facts, known.nowMs) ? always : never);
  } catch (error) {
    if (error instanceof RowShapeError) return undecidable;
    throw error;
  }
}

/** Whether a row can be decided is in the row alone; so is a comparison with a NULL of its own. */
function partialLeaf(leaf: Leaf, row: PartialRow, known: KnownBefore): Partial {
  const names = [
    leaf.attribute,
    ...(leaf.kind === "comparison" && leaf.operand.kind === "attribute" ? [leaf.operand.attribute] : []),
  ];
  if (!evaluate(leaf, row, known).total) return undecidable;
  const hasNull = names.some((name) => !Object.hasOwn(row.set, name) && row.values[name] === null);
  if (hasNull) return total(never);
  // Of the row, only what is compared: what is left is shown, and sent.
  const only = <T>(of: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(of).filter(([name]) => names.includes(name)));
  const compared = { values: only(row.values), set: only(row.set) };
  return total({ kind: "test", leaf, row: compared });
}

/** A list of single values is a comparison with each of them. */
function eachValue(leaf: Membership, row: PartialRow, known: KnownBefore, safe: boolean): Partial {
  const { values, operator, ...subject } = leaf;
  if (isReference(values)) return partialLeaf(leaf, row, known);
  const branches = values.map(
    (operand): Condition => ({
      ...subject,
      kind: "comparison",
      operator: operator === "in" ? "eq" : "ne",
      operand,
    }),
  );
  return partial({ kind: operator === "in" ? "any" : "all", conditions: branches }, row, known, safe);
}

/** As `compileDecision` reads it: a key or a related row that is NULL is false; one that does not belong is undecidable. */
function partialRelated(
  { relation, condition }: Related,
  row: PartialRow,
  known: KnownBefore,
  safe: boolean,
): Partial {
  const { from, to, name } = relation;
  const key = Object.hasOwn(row.set, from.attribute) ? row.set[from.attribute] : undefined;
  const related = Object.hasOwn(row.values, name) ? row.values[name] : undefined;
  const isKey: Condition = { ...to, kind: "null" };
  if (key === undefined) {
    const own = evaluate({ ...from, kind: "null" }, row, known);
    if (!own.total) return undecidable;
    if (own.yes.kind === "always") return total(never);
  }
  if (related === null) return total(never);
  if (typeof related !== "object") return undecidable;
  const inner: PartialRow = { values: related as Row, set: {} };
  if (!evaluate(isKey, inner, known).total) return undecidable;
  const rest = partial(condition, inner, known, safe);
  // Does the related row belong to this one?
  const belongs: Condition = { ...from, kind: "comparison", operator: "eq", operand: { ...from } };
  const pair: PartialRow = {
    values: { ...row.values, [relatedKey]: (related as Row)[to.attribute] },
    set: row.set,
  };
  const joins: Condition = { ...belongs, operand: { ...to, attribute: relatedKey, kind: "attribute" } };
  const { yes: belonging } = partial(joins, pair, known, safe);
  return {
    yes: allOf([belonging, rest.yes]),
    no: allOf([belonging, rest.no]),
    total: belonging.kind === "always" && rest.total,
  };
}

/** The related row's key, laid beside the row's own for a comparison. No attribute has this name. */
const relatedKey = "related row's key";

function namesUnknown(condition: Condition, row: PartialRow, known: KnownBefore): boolean {
  const operands = referencesOf(condition).map(({ operand }) => operand as Operand);
  const set = attributesOf(condition).flatMap((name) =>
    Object.hasOwn(row.set, name) ? (row.set[name]?.operand ?? []) : [],
  );
  return [...operands, ...set].some((operand) => isUnknown(operand, known));
}

/** The row's own attributes that a condition reads. */
function attributesOf(condition: Condition): readonly string[] {
  switch (condition.kind) {
    case "all":
    case "any":
      return condition.conditions.flatMap(attributesOf);
    case "not":
      return attributesOf(condition.condition);
    case "related":
      return [condition.relation.from.attribute];
    case "comparison":
      return condition.operand.kind === "attribute"
        ? [condition.attribute, condition.operand.attribute]
        : [condition.attribute];
    default:
      return [condition.attribute];
  }
}

function isUnknown(
  operand: Operand,
  { id }: KnownBefore,
): operand is Operand & { readonly kind: "principal" } {
  return operand.kind === "principal" && (operand.claim !== undefined || id === undefined);
}

/** Nothing that is unknown is asked for. */
function factsOf({ id = "" }: KnownBefore): PrincipalFacts {
  return { id, claims: {} };
}
