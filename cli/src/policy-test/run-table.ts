/** Runs a table of decisions: what is expected, against what the rule answers. */
import type { Explain, Explanation } from "@bulwark/guard/explain";
import type { Expectation, ExpectedDecision } from "./read-table.ts";

export interface TestedDecision {
  readonly decision: ExpectedDecision;
  readonly explanation: Explanation;
  /** What is otherwise than expected; `undefined`: nothing is. */
  readonly difference: string | undefined;
}

export async function runTable(
  decisions: readonly ExpectedDecision[],
  explain: Explain,
): Promise<readonly TestedDecision[]> {
  const tested: TestedDecision[] = [];
  for (const decision of decisions) {
    const explanation = await explain(decision.question);
    tested.push({ decision, explanation, difference: differenceOf(decision.expect, explanation) });
  }
  return tested;
}

function differenceOf(
  expect: Expectation,
  { effect, code, fields, grants, policy }: Explanation,
): string | undefined {
  const was = effect === "allow" ? "allow" : `deny ${code}`;
  const wanted = expect.effect === "allow" ? "allow" : `deny ${expect.code}`;
  if (was !== wanted) return `expected ${wanted}, and it is ${was}`;
  if (expect.role !== undefined) {
    const allowing = grants
      .filter(({ outcome }) => outcome === "covers" || outcome === "grants")
      .map(({ role }) => role ?? "a direct grant");
    if (!allowing.includes(expect.role)) {
      return `expected to be allowed by the role ${expect.role}, and it is by ${allowing.join(", ")}`;
    }
  }
  if (expect.fields !== undefined && !isSameSet(expect.fields, fields)) {
    return `expected the fields ${expect.fields.join(", ")} to be refused, and it is ${fields.join(", ")}`;
  }
  if (expect.policy !== undefined && expect.policy !== policy?.code) {
    return `expected the policy to say ${expect.policy}, and it says ${policy?.code ?? "nothing"}`;
  }
  return undefined;
}

function isSameSet(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((item) => other.includes(item));
}
