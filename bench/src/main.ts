/**
 * `npm run bench -- <benchmark>`: measures, shows a table, and writes `bench/results/<benchmark>.json`.
 *
 * Exit codes: 0 done; 1 the run failed, or with `--check` a ratio misses its target; 2 the call was wrong;
 * 130 or 143 interrupted.
 */
import { constants } from "node:os";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { authorization } from "./authorization/benchmark.ts";
import { credentials } from "./credentials/benchmark.ts";
import type { Benchmark } from "./harness/benchmark.ts";
import { BenchmarkFailure } from "./harness/failure.ts";
import { createProgress } from "./harness/progress.ts";
import { writeResult } from "./harness/results.ts";
import { checkTargets, describeMiss, readTargets } from "./harness/targets.ts";
import { request } from "./request/benchmark.ts";

/** To add a benchmark is to add a row here, and its targets to `targets.json`. */
const benchmarks: Readonly<Record<string, Benchmark>> = { request, credentials, authorization };

const resultsFolder = new URL("../results/", import.meta.url);
const targetsFile = new URL("../targets.json", import.meta.url);

const usage = `npm run bench -- <benchmark> [options]

  benchmarks         ${Object.keys(benchmarks).join(", ")}
  --check            exit 1 if a ratio misses its target in bench/targets.json
  --rounds <n>       rounds per server
  --seconds <s>      measured seconds per server and round
  --servers <a,b>    only these servers; the result is shown, not written`;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const call = readCall(args);
  if ("exitCode" in call) {
    process.stderr.write(`${call.message}\n`);
    return call.exitCode;
  }
  const interruption = new AbortController();
  let interruptedBy: NodeJS.Signals | undefined;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      interruptedBy = signal;
      interruption.abort();
    });
  }
  try {
    return await measure(call, interruption.signal);
  } catch (cause) {
    if (interruptedBy !== undefined) {
      process.stderr.write("Interrupted; nothing was written.\n");
      return 128 + constants.signals[interruptedBy];
    }
    if (!(cause instanceof BenchmarkFailure)) throw cause;
    process.stderr.write(`${cause.message}\n`);
    return 1;
  }
}

interface Call {
  readonly name: string;
  readonly benchmark: Benchmark;
  readonly check: boolean;
  readonly rounds: number | undefined;
  readonly seconds: number | undefined;
  readonly only: readonly string[] | undefined;
}

interface CallRefusal {
  readonly exitCode: number;
  readonly message: string;
}

async function measure({ name, benchmark, check, ...options }: Call, signal: AbortSignal): Promise<number> {
  // Read before the run: minutes of load for a missing target would be lost.
  const targets = check ? await readTargets(targetsFile, name) : {};
  const result = await benchmark.run({ ...options, progress: createProgress(process.stderr), signal });
  process.stdout.write(`${result.report}\n\n`);

  if (result.complete) {
    const file = await writeResult(resultsFolder, name, result, new Date());
    process.stdout.write(`Written to ${relative(process.cwd(), fileURLToPath(file))}.\n`);
  } else {
    process.stdout.write("Not written: servers were left out.\n");
  }
  const misses = checkTargets(result.ratios, targets);
  for (const miss of misses) process.stderr.write(`Missed: ${describeMiss(miss)}.\n`);
  return misses.length > 0 ? 1 : 0;
}

function readCall(args: readonly string[]): Call | CallRefusal {
  const refuse = (message: string, exitCode = 2): CallRefusal => ({ exitCode, message });
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        check: { type: "boolean", default: false },
        rounds: { type: "string" },
        seconds: { type: "string" },
        servers: { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) return refuse(usage, 0);
    const [name, ...rest] = positionals;
    if (name === undefined || rest.length > 0) return refuse(`Name one benchmark.\n\n${usage}`);
    const benchmark = Object.hasOwn(benchmarks, name) ? benchmarks[name] : undefined;
    if (benchmark === undefined) {
      return refuse(
        `There is no benchmark ${JSON.stringify(name)}; there are: ${Object.keys(benchmarks).join(", ")}.`,
      );
    }
    return {
      name,
      benchmark,
      check: values.check,
      rounds: readNumber("--rounds", values.rounds, Number.isSafeInteger),
      seconds: readNumber("--seconds", values.seconds, Number.isFinite),
      only: values.servers?.split(","),
    };
  } catch (cause) {
    // parseArgs and readNumber throw TypeErrors whose messages are written for the operator.
    if (cause instanceof TypeError) return refuse(`${cause.message}\n\n${usage}`);
    throw cause;
  }
}

function readNumber(
  option: string,
  text: string | undefined,
  accepts: (value: number) => boolean,
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!accepts(value) || value <= 0) throw new TypeError(`${option} ${text}: a number above 0 is needed.`);
  return value;
}
