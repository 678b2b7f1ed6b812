/**
 * The ratios a benchmark must reach, from `targets.json`, and the check of a result against them. A ratio that was
 * not measured is a miss: a check that passes because nothing ran would prove nothing.
 */
import { readFile } from "node:fs/promises";
import { BenchmarkFailure } from "./failure.ts";

/** What passes: at least this, or, where less is better, at most. */
type Target = number | { readonly most: number };

/** Ratio name to what passes. */
export type Targets = Readonly<Record<string, Target>>;

export type Ratios = Readonly<Record<string, number>>;

export interface Miss {
  readonly ratio: string;
  readonly target: Target;
  /** `undefined`: the run did not measure it. */
  readonly measured: number | undefined;
}

/**
 * Reads the targets of one benchmark.
 *
 * @throws {BenchmarkFailure} the file is not `{ benchmark: { ratio: target } }`, or names no target for this one
 */
export async function readTargets(file: URL, benchmark: string): Promise<Targets> {
  const all: unknown = JSON.parse(await readFile(file, "utf8"));
  const targets = isRecord(all) && Object.hasOwn(all, benchmark) ? all[benchmark] : undefined;
  if (!isTargets(targets)) {
    throw new BenchmarkFailure(
      `${file.pathname} states no targets (ratio names with numbers) for ${benchmark}.`,
    );
  }
  return targets;
}

/** The targets that `ratios` does not reach, in the order they are stated. */
export function checkTargets(ratios: Ratios, targets: Targets): readonly Miss[] {
  return Object.entries(targets).flatMap(([ratio, target]) => {
    const measured = Object.hasOwn(ratios, ratio) ? ratios[ratio] : undefined;
    return measured !== undefined && passes(measured, target) ? [] : [{ ratio, target, measured }];
  });
}

/** A NaN passes nothing. */
function passes(measured: number, target: Target): boolean {
  return typeof target === "number" ? measured >= target : measured <= target.most;
}

/** `toBare is 0.61, its target is 0.7`. */
export function describeMiss({ ratio, target, measured }: Miss): string {
  const limit = typeof target === "number" ? target : `at most ${target.most}`;
  return measured === undefined
    ? `${ratio} was not measured, its target is ${limit}`
    : `${ratio} is ${measured.toFixed(3)}, its target is ${limit}`;
}

function isTargets(value: unknown): value is Targets {
  return isRecord(value) && Object.keys(value).length > 0 && Object.values(value).every(isTarget);
}

function isTarget(value: unknown): value is Target {
  const limit = isRecord(value) && Object.keys(value).length === 1 ? value.most : value;
  return typeof limit === "number" && Number.isFinite(limit);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
