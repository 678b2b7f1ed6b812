/** What the policy engine came to in one decision. */
import type { Security } from "../../contract/define-security.ts";
import type { DecidedQuestion } from "../../pipeline/decide.ts";
import { cleanText, describeCondition } from "./condition-text.ts";

export interface PolicyFinding {
  readonly engine: string;
  /** `not asked`: it was decided before, or nothing that was asked about is for it to decide. */
  readonly outcome: "allows" | "denies" | "unavailable" | "not asked";
  /** Its reason, where it does not allow. */
  readonly reason?: string;
  /** Its own word for that. */
  readonly code?: string;
  /** Of a list, the rows that it leaves, as text. */
  readonly leaves?: string;
}

export function policyFinding(
  { policy }: Security,
  permission: string,
  { verdict, asksPolicy, policyReach }: DecidedQuestion,
): PolicyFinding | undefined {
  if (policy === undefined || !policy.appliesTo(permission)) return undefined;
  const { name: engine } = policy;
  const { effect, by, code, policyCode } = verdict;
  if (by === "policy" && effect === "deny") {
    // The guard's log names the engine before its reason.
    const said = verdict.reason.startsWith(`${engine}: `)
      ? verdict.reason.slice(engine.length + 2)
      : verdict.reason;
    const reason = cleanText(said);
    const outcome = code === "unavailable" ? "unavailable" : "denies";
    return { engine, outcome, reason, ...(policyCode === undefined ? {} : { code: policyCode }) };
  }
  if (!asksPolicy || effect === "deny") return { engine, outcome: "not asked" };
  if (policyReach === undefined) return { engine, outcome: "allows" };
  const reaches = { all: "every row", none: "no row" } as const;
  const leaves = typeof policyReach === "string" ? reaches[policyReach] : describeCondition(policyReach);
  return { engine, outcome: "allows", leaves };
}
