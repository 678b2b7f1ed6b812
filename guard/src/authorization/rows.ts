/**
 * Row decisions: may these grants read, delete, create or change this row, and with which values?
 *
 * A write is allowed by one grant that covers all of it: the row before, the row after, and every field it
 * sets. Two grants that each cover a half do not add up to one that covers the whole. A denial that covers the row
 * before or after bars it, whatever allows it.
 */

import type { CompiledGrant, RowRules } from "./authority.ts";
import type { AttributeTypes, Scalar } from "./conditions/condition.ts";
import { type Row, RowShapeError } from "./conditions/decide.ts";
import { type PrincipalFacts, resolveOperand } from "./conditions/operand.ts";
import type { Dialect } from "./conditions/sql/parts.ts";

/** The caller and the time that rows are decided for. */
export interface DecisionContext {
  readonly facts: PrincipalFacts;
  readonly nowMs: number;
  /** Where rows are written: SQLite keeps dates as milliseconds. */
  readonly dialect: Dialect;
  /** What a new row holds in the attributes that nothing sets; default NULL. */
  readonly unset?: unknown;
}

/** Is an act on a row decided as a write? A grant that sets something makes even an act without a body one. */
export function isWrite(grants: readonly CompiledGrant[], hasBody: boolean): boolean {
  return hasBody || grants.some(({ set }) => Object.keys(set).length > 0);
}

/** May any grant act on the row, and does no denial bar it? A row that cannot be decided is not covered, but barred. */
export function coversRow({ grants, denials }: RowRules, row: Row, context: DecisionContext): boolean {
  return isCovered(grants, row, context) && (denials.length === 0 || !isBarred(denials, row, context));
}

function isCovered(grants: readonly CompiledGrant[], row: Row, context: DecisionContext): boolean {
  const { length } = grants;
  // What covers every row covers this one: nothing else need be asked of it. By index, as iterators over frozen lists
  // took a fifth of a decision's time (bench `authorization`).
  for (let index = 0; index < length; index += 1) {
    if ((grants[index] as CompiledGrant).where === undefined) return true;
  }
  for (let index = 0; index < length; index += 1) {
    if (decides(grants[index] as CompiledGrant, row, context, false)) return true;
  }
  return false;
}

/** A write that one grant covers whole, with the values to write: the caller's, then the grant's `set`. */
export interface WriteDecision {
  readonly values: Row;
}

export interface WriteRefusal {
  /** The attributes that no grant covering the row lets the caller set; empty: no grant covers the row. */
  readonly forbiddenFields: readonly string[];
}

/**
 * Decides a write.
 *
 * @param before The row as it is; `undefined` for a new one.
 * @param changes The attributes the caller wants to set.
 * @returns The values to write, or why not.
 */
export function decideWrite(
  { grants, denials }: RowRules,
  attributes: AttributeTypes,
  before: Row | undefined,
  changes: Row,
  context: DecisionContext,
): WriteDecision | WriteRefusal {
  let forbiddenFields: readonly string[] = [];
  if (before !== undefined && isBarred(denials, before, context)) return { forbiddenFields };
  for (const grant of grants) {
    if (before !== undefined && !decides(grant, before, context, false)) continue;
    const set = valuesToSet(grant, attributes, context);
    if (set === undefined) continue;
    const refused = Object.keys(changes).filter(
      (field) => !maySet(grant, attributes, set, field, changes[field]),
    );
    if (refused.length > 0) {
      if (forbiddenFields.length === 0 || refused.length < forbiddenFields.length) forbiddenFields = refused;
      continue;
    }
    const values = { ...changes, ...set };
    const after = rowAfter(attributes, before, values, context.unset);
    if (decides(grant, after, context, false) && !isBarred(denials, after, context)) return { values };
  }
  return { forbiddenFields };
}

/** The row as a write would leave it. @param unset What a new row holds where nothing sets it; default NULL. */
export function rowAfter(
  attributes: AttributeTypes,
  before: Row | undefined,
  values: Row,
  unset: unknown = null,
): Row {
  const absent = Object.keys(before === undefined ? attributes : {}).map((attribute) => [attribute, unset]);
  return { ...Object.fromEntries(absent), ...before, ...values };
}

/** Does any denial cover the row? One that cannot be decided bars it. */
export function isBarred(denials: readonly CompiledGrant[], row: Row, context: DecisionContext): boolean {
  return denials.some((denial) => decides(denial, row, context, true));
}

/** @param otherwise What a row that cannot be decided counts as. */
function decides(
  grant: CompiledGrant,
  row: Row,
  { facts, nowMs }: DecisionContext,
  otherwise: boolean,
): boolean {
  try {
    return grant.decide(row, facts, nowMs);
  } catch (error) {
    if (error instanceof RowShapeError) return otherwise;
    throw error;
  }
}

/** Does a grant let the caller set the field to this value? */
export function maySet(
  { fields }: CompiledGrant,
  attributes: AttributeTypes,
  set: Row,
  field: string,
  value: unknown,
): boolean {
  if (Object.hasOwn(set, field)) return isSame(set[field], value);
  return fields === undefined ? Object.hasOwn(attributes, field) : fields.includes(field);
}

/** Is the value that a write sends the one that the grant sets? A date is sent as a `Date` or as milliseconds. */
export function isSame(set: unknown, given: unknown): boolean {
  const plain = (value: unknown) => (value instanceof Date ? value.getTime() : value);
  return plain(set) === plain(given);
}

/** What a grant's `set` writes: its own values, or `undefined` if one of them is a claim this caller does not have. */
export function valuesToSet(
  grant: CompiledGrant,
  attributes: AttributeTypes,
  { facts, nowMs, dialect }: DecisionContext,
): Row | undefined {
  const values: Record<string, unknown> = {};
  for (const [attribute, operand] of Object.entries(grant.set)) {
    const type = attributes[attribute];
    const value: Scalar | undefined =
      type === undefined ? undefined : resolveOperand(operand, type, facts, nowMs);
    if (value === undefined) return undefined;
    values[attribute] = type === "date" && dialect === "postgresql" ? new Date(value as number) : value;
  }
  return values;
}
