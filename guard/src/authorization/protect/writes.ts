/**
 * The write guard in a query: which rows a write may reach, and with which values, by the rules that decide a loaded row.
 *
 * An insert's rows are decided in memory, before the statement is sent. Of an update's and a delete's rows only those are
 * reached that one grant covers before and after; the others are left as if they were not there.
 */
import type { Resource } from "../../contract/resource.ts";
import { type RowAccess, reachOf } from "../access.ts";
import type { CompiledGrant, RowRules } from "../authority.ts";
import { all, type Condition } from "../conditions/condition.ts";
import { compileDecision, type Row, RowShapeError } from "../conditions/decide.ts";
import type { Reach } from "../conditions/filter.ts";
import { narrow } from "../policy/narrow.ts";
import {
  coversRow,
  type DecisionContext,
  decideWrite,
  maySet,
  rowAfter,
  valuesToSet,
  type WriteDecision,
} from "../rows.ts";
import { conditionAfter, unknownValue } from "./after.ts";
import { WriteDeniedError } from "./errors.ts";

/** Values by attribute; `unknownValue` where only the database knows one. */
export type Values = Row;

const noRules: RowRules = Object.freeze({ grants: Object.freeze([]), denials: Object.freeze([]) });
const nothing: Reach = Object.freeze({ allowed: Object.freeze([]), denied: Object.freeze([]) });

/** What counts for an action; a resource without the action lets nobody do it. */
function rulesFor({ rulesOf }: RowAccess, { name, actions }: Resource, action: string): RowRules {
  return actions.includes(action) ? rulesOf(`${name}:${action}`) : noRules;
}

/** The rows that an action reaches. */
export function reachFor(access: RowAccess, { name, actions }: Resource, action: string): Reach {
  return actions.includes(action) ? reachOf(access, `${name}:${action}`) : nothing;
}

const contextOf = ({ security, facts, nowMs }: RowAccess, unset: unknown): DecisionContext => ({
  facts,
  nowMs,
  dialect: security.database,
  unset,
});

/**
 * The values to insert: the given ones, then the grant's `set`.
 *
 * A row is first decided as if nothing were known of the attributes that are not given: the database may have defaults
 * for them. Where the rule depends on those, they are written as the NULLs that they are decided by.
 *
 * @throws {WriteDeniedError}
 */
export function decideInsert(access: RowAccess, resource: Resource, given: Values): Values {
  const { attributes, name } = resource;
  const rules = rulesFor(access, resource, "create");
  if (rules.grants.length === 0) throw new WriteDeniedError(`no grant of ${name}:create`);
  const decide = (unset: unknown) =>
    decideWrite(rules, attributes, undefined, given, contextOf(access, unset));
  const isAllowed = ({ values }: WriteDecision, unset: unknown) =>
    policyAllows(access, resource, "create", rowAfter(attributes, undefined, values, unset));
  const open = decide(unknownValue);
  if ("values" in open && isAllowed(open, unknownValue)) return open.values;
  const closed = decide(null);
  if (!("values" in closed))
    throw new WriteDeniedError(`no grant of ${name}:create covers the row`, closed.forbiddenFields);
  if (!isAllowed(closed, null)) throw new WriteDeniedError("the policy does not allow the row");
  const policy = access.policyOf(`${name}:create`);
  const conditions = [...rules.grants, ...rules.denials].map(({ where }) => where);
  const used = [...conditions, typeof policy === "string" ? undefined : policy].flatMap(attributesOf);
  const nulls = used.filter((one) => !Object.hasOwn(closed.values, one)).map((one) => [one, null]);
  return { ...closed.values, ...Object.fromEntries(nulls) };
}

/** Is it certain, from its values alone, that the caller may read the new row? */
export function isReadable(access: RowAccess, resource: Resource, values: Values): boolean {
  const row = rowAfter(resource.attributes, undefined, values, unknownValue);
  const rules = rulesFor(access, resource, "read");
  return (
    rules.grants.length > 0 &&
    coversRow(rules, row, contextOf(access, unknownValue)) &&
    policyAllows(access, resource, "read", row)
  );
}

