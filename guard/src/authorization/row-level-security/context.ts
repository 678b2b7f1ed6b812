/**
 * The context: what PostgreSQL must know of one caller at one time, as the text of a setting.
 *
 * Everything is resolved here, by the code that the other readings resolve with: which grants count (roles, direct
 * grants and denials, scopes, assurance), and which values their conditions compare with. The database only looks it up.
 *
 * The text: `a` and `d` are the conditions that allow and bar, by permission; `w` the grants that allow writes, each with
 * its condition, its columns (`null`: every declared one) and what it sets; `o` the values of what conditions name.
 */
import type { Security } from "../../contract/define-security.ts";
import type { Resource } from "../../contract/resource.ts";
import { type CompiledGrant, type Granted, liveRules } from "../authority.ts";
import { type PrincipalFacts, type Reference, resolveOperand, resolveValues } from "../conditions/operand.ts";
import { toTimestamp } from "../conditions/sql/dialect-rules.ts";
import { valuesToSet } from "../rows.ts";
import { contextList, contextValue, referenceKey } from "./context-leaf.ts";
import { everyRow, type KnownPermission, planOf, unknownDenial } from "./plan.ts";

/** Who is asking: a caller, as far as rows depend on it. */
export interface ContextCaller extends Granted {
  readonly principal: PrincipalFacts;
}

/** A grant of a write, as the trigger judges it. */
interface WriteGrant {
  readonly c: string;
  readonly f: readonly string[] | null;
  readonly s: Readonly<Record<string, string>>;
}

/**
 * The context of one caller at one time.
 *
 * @param nowMs The time of the request, in milliseconds since the epoch.
 * @returns the text for `select set_config('bulwark.context', $1, true)`. It holds the caller's claims: log it nowhere.
 * @throws {ContractError} `database_undeclared`, `row_level_security_unwritable`
 */
export function callerContext(security: Security, caller: ContextCaller, nowMs: number): string {
  const { tables, references } = planOf(security);
  const facts = caller.principal;
  const allowed: Record<string, Readonly<Record<string, "1">>> = {};
  const denied: Record<string, Readonly<Record<string, "1">>> = {};
  const writes: Record<string, readonly WriteGrant[]> = {};
  for (const { resource, permissions } of tables) {
    for (const known of permissions) {
      const { grants, denials } = liveRules(caller, known.index, nowMs);
      const live = grants.flatMap((grant) => writeGrant(grant, known, resource, facts, nowMs));
      if (live.length > 0) allowed[known.permission] = keySet(live.map(({ c }) => c));
      if (live.length > 0 && (known.command === "insert" || known.command === "update")) {
        writes[known.permission] = live;
      }
      const bars = denials.map(({ where }) =>
        where === undefined ? unknownDenial : (known.deniedKeys.get(where) ?? unknownDenial),
      );
      if (bars.length > 0) denied[known.permission] = keySet(bars);
    }
  }
  const values = references.map((reference) => [referenceKey(reference), entryOf(reference, facts, nowMs)]);
  return JSON.stringify({ a: allowed, d: denied, w: writes, o: Object.fromEntries(values) });
}

/** @returns none where the grant counts for nothing: its condition is in no policy, or it sets what the caller lacks. */
function writeGrant(
  grant: CompiledGrant,
  { allowedKeys, command }: KnownPermission,
  { attributes, columns }: Resource,
  facts: PrincipalFacts,
  nowMs: number,
): readonly WriteGrant[] {
  const { where, fields } = grant;
  const key = where === undefined ? everyRow : allowedKeys.get(where);
  if (key === undefined) return [];
  if (command === "select" || command === "delete") return [{ c: key, f: null, s: {} }];
  const set = valuesToSet(grant, attributes, { facts, nowMs, dialect: "postgresql" });
  if (set === undefined) return [];
  const columnOf = (attribute: string) => columns[attribute] ?? attribute;
  const values = Object.entries(set).map(([attribute, value]) => [columnOf(attribute), textOf(value)]);
  return [{ c: key, f: fields?.map(columnOf) ?? null, s: Object.fromEntries(values) }];
}

function textOf(value: unknown): string {
  return value instanceof Date ? toTimestamp(value.getTime()) : String(value);
}

function keySet(keys: readonly string[]): Readonly<Record<string, "1">> {
  return Object.fromEntries(keys.map((key) => [key, "1"]));
}

function entryOf(
  { operand, type, list }: Reference,
  facts: PrincipalFacts,
  nowMs: number,
): Readonly<Record<string, string>> {
  if (list) return contextList(resolveValues({ values: operand, type }, facts, nowMs), type);
  return contextValue(resolveOperand(operand, type, facts, nowMs), type);
}
