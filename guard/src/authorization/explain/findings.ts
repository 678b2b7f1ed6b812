/**
 * What each grant and each denial of a permission comes to in one decision: counted, or why not.
 *
 * Every finding is made by the functions that enforce (`coversRow`, `decideWrite`, `liveGrants`), asked about one grant at
 * a time. The verdict itself is not made here.
 */
import type { Caller } from "../../authentication/caller.ts";
import { meets } from "../../contract/assurance.ts";
import type { Resource } from "../../contract/resource.ts";
import { type CompiledGrant, grantsOf } from "../authority.ts";
import { type Row, RowShapeError } from "../conditions/decide.ts";
import type { LiveRoles } from "../live-roles.ts";
import {
  coversRow,
  type DecisionContext,
  decideWrite,
  isBarred,
  isWrite,
  rowAfter,
  valuesToSet,
} from "../rows.ts";
import { describeCondition } from "./condition-text.ts";
import { pathTo } from "./role-path.ts";
import { type ConditionTrace, traceCondition } from "./trace.ts";

/**
 * What one grant or denial came to. Of a grant:
 *
 * - `covers`: it allows the act; `grants`: it allows the permission, and no row was asked about
 * - `scope`: the credential's scopes leave its permission out; `demand`: it demands another sign-in
 * - `row`: its condition is false on the row; `undecidable`: its condition cannot be decided on the row
 * - `claim`: it sets a claim that the principal does not have
 * - `fields`: it does not let some fields be set; `after`: its condition is false once they are
 * - `barred`: it would allow the act, and a denial bars it
 *
 * Of a denial: `bars`, or `spares`.
 */
export type FindingOutcome =
  | "covers"
  | "grants"
  | "scope"
  | "demand"
  | "row"
  | "undecidable"
  | "claim"
  | "fields"
  | "after"
  | "barred"
  | "bars"
  | "spares";

/** One grant or denial in one decision. */
export interface GrantFinding {
  readonly effect: "allow" | "deny";
  /** `order:read` */
  readonly permission: string;
  /** The role that declares it; absent where it is given to the account or client directly. */
  readonly role?: string;
  /** From a role that the principal holds to the one that declares it. */
  readonly via: readonly string[];
  /** The rows it is for, as text. */
  readonly where: string;
  readonly outcome: FindingOutcome;
  /** The fields it does not let be set. */
  readonly fields?: readonly string[];
  /** What it demands of the sign-in, and whether that is met. */
  readonly demand?: { readonly assurance?: string; readonly maxAge?: string; readonly met: boolean };
  /** Its condition on the row as it is. */
  readonly trace?: ConditionTrace;
  /** Its condition on the row as the write would leave it. */
  readonly traceAfter?: ConditionTrace;
}

/** What is asked of a permission. */
export interface Act {
  readonly permission: string;
  readonly resource: Resource;
  readonly caller: Caller;
  readonly roles: LiveRoles;
  readonly context: DecisionContext;
  /** Is the row to be created, to be acted on, or is none asked about? */
  readonly target:
    | { readonly kind: "none" }
    | { readonly kind: "new"; readonly changes: unknown }
    | { readonly kind: "row"; readonly row: unknown; readonly changes: unknown };
}

/** Everything that is granted and barred to the caller for the permission, with what it came to. */
export function findingsOf(act: Act): readonly GrantFinding[] {
  const { permission, roles, caller } = act;
  const [resource = "", action = ""] = permission.split(":");
  const all = roles
    .grantsOf(caller.principal)
    .filter((grant) => grant.resource === resource && grant.action === action);
  const denials = all.filter(({ effect }) => effect === "deny");
  const allows = all.filter(({ effect }) => effect === "allow");
  const afters = allows.map((grant) => afterOf(grant, act)).filter((row) => row !== undefined);
  return [
    ...allows.map((grant) => findingOf(grant, act, denials)),
    ...denials.map((denial) => {
      const rows = [...rowsBefore(act), ...afters];
      const bars = denial.where === undefined || rows.some((row) => isBarred([denial], row, act.context));
      return { ...describe(denial, act), outcome: bars ? ("bars" as const) : ("spares" as const) };
    }),
  ];
}

