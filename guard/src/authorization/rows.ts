/**
 * Row decisions: may these grants read, delete, create or change this row, and with which values?
 *
 * A write is allowed by one grant that covers all of it: the row before, the row after, and every field it
 * sets. Two grants that each cover a half do not add up to one that covers the whole.
 */

import type { AttributeTypes } from "./conditions/condition.ts";
import { type PrincipalFacts, resolveOperand } from "./conditions/condition.ts";
import { type Row, RowShapeError } from "./conditions/decide.ts";
import type { CompiledGrant } from "./roles.ts";

/** May any grant act on the row? A row that cannot be decided is denied by that grant. */
export function coversRow(grants: readonly CompiledGrant[], row: Row, facts: PrincipalFacts): boolean {
  for (const grant of grants) {
    if (grant.where === undefined || decides(grant, row, facts)) return true;
  }
  return false;
}

/** A write that one grant covers whole, with the values to write: the caller's, then the grant's `set`. */
export interface WriteDecision {
  readonly values: Row;
}

/**
 * Decides a write.
 *
 * @param before The row as it is; `undefined` for a new one.
 * @param changes The attributes the caller wants to set.
 * @returns The values to write, or the attributes that no grant covering the row lets the caller set (empty:
 *   no grant covers the row before and after).
 */
export function decideWrite(
  grants: readonly CompiledGrant[],
  attributes: AttributeTypes,
  before: Row | undefined,
  changes: Row,
  facts: PrincipalFacts,
): WriteDecision | { readonly forbiddenFields: readonly string[] } {
  let forbiddenFields: readonly string[] = [];
  for (const grant of grants) {
    if (before !== undefined && !decides(grant, before, facts)) continue;
    const set = valuesToSet(grant, attributes, facts);
    if (set === undefined) continue;
    const refused = Object.keys(changes).filter(
      (field) => !maySet(grant, attributes, set, field, changes[field]),
    );
    if (refused.length > 0) {
      if (forbiddenFields.length === 0 || refused.length < forbiddenFields.length) forbiddenFields = refused;
      continue;
    }
    const values = { ...changes, ...set };
    if (decides(grant, { ...absent(attributes, before), ...before, ...values }, facts)) return { values };
  }
  return { forbiddenFields };
}

function decides(grant: CompiledGrant, row: Row, facts: PrincipalFacts): boolean {
  try {
    return grant.decide(row, facts);
  } catch (error) {
    if (error instanceof RowShapeError) return false;
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
  if (Object.hasOwn(set, field)) return set[field] === value;
  return fields === undefined ? Object.hasOwn(attributes, field) : fields.includes(field);
}

/** The grant's own values, or `undefined` if one of them is a claim this caller does not have. */
function valuesToSet(
  grant: CompiledGrant,
  attributes: AttributeTypes,
  facts: PrincipalFacts,
): Row | undefined {
  const values: Record<string, unknown> = {};
  for (const [attribute, operand] of Object.entries(grant.set)) {
    const type = attributes[attribute];
    const value = type === undefined ? undefined : resolveOperand(operand, type, facts);
    if (value === undefined) return undefined;
    values[attribute] = value;
  }
  return values;
}

/** A new row's unset attributes are NULL when its grant is decided. */
function absent(attributes: AttributeTypes, before: Row | undefined): Row {
  if (before !== undefined) return {};
  return Object.fromEntries(Object.keys(attributes).map((attribute) => [attribute, null]));
}
