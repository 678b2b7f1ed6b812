/**
 * What a condition comes to on one row, branch by branch: which of them decided, and what was compared with what.
 *
 * Each branch is decided by the very closure that enforces it, so a trace cannot tell another story than the guard.
 */
import type { AttributeType, Condition, Leaf } from "../conditions/condition.ts";
import { compileDecision, type Row, RowShapeError, readScalar } from "../conditions/decide.ts";
import { isReference, type PrincipalFacts, resolveOperand, resolveValues } from "../conditions/operand.ts";
import { conditionText, scalarText } from "./condition-text.ts";

/** One branch of a condition, decided. */
export interface ConditionTrace {
  readonly kind: Condition["kind"];
  readonly text: string;
  /** `null`: it cannot be decided on this row. */
  readonly value: boolean | null;
  /** Why not. */
  readonly problem?: string;
  /** Of a comparison: the row's value, and the values it is compared with, as text. */
  readonly compared?: { readonly row: string; readonly with: string };
  readonly children: readonly ConditionTrace[];
}

export interface TraceContext {
  readonly facts: PrincipalFacts;
  readonly nowMs: number;
  /** As `compileDecision` takes it: `false` for what allows, `true` for what bars. */
  readonly safe: boolean;
  /** Before attributes in the text: a related row's, `customer.`. */
  readonly prefix?: string;
}

export function traceCondition(condition: Condition, row: Row, context: TraceContext): ConditionTrace {
  const { facts, nowMs, safe, prefix = "" } = context;
  const trace = (inner: Condition) => traceCondition(inner, row, context);
  const { value, problem } = decide(condition, row, context);
  const node = {
    kind: condition.kind,
    text: conditionText(condition, prefix),
    value,
    ...(problem === undefined ? {} : { problem }),
  };
  switch (condition.kind) {
    case "all":
    case "any":
      return { ...node, children: condition.conditions.map(trace) };
    case "not":
      return { ...node, children: [traceCondition(condition.condition, row, { ...context, safe: !safe })] };
    case "related": {
      const { name } = condition.relation;
      const related = Object.hasOwn(row, name) ? row[name] : undefined;
      if (typeof related !== "object" || related === null) return { ...node, children: [] };
      const inner = traceCondition(condition.condition, related as Row, { ...context, prefix: `${name}.` });
      return { ...node, children: [inner] };
    }
    default:
      return { ...node, compared: comparedIn(condition, row, facts, nowMs), children: [] };
  }
}

function decide(condition: Condition, row: Row, { facts, nowMs, safe }: TraceContext) {
  try {
    return { value: compileDecision(condition, safe)(row, facts, nowMs) };
  } catch (error) {
    if (error instanceof RowShapeError) return { value: null, problem: error.message };
    throw error;
  }
}

function comparedIn(leaf: Leaf, row: Row, facts: PrincipalFacts, nowMs: number) {
  const own = rowValueText(row, leaf.attribute, leaf.type);
  return { row: own, with: otherText(leaf, row, facts, nowMs) };
}

function otherText(leaf: Leaf, row: Row, facts: PrincipalFacts, nowMs: number): string {
  const text = (value: ReturnType<typeof resolveOperand>) =>
    value === undefined ? "null" : scalarText(value, leaf.type);
  switch (leaf.kind) {
    case "null":
      return "null";
    case "comparison":
      return leaf.operand.kind === "attribute"
        ? rowValueText(row, leaf.operand.attribute, leaf.operand.type)
        : text(resolveOperand(leaf.operand, leaf.type, facts, nowMs));
    case "text":
      return text(resolveOperand(leaf.operand, leaf.type, facts, nowMs));
    case "membership": {
      const values = resolveValues(leaf, facts, nowMs);
      if (values === undefined) return "null";
      // A claim's list is the caller's, and may be long.
      const shown = isReference(leaf.values) ? values.slice(0, mostShown) : values;
      const more = values.length > shown.length ? [`… ${values.length - shown.length} more`] : [];
      return `(${[...shown.map(text), ...more].join(", ")})`;
    }
  }
}

const mostShown = 20;

function rowValueText(row: Row, attribute: string, type: AttributeType): string {
  const value = Object.hasOwn(row, attribute) ? row[attribute] : undefined;
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  const scalar = readScalar(value, type);
  return scalar === undefined ? `no ${type}` : scalarText(scalar, type);
}

/**
 * The comparisons that made a condition what it is on the row, with their values: the branches that were true of one
 * that is true, those that were false of one that is false.
 */
export function decisiveIn(trace: ConditionTrace): readonly string[] {
  const { kind, value, children, text, compared, problem } = trace;
  if (value === null && children.every((child) => child.value !== null)) return [`${text}: ${problem}`];
  if (compared !== undefined) {
    const withValue = kind === "null" ? "" : `, compared with ${compared.with}`;
    return [`${text}: ${value} (the row has ${compared.row}${withValue})`];
  }
  if (children.length === 0) return [`${text}: ${value}`];
  const wanted =
    kind === "not" || kind === "related" ? children : children.filter((one) => one.value === value);
  return wanted.flatMap(decisiveIn);
}
