/** What a comparison found, as text. */

import { nameText } from "@bulwark/guard/explain";
import { quoteValues } from "../explanation-text.ts";
import type { Difference, ShortVerdict } from "./compare.ts";

export interface Compared {
  /** Recorded decisions, and how many of them no rule can decide again. */
  readonly recorded: number;
  readonly undecidable: number;
  /** Recorded decisions that the contract in force decides otherwise: how often, by `recorded -> now`. */
  readonly drifted: Readonly<Record<string, number>>;
  /** Rows, each for a principal and a permission. */
  readonly rows: number;
  readonly differences: readonly Difference[];
}

const mostShown = 200;

const titles: Readonly<Record<Difference["kind"], string>> = Object.freeze({
  gains: "Gains: denied now, allowed by the candidate",
  loses: "Loses: allowed now, denied by the candidate",
  changed: "Otherwise different",
});

export function differencesText({ recorded, undecidable, drifted, rows, differences }: Compared): string {
  const shown = differences.slice(0, mostShown);
  const lines: string[] = [`Compared: ${recorded} recorded decisions, ${rows} of rows.`];
  if (undecidable > 0)
    lines.push(`${undecidable} recorded decisions were about no row that was there, or no valid input.`);
  for (const [way, count] of Object.entries(drifted)) {
    lines.push(
      `${count} recorded decisions are otherwise by the contract in force already: ${nameText(way)}.`,
    );
  }
  for (const [kind, title] of Object.entries(titles)) {
    const ofKind = shown.filter((one) => one.kind === kind);
    if (ofKind.length > 0) lines.push("", title, ...ofKind.flatMap(differenceLines));
  }
  if (shown.length < differences.length)
    lines.push("", `… ${differences.length - shown.length} more: see --json.`);
  lines.push("", differences.length === 0 ? "Nothing is decided differently." : summaryOf(differences));
  return lines.join("\n");
}

function differenceLines(difference: Difference): readonly string[] {
  const { principal, permission, before, after, count, example, why, because } = difference;
  const { row, changes } = example;
  const shown = [...(row === undefined ? [] : [quoteValues(row)]), ...changesText(changes)].join(" with ");
  return [
    `  ${principal.kind} ${nameText(principal.id)} (${principal.roles.map(nameText).join(", ") || "no role"}) ${permission}: ${verdictText(before)} -> ${verdictText(after)}, ${count} ${count === 1 ? "time" : "times"}`,
    ...(shown === "" ? [] : [`    as on ${shown}`]),
    `    ${why}`,
    ...because.map((line) => `    - ${line}`),
  ];
}

function changesText(changes: unknown): readonly string[] {
  return typeof changes === "object" && changes !== null
    ? [quoteValues(changes as Readonly<Record<string, unknown>>)]
    : [];
}

function verdictText({ effect, code }: ShortVerdict): string {
  return effect === "allow" ? "allow" : `deny ${code}`;
}

function summaryOf(differences: readonly Difference[]): string {
  const count = (kind: Difference["kind"]) => differences.filter((one) => one.kind === kind).length;
  return `${count("gains")} gained, ${count("loses")} lost, ${count("changed")} otherwise different.`;
}
