/**
 * Fifth reading of a condition: may an answer contain this row?
 *
 * For judging an API from outside, by what it answers. An answer shows a row only in part, as JSON: what it leaves out is
 * not known, which is neither true nor false. So there are three verdicts, and the third accuses nobody.
 */
import type { Resource } from "../../contract/resource.ts";
import type { RowAccess } from "../access.ts";
import type { AttributeReference, AttributeType, Condition, Leaf, Related } from "../conditions/condition.ts";
import { compileDecision, type Row, readScalar } from "../conditions/decide.ts";
import { resolveOperand, resolveValues, toScalar } from "../conditions/operand.ts";

/** What an answer with a row in it is worth. */
export interface AnswerDecision {
  /** `undecidable`: what the answer leaves out decides. */
  readonly effect: "allow" | "deny" | "undecidable";
  /** For whoever reads the report: `no grant covers the row`. */
  readonly reason: string;
}

/** Kleene's: `undefined` is not known. */
type Truth = boolean | undefined;

/**
 * May an answer to this caller contain the row?
 *
 * @param access The caller: `accessOf(security, principal)`.
 * @param row The row as the answer shows it: its attributes by name, perhaps not all; dates as text by RFC 3339. Related
 *   rows under their relation's name.
 * @returns `deny` only where no row that looks like this may be read, `allow` only where every such row may.
 * @throws {ContractError} `permission_unknown` where the resource has no action `read`.
 * @example
 * const access = accessOf(security, { id: "alice", kind: "account", roles: ["user"], claims: {} });
 * canAnswerContain(access, order, { id: "7", ownerId: "bob" }); // { effect: "deny", … }
 */
export function canAnswerContain(access: RowAccess, resource: Resource, row: Row): AnswerDecision {
  const permission = `${resource.name}:read`;
  const { grants, denials } = access.rulesOf(permission);
  const judgeAny = (rules: readonly { readonly where: Condition | undefined }[]): Truth =>
    anyOf(rules.map(({ where }) => (where === undefined ? true : judgeCondition(where, row, access))));
  const covered = judgeAny(grants);
  if (covered === false) return decision("deny", "no grant covers the row");
  const barred = anyOf([judgeAny(denials), hiddenByPolicy(access, permission, row)]);
  if (barred === true) return decision("deny", "a denial or the policy bars the row");
  if (covered === true && barred === false) return decision("allow", "a grant covers the row");
  return decision("undecidable", "what the answer leaves out decides");
}

function decision(effect: AnswerDecision["effect"], reason: string): AnswerDecision {
  return Object.freeze({ effect, reason });
}

/** A policy that leaves nothing may only not have been asked. */
function hiddenByPolicy(access: RowAccess, permission: string, row: Row): Truth {
  const reach = access.policyOf(permission);
  if (reach === "all") return false;
  return reach === "none" ? undefined : negated(judgeCondition(reach, row, access));
}

function anyOf(truths: readonly Truth[]): Truth {
  if (truths.includes(true)) return true;
  return truths.includes(undefined) ? undefined : false;
}

function negated(truth: Truth): Truth {
  return truth === undefined ? undefined : !truth;
}

function judgeCondition(condition: Condition, row: Row, access: RowAccess): Truth {
  switch (condition.kind) {
    case "not":
      return negated(judgeCondition(condition.condition, row, access));
    case "any":
      return anyOf(condition.conditions.map((branch) => judgeCondition(branch, row, access)));
    case "all":
      return negated(
        anyOf(condition.conditions.map((branch) => negated(judgeCondition(branch, row, access)))),
      );
    case "related":
      return judgeRelated(condition, row, access);
    default:
      return judgeLeaf(condition, row, access);
  }
}

/** A row without its key belongs to none; one whose related row is not shown may belong to any. */
function judgeRelated({ relation, condition }: Related, row: Row, access: RowAccess): Truth {
  const key = shownValue(row, relation.from);
  if (key === null) return false;
  const related = Object.hasOwn(row, relation.name) ? row[relation.name] : undefined;
  if (related === null) return false;
  if (typeof related !== "object" || Array.isArray(related)) return undefined;
  const shown = related as Row;
  const target = shownValue(shown, relation.to);
  // What is shown beside the row need not be the row it belongs to.
  if (key === undefined || key !== target) return undefined;
  return judgeCondition(condition, shown, access);
}

function judgeLeaf(leaf: Leaf, row: Row, access: RowAccess): Truth {
  const values = attributesOf(leaf).map((attribute) => [attribute, shownValue(row, attribute)] as const);
  if (leaf.kind !== "null") {
    // A comparison with NULL is false, whatever else is not known.
    if (values.some(([, value]) => value === null) || comparesWithNull(leaf, access)) return false;
  }
  if (values.some(([, value]) => value === undefined)) return undefined;
  const known = Object.fromEntries(values.map(([{ attribute }, value]) => [attribute, value]));
  return compileDecision(leaf)(known, access.facts, access.nowMs);
}

function attributesOf(leaf: Leaf): readonly Pick<AttributeReference, "attribute" | "type">[] {
  return leaf.kind === "comparison" && leaf.operand.kind === "attribute" ? [leaf, leaf.operand] : [leaf];
}

/** Is what the caller brings NULL? */
function comparesWithNull(
  leaf: Exclude<Leaf, { readonly kind: "null" }>,
  { facts, nowMs }: RowAccess,
): boolean {
  if (leaf.kind === "membership") return resolveValues(leaf, facts, nowMs) === undefined;
  const { operand, type } = leaf;
  return operand.kind !== "attribute" && resolveOperand(operand, type, facts, nowMs) === undefined;
}

/** A value as JSON shows it; `undefined` where it is not shown, or cannot be read. */
function shownValue(
  row: Row,
  { attribute, type }: { readonly attribute: string; readonly type: AttributeType },
) {
  const value = Object.hasOwn(row, attribute) ? row[attribute] : undefined;
  if (value === null) return null;
  if (type === "date" && typeof value === "string") {
    return toScalar(value, type);
  }
  return readScalar(value, type);
}
