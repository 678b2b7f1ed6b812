/**
 * Row decisions: may these grants read, delete, create or change this row, and with which values?
 *
 * A write is allowed by one grant that covers all of it: the row before, the row after, and every field it
 * sets. Two grants that each cover a half do not add up to one that covers the whole. A denial that covers the row
 * before or after bars it, whatever allows it.
 */

import type { CompiledGrant } from "./authority.ts";
import type { AttributeTypes, Scalar } from "./conditions/condition.ts";
import { type Row, RowShapeError } from "./conditions/decide.ts";
import { type PrincipalFacts, resolveOperand } from "./conditions/operand.ts";
import type { Dialect } from "./conditions/sql/parts.ts";

/** What counts for one caller and one permission: what allows it, and what bars some of its rows. */
export interface RowRules {
  readonly grants: readonly CompiledGrant[];
  readonly denials: readonly CompiledGrant[];
}

/** The caller and the time that rows are decided for. */
export interface DecisionContext {
  readonly facts: PrincipalFacts;
  readonly nowMs: number;
  /** Where rows are written: SQLite keeps dates as milliseconds. */
  readonly dialect: Dialect;
}

/** May any grant act on the row, and does no denial bar it? A row that cannot be decided is not covered, but barred. */
export function coversRow({ grants, denials }: RowRules, row: Row, context: DecisionContext): boolean {
  for (const grant of grants) {
    if (grant.where === undefined || decides(grant, row, context, false)) {
      return denials.length === 0 || !isBarred(denials, row, context);
    }
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
    const after = { ...absent(attributes, before), ...before, ...values };
    if (decides(grant, after, context, false) && !isBarred(denials, after, context)) return { values };
  }
  return { forbiddenFields };
}

function isBarred(denials: readonly CompiledGrant[], row: Row, context: DecisionContext): boolean {
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

function maySet(
  { fields }: CompiledGrant,
  attributes: AttributeTypes,
  set: Row,
  field: string,
  value: unknown,
): boolean {
  if (Object.hasOwn(set, field)) return isSame(set[field], value);
  return fields === undefined ? Object.hasOwn(attributes, field) : fields.includes(field);
}

/** A date is sent as a `Date` or as milliseconds. */
function isSame(set: unknown, given: unknown): boolean {
  const plain = (value: unknown) => (value instanceof Date ? value.getTime() : value);
  return plain(set) === plain(given);
}

/** The grant's own values, or `undefined` if one of them is a claim this caller does not have. */
function valuesToSet(
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

/** A new row's unset attributes are NULL when its grant is decided. */
function absent(attributes: AttributeTypes, before: Row | undefined): Row {
  if (before !== undefined) return {};
  return Object.fromEntries(Object.keys(attributes).map((attribute) => [attribute, null]));
}
