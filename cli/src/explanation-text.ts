/** Explanations as text for a terminal. What they quote is already free of what would move its cursor. */
import {
  type ConditionTrace,
  type Explanation,
  type GrantFinding,
  nameText,
  quoteText,
} from "@bulwark/guard/explain";

/** @param traces Also every branch of every condition, with its value. */
export function explanationText(explanation: Explanation, { traces }: { readonly traces: boolean }): string {
  const {
    effect,
    code,
    by,
    reason,
    because,
    grants,
    reading,
    permission,
    unknownRoles,
    scopes,
    values,
    policy,
  } = explanation;
  const findings = (title: string, found: readonly GrantFinding[]) =>
    found.length === 0 ? [] : ["", `  ${title}`, ...found.flatMap((one) => findingLines(one, traces))];
  return [
    `${effect} (${code}, by the stage ${by})`,
    reason,
    ...because.map((line) => `  - ${line}`),
    ...findings(permission, grants),
    ...findings(`${permission.split(":")[0]}:read, for the row must be readable`, reading),
    ...(policy === undefined ? [] : ["", `  ${policyText(policy)}`]),
    ...(scopes === undefined
      ? []
      : ["", `  the credential is limited to: ${scopes.join(", ") || "nothing"}`]),
    ...(unknownRoles.length === 0
      ? []
      : ["", `  roles that nobody declares: ${unknownRoles.map(nameText).join(", ")}`]),
    ...(values === undefined ? [] : ["", `  would write: ${quoteValues(values)}`]),
  ].join("\n");
}

function policyText({ engine, outcome, reason, code, leaves }: NonNullable<Explanation["policy"]>): string {
  const word = code === undefined ? "" : ` (${code})`;
  const why = reason === undefined ? "" : `: ${reason}`;
  return `policy ${nameText(engine)}: ${outcome}${word}${why}${leaves === undefined ? "" : `, leaves ${leaves}`}`;
}

function findingLines(finding: GrantFinding, traces: boolean): readonly string[] {
  const { effect, role, via, where, outcome, fields, demand, trace, traceAfter } = finding;
  const whose = role === undefined ? "direct" : via.map(nameText).join(" → ");
  const details = [
    ...(fields === undefined ? [] : [`not ${fields.map(nameText).join(", ")}`]),
    ...(demand === undefined ? [] : [demandText(demand)]),
  ];
  const line = `    ${outcome.padEnd(11)} ${effect} ${whose}: ${where}${details.length === 0 ? "" : ` (${details.join("; ")})`}`;
  if (!traces) return [line];
  return [
    line,
    ...(trace === undefined ? [] : traceLines(trace, 18)),
    ...(traceAfter === undefined ? [] : [`${" ".repeat(16)}after the write`, ...traceLines(traceAfter, 18)]),
  ];
}

function demandText({ assurance, maxAge, met }: NonNullable<GrantFinding["demand"]>): string {
  const wanted = [assurance, maxAge === undefined ? undefined : `within ${maxAge}`].filter(Boolean).join(" ");
  return `demands ${wanted}: ${met ? "met" : "not met"}`;
}

function traceLines(
  { text, value, compared, children, problem }: ConditionTrace,
  depth: number,
): readonly string[] {
  const found = value === null ? `undecidable: ${problem}` : String(value);
  const what = compared === undefined ? "" : ` (the row has ${compared.row}, compared with ${compared.with})`;
  return [
    `${" ".repeat(depth)}${found}  ${text}${what}`,
    ...children.flatMap((child) => traceLines(child, depth + 2)),
  ];
}

/** A row's or a write's values on one line. */
export function quoteValues(values: Readonly<Record<string, unknown>>): string {
  const parts = Object.entries(values).map(([name, value]) => `${nameText(name)}: ${quoteValue(value)}`);
  return `{ ${parts.join(", ")} }`;
}

function quoteValue(value: unknown): string {
  if (typeof value === "string") return quoteText(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "no date" : value.toISOString();
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return quoteValues(value as Readonly<Record<string, unknown>>);
  }
  return quoteText(JSON.stringify(value) ?? String(value)).slice(1, -1);
}