/** A row that the policy's condition cannot be asked about is not allowed. */
function policyAllows(access: RowAccess, { name }: Resource, action: string, row: Row): boolean {
  const reach = access.policyOf(`${name}:${action}`);
  if (typeof reach === "string") return reach === "all";
  try {
    return compileDecision(reach)(row, access.facts, access.nowMs);
  } catch (error) {
    if (error instanceof RowShapeError) return false;
    throw error;
  }
}

/** The row's own attributes that a condition looks at. */
function attributesOf(condition: Condition | undefined): readonly string[] {
  if (condition === undefined) return [];
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

export interface UpdatePlan {
  /** What is assigned: the given values, then the grants' `set`. */
  readonly values: Values;
  /** What the rows must be covered by, each on its own: the right to update, to read, and to read what comes of it. */
  readonly reaches: readonly Reach[];
}

/**
 * The rows that an update may reach, and what it assigns.
 *
 * One statement assigns one set of values: where grants force different ones, the first grant that lets the caller assign
 * these fields decides which, in the order that they count. Rows that only others cover stay as they are.
 *
 * @param returns Does it return rows? Then it reaches only rows that the caller may read afterwards too.
 * @throws {WriteDeniedError} where no row could be reached.
 */
export function planUpdate(
  access: RowAccess,
  resource: Resource,
  given: Values,
  returns: boolean,
): UpdatePlan {
  const rules = rulesFor(access, resource, "update");
  const grants = grantsForFields(access, resource, rules.grants, given);
  const values = { ...given, ...grants[0].set };
  const updatable: Reach = {
    allowed: grants.map(({ grant: { where } }) =>
      bothOf(where, conditionAfter(where, values, access, false)),
    ),
    denied: rules.denials.flatMap(({ where }) => [where, conditionAfter(where, values, access, true)]),
  };
  const readable = reachFor(access, resource, "read");
  return {
    values,
    reaches: [
      narrow(updatable, access.policyOf(`${resource.name}:update`)),
      readable,
      ...(returns ? [reachAfter(readable, values, access)] : []),
    ],
  };
}

interface UsableGrant {
  readonly grant: CompiledGrant;
  readonly set: Row;
}

/** The grants that let these fields be assigned, and set the same values beside. */
function grantsForFields(
  access: RowAccess,
  { name, attributes }: Resource,
  grants: readonly CompiledGrant[],
  given: Values,
): readonly [UsableGrant, ...UsableGrant[]] {
  let forbidden: readonly string[] | undefined;
  const usable: UsableGrant[] = [];
  for (const grant of grants) {
    const set = valuesToSet(grant, attributes, contextOf(access, null));
    if (set === undefined) continue;
    const refused = Object.keys(given).filter(
      (field) => !maySet(grant, attributes, set, field, given[field]),
    );
    if (refused.length === 0) usable.push({ grant, set });
    else if (forbidden === undefined || refused.length < forbidden.length) forbidden = refused;
  }
  const [first, ...others] = usable;
  if (first === undefined) throw new WriteDeniedError(`no grant of ${name}:update covers the row`, forbidden);
  return [first, ...others.filter(({ set }) => setKey(set) === setKey(first.set))];
}

function setKey(set: Row): string {
  return JSON.stringify(Object.entries(set).sort(([left], [right]) => (left < right ? -1 : 1)));
}

function bothOf(before: Condition | undefined, after: Condition | undefined): Condition | undefined {
  return before === undefined || after === undefined ? (before ?? after) : all(before, after);
}

function reachAfter({ allowed, denied }: Reach, values: Values, access: RowAccess): Reach {
  return {
    allowed: allowed.map((one) => conditionAfter(one, values, access, false)),
    denied: denied.map((one) => conditionAfter(one, values, access, true)),
  };
}

/** The rows that a delete may reach, by each reach on its own. @throws {WriteDeniedError} where there could be none. */
export function planDelete(access: RowAccess, resource: Resource): readonly Reach[] {
  const { grants, denials } = rulesFor(access, resource, "delete");
  // What is deleted cannot be set to anything.
  const usable = grants.filter(({ set }) => Object.keys(set).length === 0);
  if (usable.length === 0) throw new WriteDeniedError(`no grant of ${resource.name}:delete`);
  const reach: Reach = {
    allowed: usable.map(({ where }) => where),
    denied: denials.map(({ where }) => where),
  };
  return [narrow(reach, access.policyOf(`${resource.name}:delete`)), reachFor(access, resource, "read")];
}
