/**
 * Compares servers that do the same work: starts them, has each prove that it does the work, loads them in alternating
 * rounds, and turns the reports into medians and ratios. A benchmark states only the servers, the requests and
 * the proof.
 */
import { existsSync } from "node:fs";
import { cpus } from "node:os";
import type { BenchmarkResult, RunOptions } from "./benchmark.ts";
import { createChildren } from "./children.ts";
import { BenchmarkFailure } from "./failure.ts";
import { ratesOf, type ServerFigures, summarize } from "./figures.ts";
import { startLoadGenerator } from "./load/generator.ts";
import type { LoadReport, LoadRequest } from "./load/job.ts";
import { detectPinning } from "./pinning.ts";
import { formatComparison } from "./report.ts";
import { type RoundsOptions, runRounds } from "./rounds.ts";
import { type RunningServer, startServer } from "./server.ts";

export interface ComparedServer {
  readonly name: string;
  /** The module that is the server's process; it calls `announceReady`. */
  readonly module: URL;
  /** The name of the ratio subject / this server, e.g. `toBare`. */
  readonly ratio?: string;
  /** The ratio is this server / subject. */
  readonly inverse?: true;
  /** What it is asked, where that is not what all are asked. */
  readonly requests?: readonly LoadRequest[];
  /** Measured, shown, but neither a result nor a target; says why it is measured at all. */
  readonly note?: string;
}

export interface Comparison {
  /** The server that the ratios are about. */
  readonly subject: string;
  readonly servers: readonly ComparedServer[];
  /** Arguments of every server. */
  readonly args: readonly string[];
  /** The rotation; the warm-up goes through it at least twice. */
  readonly requests: readonly LoadRequest[];
  readonly connections: number;
  readonly rounds: number;
  readonly seconds: number;
  /** Rejects with a `BenchmarkFailure` unless the server does the work that is to be measured. */
  prove(server: RunningServer): Promise<void>;
}

/**
 * Under load the plugin stacks went on gaining speed for about seven seconds, the bare route for two or three. A
 * shorter warm-up would flatter whoever has the least code.
 */
const maxWarmUpSeconds = 8;
const warmUpRotations = 2;

/** @throws {BenchmarkFailure} a server is unknown, missing, wrong, or broke under load */
export async function compareServers(comparison: Comparison, options: RunOptions): Promise<BenchmarkResult> {
  const chosen = chooseServers(comparison, options.only);
  const rounds = planRounds(comparison, options);
  const pinning = detectPinning();
  const children = createChildren(pinning, options.signal);
  try {
    const servers: RunningServer[] = [];
    for (const { name, module } of chosen) {
      options.progress.update(`starting: ${name}`);
      const server = await startServer(children, { name, module, args: comparison.args });
      await Promise.race([comparison.prove(server), server.unexpectedEnd]);
      servers.push(server);
    }
    const rotations = new Map(chosen.map(({ name, requests }) => [name, requests ?? comparison.requests]));
    const generator = await startLoadGenerator(children, rotations);
    const reports = await runRounds(generator, servers, rounds, options.progress);
    const figures = chosen.map((server) => summarize(server, reports, comparison.subject));
    return toResult(comparison, figures, reports, rounds, pinning.missing);
  } finally {
    options.progress.clear();
    await children.stopAll();
  }
}

function chooseServers(
  { servers }: Comparison,
  only: readonly string[] | undefined,
): readonly ComparedServer[] {
  const unknown = only?.find((name) => !servers.some((server) => server.name === name));
  if (unknown !== undefined) {
    const names = servers.map(({ name }) => name).join(", ");
    throw new BenchmarkFailure(`There is no server ${JSON.stringify(unknown)}; there are ${names}.`);
  }
  const chosen = servers.filter(({ name }) => only === undefined || only.includes(name));
  const missing = chosen.find(({ module }) => !existsSync(module));
  if (missing !== undefined) {
    throw new BenchmarkFailure(
      `The server ${missing.name} does not exist (${missing.module.pathname}); choose others with --servers.`,
    );
  }
  return chosen;
}

function planRounds(comparison: Comparison, { rounds, seconds }: RunOptions): RoundsOptions {
  const measuredSeconds = seconds ?? comparison.seconds;
  return {
    rounds: rounds ?? comparison.rounds,
    seconds: measuredSeconds,
    connections: comparison.connections,
    warmUpAnswers: comparison.requests.length * warmUpRotations,
    // A quick run is warmed up quickly, yet never with less than the rotations above.
    warmUpSeconds: Math.min(maxWarmUpSeconds, measuredSeconds * 12),
  };
}

function toResult(
  { subject, servers, requests }: Comparison,
  figures: readonly ServerFigures[],
  reports: ReadonlyMap<string, readonly LoadReport[]>,
  { rounds, seconds, connections, warmUpSeconds }: RoundsOptions,
  pinningMissing: string | undefined,
): BenchmarkResult {
  const ratioNames = new Map(servers.map(({ name, ratio }) => [name, ratio]));
  return {
    complete: figures.length === servers.length,
    servers: pick(figures, ({ name, note, requestsPerSecond }) =>
      note === undefined ? [name, Math.round(requestsPerSecond)] : undefined,
    ),
    ratios: pick(figures, ({ name, note, ratio }) => {
      const ratioName = ratioNames.get(name);
      return note === undefined && ratio !== undefined && ratioName !== undefined
        ? [ratioName, ratio]
        : undefined;
    }),
    details: {
      info: pick(figures, ({ name, note, requestsPerSecond, ratio }) =>
        note === undefined
          ? undefined
          : [name, { why: note, requestsPerSecond: Math.round(requestsPerSecond), ratio }],
      ),
      conditions: {
        processor: cpus()[0]?.model ?? "unknown",
        pinned: pinningMissing ?? true,
        rounds,
        secondsPerRound: seconds,
        warmUpSeconds,
        connections,
        requestsInRotation: requests.length,
      },
      serverCpuShare: pick(figures, ({ name, cpuShare }) =>
        cpuShare === undefined ? undefined : [name, cpuShare],
      ),
      loadCpuShare: pick(figures, ({ name, loadCpuShare }) => [name, loadCpuShare]),
      rounds: Object.fromEntries([...reports].map(([name, own]) => [name, ratesOf(own).map(Math.round)])),
    },
    report: formatComparison(subject, figures, pinningMissing),
  };
}

function pick<Value>(
  figures: readonly ServerFigures[],
  entryOf: (figures: ServerFigures) => readonly [string, Value] | undefined,
): Record<string, Value> {
  return Object.fromEntries(figures.map(entryOf).filter((entry) => entry !== undefined));
}
