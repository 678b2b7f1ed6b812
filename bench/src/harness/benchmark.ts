/** What `main.ts` knows of a benchmark: its name, what it needs to run, and what it gives back. */
import type { Progress } from "./progress.ts";
import type { Ratios } from "./targets.ts";

export interface RunOptions {
  /** Rounds per server; `undefined`: the benchmark's own number. */
  readonly rounds: number | undefined;
  /** Measured seconds per server and round; `undefined`: the benchmark's own. */
  readonly seconds: number | undefined;
  /** Only these servers; `undefined`: all. */
  readonly only: readonly string[] | undefined;
  readonly progress: Progress;
  /** Ends the run and all its processes. */
  readonly signal: AbortSignal;
}

export interface Benchmark {
  /** @throws {BenchmarkFailure} the run cannot be trusted or finished */
  run(options: RunOptions): Promise<BenchmarkResult>;
}

export interface BenchmarkResult {
  /** Whether nothing was left out; only a complete result is written to `results/`. */
  readonly complete: boolean;
  /** Median requests per second by server name. */
  readonly servers: Readonly<Record<string, number>>;
  readonly ratios: Ratios;
  /** What else belongs in the result file: conditions, rounds, informational figures. */
  readonly details: Readonly<Record<string, unknown>>;
  /** For the terminal. */
  readonly report: string;
}
