/** A condition with the principal's values in the place of their names: what the rule is for one principal. */
import { all, any, type Condition, type Leaf, not, type Operand } from "../conditions/condition.ts";
import { isReference, type PrincipalFacts, resolveOperand, resolveValues } from "../conditions/operand.ts";

/** True on every row. */
const always: Condition = all();
/** True on no row. */
const never: Condition = any();

/** Is nothing left of it to ask a row? */
export function isAlways(condition: Condition): boolean {
  return condition.kind === "all" && condition.conditions.length === 0;
}

export function isNever(condition: Condition): boolean {
  return condition.kind === "any" && condition.conditions.length === 0;
}

/**
 * Fills in what is known of the principal; the time stays, for it moves on. On every row that can be decided, the result
 * is true where the condition is true for this principal.
 */
export function filled(condition: Condition | undefined, facts: PrincipalFacts): Condition {
  if (condition === undefined) return always;
  switch (condition.kind) {
    case "all":
    case "any":
      return junction(
        condition.kind,
        condition.conditions.map((branch) => filled(branch, facts)),
      );
    case "not": {
      const inner = filled(condition.condition, facts);
      if (isAlways(inner)) return never;
      return isNever(inner) ? always : not(inner);
    }
    case "related": {
      const inner = filled(condition.condition, facts);
      return isNever(inner) ? never : { ...condition, condition: inner };
    }
    default:
      return filledLeaf(condition, facts);
  }
}

function junction(kind: "all" | "any", branches: readonly Condition[]): Condition {
  const isNeutral = kind === "all" ? isAlways : isNever;
  const isDeciding = kind === "all" ? isNever : isAlways;
  if (branches.some(isDeciding)) return kind === "all" ? never : always;
  const left = branches.filter((branch) => !isNeutral(branch));
  const [only] = left;
  if (left.length === 1 && only !== undefined) return only;
  return kind === "all" ? all(...left) : any(...left);
}

/** What the principal has no value for is NULL, and a comparison with it false. */
function filledLeaf(leaf: Leaf, facts: PrincipalFacts): Condition {
  const fill = (operand: Operand): Operand | undefined => {
    if (operand.kind !== "principal") return operand;
    const value = resolveOperand(operand, leaf.type, facts, 0);
    return value === undefined ? undefined : { kind: "literal", value };
  };
  switch (leaf.kind) {
    case "null":
      return leaf;
    case "comparison": {
      const operand = leaf.operand.kind === "attribute" ? leaf.operand : fill(leaf.operand);
      return operand === undefined ? never : { ...leaf, operand };
    }
    case "text": {
      const operand = fill(leaf.operand);
      return operand?.kind === "literal" ? { ...leaf, operand } : never;
    }
    case "membership": {
      const values = isReference(leaf.values)
        ? resolveValues(leaf, facts, 0)?.map((value) =>
            value === undefined ? undefined : ({ kind: "literal", value } as const),
          )
        : leaf.values.map(fill);
      if (values === undefined) return never;
      const known = values.filter((value) => value !== undefined);
      if (leaf.operator === "notIn" && known.length < values.length) return never;
      if (known.length > 0) return { ...leaf, values: known };
      const { operator, values: _, ...subject } = leaf;
      return operator === "in" ? never : not({ ...subject, kind: "null" });
    }
  }
}
