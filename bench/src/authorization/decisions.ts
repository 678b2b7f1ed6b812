/** Decisions a second, engine by engine, in alternating rounds: what slows the machine slows all alike. */
import { BenchmarkFailure } from "../harness/failure.ts";
import type { Progress } from "../harness/progress.ts";
import { rotate } from "../harness/rounds.ts";
import { median, medianRatio } from "../harness/statistics.ts";
import { casbin } from "./engines/casbin.ts";
import { casl } from "./engines/casl.ts";
import { cedar } from "./engines/cedar.ts";
import { guard } from "./engines/guard.ts";
import { opa } from "./engines/opa.ts";
import { type Engine, isAllowed, people, questions, rows } from "./questions.ts";

const engines = [guard, casl, casbin, cedar, opa] as unknown as readonly Engine[];

export interface DecisionFigures {
  readonly name: string;
  readonly ratio: string;
  readonly decisionsPerSecond: number;
  /** The guard's rate over this one's: the median of the rounds'. */
  readonly guardIs: number;
}

/** Decides for so long. @returns decisions a second */
type Rate = (forMs: number) => number;

interface Contestant {
  readonly engine: Engine;
  readonly rate: Rate;
}

/** Long enough that the slowest engine decides thousands. */
const roundMs = 150;
const warmUpMs = 600;
/** Decisions between two looks at the clock. */
const turnsBetweenLooks = 64;

/**
 * @param only These engines by name; `undefined`: all.
 * @throws {BenchmarkFailure} an engine is unknown, or answers otherwise than the rules say
 */
export async function measureDecisions(
  rounds: number,
  only: readonly string[] | undefined,
  progress: Progress,
): Promise<readonly DecisionFigures[]> {
  const unknown = only?.find((name) => !engines.some((engine) => engine.name === name));
  if (unknown !== undefined) {
    const names = engines.map(({ name }) => name).join(", ");
    throw new BenchmarkFailure(`There is no engine ${JSON.stringify(unknown)}; there are ${names}.`);
  }
  const contestants: Contestant[] = [];
  for (const engine of engines) {
    if (only !== undefined && !only.includes(engine.name)) continue;
    progress.update(`preparing: ${engine.name}`);
    const rate = await start(engine);
    if (rate !== undefined) contestants.push({ engine, rate });
  }
  const rates = new Map(contestants.map(({ engine }) => [engine.name, [] as number[]]));
  for (let round = 0; round < rounds; round += 1) {
    progress.update(`decisions: round ${round + 1}/${rounds}`);
    for (const { engine, rate } of rotate(contestants, round)) rates.get(engine.name)?.push(rate(roundMs));
  }
  const own = rates.get(guard.name) ?? [];
  return contestants.map(({ engine: { name, ratio } }) => {
    const measured = rates.get(name) ?? [];
    return {
      name,
      ratio,
      decisionsPerSecond: median(measured),
      guardIs: own.length === 0 ? Number.NaN : medianRatio(own, measured),
    };
  });
}

/** Prepares an engine, proves that it decides as the rules say, and warms it up. */
async function start(engine: Engine): Promise<Rate | undefined> {
  const prepared = await engine.prepare(people, rows);
  if (prepared === undefined) return undefined;
  const asked = questions.map((question) => prepared.bind(question));
  const wrong = questions.find((question, index) => prepared.decide(asked[index]) !== isAllowed(question));
  if (wrong !== undefined) {
    const { person, action, row } = wrong;
    throw new BenchmarkFailure(
      `${engine.name} was to answer ${isAllowed(wrong)} to ${person.role} ${person.id}, ${action} ${JSON.stringify(row)}.`,
    );
  }
  const rate: Rate = (forMs) => {
    let decided = 0;
    let allowed = 0;
    let elapsedMs = 0;
    const started = performance.now();
    do {
      for (let turn = 0; turn < turnsBetweenLooks; turn += 1) {
        if (prepared.decide(asked[(decided + turn) % asked.length])) allowed += 1;
      }
      decided += turnsBetweenLooks;
      elapsedMs = performance.now() - started;
    } while (elapsedMs < forMs);
    // What is never used would not have to be decided.
    if (allowed === 0) throw new BenchmarkFailure("Nothing was allowed.");
    return (decided * 1_000) / elapsedMs;
  };
  rate(warmUpMs);
  return rate;
}
