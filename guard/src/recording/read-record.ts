/** Records of decisions, read back: from JSON that someone may have edited, to questions that can be asked again. */
import { type RowShape, readRecordedRow, rowShape } from "../authorization/explain/row-data.ts";
import type { Security } from "../contract/define-security.ts";
import { ContractError } from "../contract/refusal.ts";
import type { Question } from "../pipeline/decide.ts";
import type { DecisionRecord } from "../pipeline/decision-record.ts";

/**
 * Checks that a value is a record.
 *
 * @throws {ContractError} `option_invalid`, with the place of what is wrong: `decisions.jsonl:12.principal.id`
 */
export function readDecisionRecord(value: unknown, place: string): DecisionRecord {
  const record = objectOf(value, place);
  const principal = objectOf(record.principal, `${place}.principal`);
  const demand = record.demand === undefined ? {} : objectOf(record.demand, `${place}.demand`);
  const isValid: Readonly<Record<string, boolean>> = {
    time: isTime(record.time),
    "principal.id": typeof principal.id === "string",
    "principal.kind": principal.kind === "account" || principal.kind === "client",
    "principal.roles": isTextList(principal.roles),
    "principal.claims": isObject(principal.claims),
    scopes: record.scopes === undefined || isTextList(record.scopes),
    acr: isOptionalText(record.acr),
    authenticatedAt: record.authenticatedAt === undefined || isTime(record.authenticatedAt),
    permission: typeof record.permission === "string",
    "demand.assurance": isOptionalText(demand.assurance),
    "demand.maxAge": isOptionalText(demand.maxAge),
    row: record.row === undefined || record.row === null || isObject(record.row),
    changes: record.changes === undefined || record.changes === null || isObject(record.changes),
    effect: record.effect === "allow" || record.effect === "deny",
    code: typeof record.code === "string",
    by: typeof record.by === "string",
  };
  const wrong = Object.keys(isValid).find((name) => isValid[name] === false);
  if (wrong !== undefined) {
    throw new ContractError("option_invalid", `${place}.${wrong}`, "It is not as a guard records it.");
  }
  return record as unknown as DecisionRecord;
}

/**
 * The question that a recorded decision answered, for a contract that may be another than the one that answered.
 *
 * @returns `undefined` where nothing was decided that a rule could decide again: the input was not valid, or there was no
 *   such row.
 * @throws {ContractError} `resource_unknown` where the contract has no such resource
 */
export function questionOf(security: Security, record: DecisionRecord): Question | undefined {
  const { time, principal, scopes, acr, authenticatedAt, permission, demand, row, changes, by } = record;
  if (by === "validate" || row === null) return undefined;
  const shape = rowShape(security, permission.split(":")[0] ?? "");
  return {
    principal,
    permission,
    nowMs: Date.parse(time),
    ...(scopes === undefined ? {} : { scopes }),
    ...(acr === undefined ? {} : { acr }),
    ...(authenticatedAt === undefined ? {} : { authenticatedAtMs: Date.parse(authenticatedAt) }),
    ...(demand === undefined ? {} : { demand }),
    ...(row === undefined ? {} : { row: readRecordedRow(row, shape) }),
    ...(changes === undefined ? {} : { changes: changesOf(changes, shape) }),
  };
}

/** What was no object of fields is none again. */
function changesOf(changes: DecisionRecord["changes"] & (object | null), { attributes }: RowShape): unknown {
  return changes === null ? [] : readRecordedRow(changes, { attributes, relations: {} });
}

function objectOf(value: unknown, place: string): Readonly<Record<string, unknown>> {
  if (isObject(value)) return value;
  throw new ContractError("option_invalid", place, "It is no record of a decision.");
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTime(value: unknown): boolean {
  return typeof value === "string" && !Number.isNaN(Date.parse(value));
}

function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function isOptionalText(value: unknown): boolean {
  return value === undefined || typeof value === "string";
}