function findingOf(grant: CompiledGrant, act: Act, denials: readonly CompiledGrant[]): GrantFinding {
  const { permission, caller, context } = act;
  const described = describe(grant, act);
  if (caller.scopes?.includes(permission) === false) return { ...described, outcome: "scope" };
  const { outcome, fields } = outcomeOf(grant, act);
  const finding = { ...described, ...(fields === undefined ? {} : { fields }) };
  if (outcome !== "covers" && outcome !== "grants") return { ...finding, outcome };
  const after = afterOf(grant, act);
  const rows = [...rowsBefore(act), ...(after === undefined ? [] : [after])];
  const barred =
    denials.some(({ where }) => where === undefined) || rows.some((row) => isBarred(denials, row, context));
  if (barred) return { ...finding, outcome: "barred" };
  return { ...finding, outcome: described.demand?.met === false ? "demand" : outcome };
}

function rowsBefore({ target }: Act): readonly Row[] {
  return target.kind === "row" ? [toRow(target.row)] : [];
}

interface OwnOutcome {
  readonly outcome: "covers" | "grants" | "row" | "undecidable" | "claim" | "fields" | "after";
  readonly fields?: readonly string[];
}

/** What the grant comes to by itself, its scope and demand aside. */
function outcomeOf(grant: CompiledGrant, act: Act): OwnOutcome {
  const { target, context, resource } = act;
  if (target.kind === "none") return { outcome: "grants" };
  const rules = { grants: [grant], denials: [] };
  const before = target.kind === "row" ? toRow(target.row) : undefined;
  if (before !== undefined && !coversRow(rules, before, context)) {
    return { outcome: isDecidable(grant, before, context) ? "row" : "undecidable" };
  }
  const changes = writtenBy(act);
  if (changes === undefined) return { outcome: "covers" };
  const decision = decideWrite(rules, resource.attributes, before, changes, context);
  if ("values" in decision) return { outcome: "covers" };
  if (decision.forbiddenFields.length > 0) return { outcome: "fields", fields: decision.forbiddenFields };
  const after = afterOf(grant, act);
  if (after === undefined) return { outcome: "claim" };
  return { outcome: isDecidable(grant, after, context) ? "after" : "undecidable" };
}

/** What the act writes; `undefined` where it writes nothing. */
function writtenBy({ target, permission, resource, caller, roles }: Act): Row | undefined {
  if (target.kind === "none") return undefined;
  if (target.kind === "new") return toRow(target.changes ?? {});
  const index = roles.table.permissionIndex(permission) ?? -1;
  const reads = permission === `${resource.name}:read`;
  const writes = !reads && isWrite(grantsOf(caller.authority, index), target.changes !== undefined);
  return writes ? toRow(target.changes ?? {}) : undefined;
}

/** The row as a write by this grant would leave it; `undefined` where nothing is written, or a claim is missing. */
function afterOf(grant: CompiledGrant, act: Act): Row | undefined {
  const { target, context, resource } = act;
  const changes = writtenBy(act);
  const set = changes && valuesToSet(grant, resource.attributes, context);
  if (set === undefined) return undefined;
  const before = target.kind === "row" ? toRow(target.row) : undefined;
  return rowAfter(resource.attributes, before, { ...changes, ...set });
}

function describe(grant: CompiledGrant, act: Act): Omit<GrantFinding, "outcome"> {
  const { where, role, effect, demand, assurance, maxAge } = grant;
  const { target, context, caller, permission, roles } = act;
  const { facts, nowMs } = context;
  const after = afterOf(grant, act);
  const traceOn = (row: Row) =>
    where && traceCondition(where, row, { facts, nowMs, safe: effect === "deny" });
  const trace = target.kind === "row" ? traceOn(toRow(target.row)) : undefined;
  const traceAfter = after && traceOn(after);
  return {
    effect,
    permission,
    ...(role === undefined ? {} : { role }),
    via: role === undefined ? [] : pathTo(role, caller.principal.roles, roles),
    where: describeCondition(where),
    ...(demand === undefined
      ? {}
      : {
          demand: {
            ...(assurance === undefined ? {} : { assurance }),
            ...(maxAge === undefined ? {} : { maxAge }),
            met: meets(caller.assurance, demand, nowMs),
          },
        }),
    ...(trace === undefined ? {} : { trace }),
    ...(traceAfter === undefined ? {} : { traceAfter }),
  };
}

function isDecidable({ decide }: CompiledGrant, row: Row, { facts, nowMs }: DecisionContext): boolean {
  try {
    decide(row, facts, nowMs);
    return true;
  } catch (error) {
    if (error instanceof RowShapeError) return false;
    throw error;
  }
}

/** What is no row has no attributes. */
function toRow(value: unknown): Row {
  return typeof value === "object" && value !== null ? (value as Row) : {};
}
