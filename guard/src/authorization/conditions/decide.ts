/**
 * First reading of a condition: decide one loaded row, in memory.
 *
 * A row that does not have the attribute, or has it in another type than declared, cannot be decided. That is
 * an error, not "false": under `not` a false would become an allow.
 */
import type {
  AttributeType,
  Comparison,
  Condition,
  Membership,
  Related,
  Scalar,
  TextTest,
} from "./condition.ts";
import {
  isReference,
  type PrincipalFacts,
  readReference,
  resolveOperand,
  resolveValues,
  toScalar,
} from "./operand.ts";

export type Row = Readonly<Record<string, unknown>>;
export type RowDecision = (row: Row, facts: PrincipalFacts, nowMs: number) => boolean;

/** The row cannot be decided: an attribute is missing or not of its declared type. */
export class RowShapeError extends Error {
  override readonly name = "RowShapeError";
}

/**
 * Compiles the condition to a closure; `undefined` (no condition) covers every row.
 *
 * @param safe The answer that a row which cannot be decided comes to as well: `false` for what allows, `true` for what
 *   bars. Once that answer is certain, no further branch is asked; the other one is only given where it holds whatever
 *   the branches that cannot be decided would have said.
 */
export function compileDecision(condition: Condition | undefined, safe = false): RowDecision {
  if (condition === undefined) return () => true;
  switch (condition.kind) {
    case "comparison":
      return compileComparison(condition);
    case "text":
      return compileTextTest(condition);
    case "membership":
      return compileMembership(condition);
    case "null":
      return (row) => readAttribute(row, condition.attribute, condition.type) === null;
    case "related":
      return compileRelated(condition, safe);
    case "not": {
      const inner = compileDecision(condition.condition, !safe);
      return (row, facts, nowMs) => !inner(row, facts, nowMs);
    }
    case "all":
    case "any":
      return compileJunction(condition.kind === "all", condition.conditions, safe);
  }
}

function compileJunction(every: boolean, conditions: readonly Condition[], safe: boolean): RowDecision {
  const branches = conditions.map((condition) => compileDecision(condition, safe));
  // One false branch makes `all` false, one true one makes `any` true.
  if (every !== safe) {
    return (row, facts, nowMs) => {
      for (let index = 0; index < branches.length; index += 1) {
        if (branches[index]?.(row, facts, nowMs) === safe) return safe;
      }
      return !safe;
    };
  }
  return (row, facts, nowMs) => {
    let result = every;
    for (const branch of branches) {
      const value = branch(row, facts, nowMs);
      result = every ? result && value : result || value;
    }
    return result;
  };
}

/** PostgreSQL's NaN is greater than every number, and the only stored value that no operand equals. */
const comparisons: Readonly<Record<Comparison["operator"], (left: Scalar, right: Scalar) => boolean>> =
  Object.freeze({
    eq: (left, right) => left === right,
    ne: (left, right) => left !== right,
    lt: (left, right) => left < right,
    lte: (left, right) => left <= right,
    gt: (left, right) => left > right || Number.isNaN(left),
    gte: (left, right) => left >= right || Number.isNaN(left),
  });

function compileComparison({ attribute, type, operator, operand }: Comparison): RowDecision {
  const compare = comparisons[operator];
  if (operand.kind === "attribute") {
    return (row) => {
      const left = readAttribute(row, attribute, type);
      const right = readAttribute(row, operand.attribute, type);
      return left !== null && right !== null && compareStored(compare, left, right);
    };
  }
  if (operand.kind === "principal" && operator === "eq" && type !== "date") {
    // What nearly every rule asks. Whether the caller's value is one that the type can hold only matters once it fits:
    // most rows are not the caller's (bench `authorization`).
    return (row, facts) => {
      const left = readAttribute(row, attribute, type);
      const right = readReference(operand, facts);
      return left === right && left !== null && toScalar(right, type) !== undefined;
    };
  }
  if (operand.kind === "literal") {
    const { value } = operand;
    return (row) => {
      const left = readAttribute(row, attribute, type);
      return left !== null && compare(left, value);
    };
  }
  return (row, facts, nowMs) => {
    const left = readAttribute(row, attribute, type);
    const right = resolveOperand(operand, type, facts, nowMs);
    return left !== null && right !== undefined && compare(left, right);
  };
}

/** Only where both sides are stored can both be NaN; to a database they are then equal. */
function compareStored(
  compare: (left: Scalar, right: Scalar) => boolean,
  left: Scalar,
  right: Scalar,
): boolean {
  const leftNaN = Number.isNaN(left);
  const rightNaN = Number.isNaN(right);
  if (!leftNaN && !rightNaN) return compare(left, right);
  return compare(leftNaN ? 1 : 0, rightNaN ? 1 : 0);
}

