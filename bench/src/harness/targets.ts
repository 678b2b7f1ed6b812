/**
 * The ratios a benchmark must reach, from `targets.json`, and the check of a result against them. A ratio that was
 * not measured is a miss: a check that passes because nothing ran would prove nothing.
 */
import { readFile } from "node:fs/promises";
import { BenchmarkFailure } from "./failure.ts";

/** Ratio name to the least value that passes. */
export type Targets = Readonly<Record<string, number>>;

export type Ratios = Readonly<Record<string, number>>;

export interface Miss {
  readonly ratio: string;
  readonly target: number;
  /** `undefined`: the run did not measure it. */
  readonly measured: number | undefined;
}

/**
 * Reads the targets of one benchmark.
 *
 * @throws {BenchmarkFailure} the file is not `{ benchmark: { ratio: number } }`, or names no target for this one
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
    // Written as "not at least", so that a NaN is a miss.
    return measured !== undefined && measured >= target ? [] : [{ ratio, target, measured }];
  });
}

/** `toBare is 0.61, its target is 0.7`. */
export function describeMiss({ ratio, target, measured }: Miss): string {
  return measured === undefined
    ? `${ratio} was not measured, its target is ${target}`
    : `${ratio} is ${measured.toFixed(3)}, its target is ${target}`;
}

function isTargets(value: unknown): value is Targets {
  return (
    isRecord(value) &&
    Object.keys(value).length > 0 &&
    Object.values(value).every((target) => typeof target === "number" && Number.isFinite(target))
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
