/** An explanation in one sentence, with the comparisons behind it. */
import type { Verdict } from "../../pipeline/decide.ts";
import { cleanText, nameText } from "./condition-text.ts";
import type { GrantFinding } from "./findings.ts";
import type { PolicyFinding } from "./policy-finding.ts";
import { decisiveIn } from "./trace.ts";

export interface Found {
  readonly permission: string;
  readonly grants: readonly GrantFinding[];
  readonly reading: readonly GrantFinding[];
  readonly roles: readonly string[];
  readonly policy: PolicyFinding | undefined;
}

export interface Sentence {
  readonly reason: string;
  readonly because: readonly string[];
}

/** What decided, in one sentence, with the comparisons behind it. */
export function sentence(
  { effect, code, by, reason, fields }: Verdict,
  { permission, grants, reading, roles, policy }: Found,
): Sentence {
  const counted = grants.find(({ outcome }) => outcome === "covers" || outcome === "grants");
  if (effect === "allow") {
    if (counted === undefined) return { reason: `${permission} is allowed.`, because: [] };
    return {
      reason: `${named(counted)} allows ${permission} on ${counted.where}.`,
      because: comparisons([counted]),
    };
  }
  if (by === "policy") {
    const answer = code === "unavailable" ? "gives no answer" : "denies it";
    return {
      reason: `The policy ${nameText(policy?.engine ?? "")} ${answer}: ${policy?.reason ?? cleanText(reason)}.`,
      because: counted === undefined ? [] : comparisons([counted]),
    };
  }
  switch (code) {
    case "permission_denied":
      return { reason: notAtAll(permission, grants, roles), because: [] };
    case "step_up_needed":
      return { reason: `The sign-in is not strong or fresh enough: ${reason}.`, because: [] };
    case "fields_denied":
      return {
        reason: `No grant of ${permission} that covers the row lets ${fields.map(nameText).join(", ")} be set.`,
        because: comparisons(grants.filter(({ outcome }) => outcome === "fields")),
      };
    case "not_found":
      return refusedOnRow(`The row may not be read`, reading.length > 0 ? reading : grants, permission);
    case "row_denied":
      return refusedOnRow(`${permission} is not allowed on the row`, grants, permission);
    default:
      return { reason: `${cleanText(reason)}.`, because: [] };
  }
}

function refusedOnRow(what: string, findings: readonly GrantFinding[], permission: string) {
  const barring = findings.filter(({ outcome }) => outcome === "bars");
  if (barring.length > 0 && findings.some(({ outcome }) => outcome === "barred")) {
    return {
      reason: `${what}: ${barring.map(named).join(", ")} bars ${barring.map(({ where }) => where).join("; ")}.`,
      because: comparisons(barring),
    };
  }
  const allows = findings.filter(({ effect }) => effect === "allow");
  if (allows.length === 0) {
    const read = findings[0]?.permission ?? permission;
    return { reason: `${what}: nothing grants ${read}.`, because: [] };
  }
  return { reason: `${what}: ${allows.map(whyNot).join("; ")}.`, because: comparisons(allows) };
}

function notAtAll(permission: string, grants: readonly GrantFinding[], roles: readonly string[]): string {
  const barring = grants.find(({ outcome }) => outcome === "bars");
  if (barring !== undefined) return `${named(barring)} bars ${permission} on every row.`;
  if (grants.some(({ outcome }) => outcome === "scope")) {
    return `The credential's scopes do not include ${permission}.`;
  }
  const held = roles.length === 0 ? "no role" : `the roles ${roles.map(nameText).join(", ")}`;
  return `Nothing grants ${permission} to who holds ${held}.`;
}

const outcomeTexts: Readonly<Partial<Record<GrantFinding["outcome"], string>>> = Object.freeze({
  row: "does not cover it",
  undecidable: "cannot be decided on it",
  claim: "sets a claim that the principal does not have",
  fields: "does not let the fields be set",
  after: "does not cover it as the write would leave it",
  demand: "demands another sign-in",
  scope: "is outside the credential's scopes",
  barred: "is barred",
});

function whyNot(finding: GrantFinding): string {
  return `${named(finding)} (${finding.where}) ${outcomeTexts[finding.outcome] ?? "does not count"}`;
}

function named({ role, via, effect }: GrantFinding): string {
  if (role === undefined) return effect === "deny" ? "a direct denial" : "a direct grant";
  const [held] = via;
  return held === undefined || held === role
    ? `role ${nameText(role)}`
    : `role ${nameText(role)} (held as ${via.map(nameText).join(" → ")})`;
}

function comparisons(findings: readonly GrantFinding[]): readonly string[] {
  const traces = findings.flatMap(({ outcome, trace, traceAfter }) => {
    const decided = outcome === "after" || trace === undefined ? traceAfter : trace;
    return decided === undefined ? [] : decisiveIn(decided);
  });
  return [...new Set(traces)];
}