function compileTextTest({ attribute, type, operator, operand }: TextTest): RowDecision {
  return (row, facts, nowMs) => {
    const left = readAttribute(row, attribute, type);
    const right = resolveOperand(operand, type, facts, nowMs);
    if (typeof left !== "string" || typeof right !== "string") return false;
    return operator === "contains" ? left.includes(right) : left.startsWith(right);
  };
}

function compileMembership({ attribute, ...membership }: Membership): RowDecision {
  const { type, operator } = membership;
  const literals = literalsOf(membership.values);
  if (literals !== undefined) {
    const wanted = operator === "in";
    return (row) => {
      const left = readAttribute(row, attribute, type);
      return left !== null && literals.includes(left) === wanted;
    };
  }
  return (row, facts, nowMs) => {
    const left = readAttribute(row, attribute, type);
    const values = resolveValues(membership, facts, nowMs);
    if (left === null || values === undefined) return false;
    return operator === "in" ? values.includes(left) : !values.includes(left) && !values.includes(undefined);
  };
}

/** The values of a list that depends on no caller; `undefined` for another. */
function literalsOf(values: Membership["values"]): readonly Scalar[] | undefined {
  if (isReference(values)) return undefined;
  const literals = values.flatMap((operand) => (operand.kind === "literal" ? [operand.value] : []));
  return literals.length === values.length ? literals : undefined;
}

function compileRelated({ relation, condition }: Related, safe: boolean): RowDecision {
  const inner = compileDecision(condition, safe);
  return (row, facts, nowMs) => {
    const key = readAttribute(row, relation.from.attribute, relation.from.type);
    const related = Object.hasOwn(row, relation.name) ? row[relation.name] : undefined;
    if (related === null || key === null) return false;
    if (typeof related !== "object") throw new RowShapeError(`The row has no \`${relation.name}\`.`);
    // Another row than the one it belongs to: it was loaded before the key changed, or by a wrong join.
    if (readAttribute(related as Row, relation.to.attribute, relation.to.type) !== key) {
      throw new RowShapeError(`The row's \`${relation.name}\` is not the one it belongs to.`);
    }
    return inner(related as Row, facts, nowMs);
  };
}

/** @throws {RowShapeError} */
function readAttribute(row: Row, attribute: string, type: AttributeType): Scalar | null {
  const value = Object.hasOwn(row, attribute) ? row[attribute] : undefined;
  if (typeof value === type || value === null) {
    // A NaN is PostgreSQL's, and is compared as such.
    return value as Scalar | null;
  }
  const scalar = readScalar(value, type);
  if (scalar === undefined) throw new RowShapeError(`The row's \`${attribute}\` is not a ${type}.`);
  return scalar;
}

/** A row's value as the attribute's type holds it; `undefined` where it is none, and the row cannot be decided. */
export function readScalar(value: unknown, type: AttributeType): Scalar | undefined {
  switch (type) {
    case "string":
    case "uuid":
      return typeof value === "string" ? value : undefined;
    case "number":
      return typeof value === "number" ? value : typeof value === "string" ? readDecimal(value) : undefined;
    case "boolean":
      // SQLite has no boolean: it stores 0 and 1.
      if (typeof value === "boolean") return value;
      return value === 0 || value === 1 ? value === 1 : undefined;
    case "date": {
      const timeMs = value instanceof Date ? value.getTime() : value;
      return typeof timeMs === "number" && !Number.isNaN(timeMs) ? timeMs : undefined;
    }
  }
}

/**
 * PostgreSQL's drivers give `numeric` and `bigint` as text. Where a double does not stand for exactly that number,
 * memory and database would compare different numbers: then it is none.
 */
function readDecimal(text: string): number | undefined {
  const [, sign = "", whole = "", fraction = ""] = /^(-?)(\d{1,400})(?:\.(\d{1,400}))?$/.exec(text) ?? [];
  if (whole === "") return /^(NaN|-?Infinity)$/.test(text) ? Number(text) : undefined;
  const value = Number(text);
  const digits = fraction.replace(/0+$/, "");
  if (digits === "" && Number.isFinite(value)) {
    // Above 2^53 the shortest decimal of a double may be that of another whole number.
    return Number.isSafeInteger(value) || BigInt(value) === BigInt(`${sign}${whole}`) ? value : undefined;
  }
  const exact = `${sign}${whole.replace(/^0+(?=\d)/, "")}.${digits}`;
  return plainText(value) === exact ? value : undefined;
}

/** The shortest decimal that stands for the number, without an exponent. */
function plainText(value: number): string {
  const text = String(value);
  const [, sign = "", lead = "", rest = "", exponent = ""] =
    /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text) ?? [];
  if (exponent === "") return text;
  const shift = Number(exponent);
  if (shift < 0) return `${sign}0.${"0".repeat(-shift - 1)}${lead}${rest}`;
  return `${sign}${lead}${rest.padEnd(shift, "0")}`;
}
