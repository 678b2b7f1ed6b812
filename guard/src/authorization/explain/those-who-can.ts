/** Of a list of principals, those who may: decided for each, by the pipeline's own stages. */
import type { Security } from "../../contract/define-security.ts";
import { type Asker, createDecider, type Question, type Verdict } from "../../pipeline/decide.ts";
import { contractRoles, type ExplainOptions } from "./explain.ts";

/** A principal who may, and whether only with a stronger or fresher sign-in than none. */
export interface AbleAsker<Who extends Asker> {
  readonly principal: Who;
  readonly needsStepUp: boolean;
}

/**
 * Of these principals those who may, given the strongest and freshest sign-in, a policy aside. Decided by the pipeline's own stages.
 *
 * @throws {ContractError} `permission_unknown`, `option_invalid`
 */
export async function thoseWhoCan<Who extends Asker>(
  security: Security,
  question: Pick<Question, "permission" | "row" | "changes" | "nowMs">,
  principals: readonly Who[],
  { roles = contractRoles(security) }: ExplainOptions = {},
): Promise<readonly AbleAsker<Who>[]> {
  // A policy narrows further, and would be asked for each of them.
  const decider = createDecider(security, roles, { withoutPolicy: true });
  const nowMs = question.nowMs ?? Date.now();
  const acr = Object.keys(security.assurance.declared).at(-1);
  const able: AbleAsker<Who>[] = [];
  for (const principal of principals) {
    const ask = async (signIn: Pick<Question, "acr" | "authenticatedAtMs">): Promise<Verdict> =>
      (await decider.decide({ ...question, ...signIn, principal, nowMs })).verdict;
    const best = await ask({ acr, authenticatedAtMs: nowMs });
    if (best.effect === "deny") continue;
    const bare = await ask({});
    able.push({ principal, needsStepUp: bare.effect === "deny" });
  }
  return able;
}
