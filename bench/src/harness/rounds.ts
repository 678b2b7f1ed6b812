/**
 * Alternating rounds: one server is loaded at a time, each once per round, and the order rotates from round to round,
 * so that no server always runs first, or always after the same heat.
 */
import type { LoadGenerator } from "./load/generator.ts";
import type { LoadJob, LoadReport } from "./load/job.ts";
import type { Progress } from "./progress.ts";
import type { RunningServer } from "./server.ts";

export interface RoundsOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
  /** Every server answers at least this many requests before the first round. */
  readonly warmUpAnswers: number;
  readonly warmUpSeconds: number;
}

/** Load before each measured stretch: connections open, caches of the core filled again. */
const leadInMs = 200;

/** The reports of each server by its name, one per round and in the order of rounds. */
export async function runRounds(
  generator: LoadGenerator,
  servers: readonly RunningServer[],
  options: RoundsOptions,
  progress: Progress,
): Promise<ReadonlyMap<string, readonly LoadReport[]>> {
  const { rounds, seconds, connections, warmUpAnswers, warmUpSeconds } = options;
  const job: Omit<LoadJob, "port" | "serverPid" | "rotation"> = { connections, leadInMs, seconds };
  for (const server of servers) {
    progress.update(`warm-up: ${server.name}`);
    await generator.run(server, { ...job, seconds: warmUpSeconds, minAnswers: warmUpAnswers });
  }
  const reports = new Map(servers.map(({ name }) => [name, [] as LoadReport[]]));
  for (let round = 0; round < rounds; round++) {
    for (const server of rotate(servers, round)) {
      progress.update(`round ${round + 1}/${rounds}: ${server.name}`);
      reports.get(server.name)?.push(await generator.run(server, job));
    }
  }
  progress.clear();
  return reports;
}

/** `[a, b, c]` by one is `[b, c, a]`. */
export function rotate<Item>(items: readonly Item[], by: number): readonly Item[] {
  const start = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}
