/**
 * What an OPA decision says: `true`, `false`, or `{ allow, reason, code, hide }`.
 *
 * A document that says more is refused: whoever wrote `{ "allow": true, "obligations": […] }` allowed under a condition
 * that nobody here would keep.
 */
import type { PolicyDecision } from "../engine.ts";

const known = ["allow", "reason", "code", "hide"];

/**
 * Reads a decision.
 *
 * @param document `undefined`: the decision is undefined.
 * @param decision Its path, for the log.
 * @throws {Error} where it says anything else.
 */
export function readDecisionDocument(
  document: unknown,
  decision: string,
  decisionId?: string,
): PolicyDecision {
  const id = decisionId === undefined ? {} : { decisionId };
  if (document === undefined) throw new Error(`\`${decision}\` is undefined`);
  if (typeof document === "boolean") {
    return { effect: document ? "allow" : "deny", reason: `\`${decision}\` is ${document}`, ...id };
  }
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    throw new Error(`\`${decision}\` is neither a boolean nor an object`);
  }
  const unknown = Object.keys(document).find((key) => !known.includes(key));
  if (unknown !== undefined) throw new Error(`\`${decision}\` says more than is understood`);
  const own = (key: string): unknown =>
    Object.hasOwn(document, key) ? (document as Readonly<Record<string, unknown>>)[key] : undefined;
  const allow = own("allow");
  if (typeof allow !== "boolean") throw new Error(`\`${decision}\` does not say whether it allows`);
  const reason = own("reason");
  // The engine's answer is checked whole by who asked: what is of a wrong type here is refused there.
  return {
    effect: allow ? "allow" : "deny",
    reason: (reason === undefined ? `\`${decision}\` is ${allow}` : reason) as string,
    code: own("code") as string | undefined,
    hide: own("hide") as boolean | undefined,
    ...id,
  };
}
