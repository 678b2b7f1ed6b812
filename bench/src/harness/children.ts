/**
 * The child processes of one run. Whatever ends the run (its result, a failure, Ctrl-C) ends them all, by the
 * process ids started here and no others.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { BenchmarkFailure } from "./failure.ts";
import type { Pinning } from "./pinning.ts";

export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly process: ChildProcess;
  /** Rejects when the child ends before it is stopped, with what it wrote to stderr; never resolves. */
  readonly unexpectedEnd: Promise<never>;
}

interface ChildOptions {
  readonly name: string;
  /** A TypeScript module; Node runs it as it stands. */
  readonly module: URL;
  readonly args?: readonly string[];
  readonly core: number;
  /** Opens a message channel (`child.process.send`). Default: none. */
  readonly messages?: boolean;
}

export interface Children {
  start(options: ChildOptions): Promise<Child>;
  /** Resolves once every child has ended. */
  stopAll(): Promise<void>;
}

/** Long enough for a server without open work to end; then it is killed. */
const graceMs = 2_000;

/** What is kept of a child's stderr, to be shown if it fails. */
const maxErrorCharacters = 8_192;

/** No child outlives `signal`: once it is aborted, all are stopped and no more start. */
export function createChildren(pinning: Pinning, signal: AbortSignal): Children {
  const running = new Set<ChildProcess>();
  let stopping = signal.aborted;

  async function stopAll(): Promise<void> {
    stopping = true;
    await Promise.all([...running].map(stop));
  }
  signal.addEventListener("abort", () => void stopAll(), { once: true });

  return {
    stopAll,
    async start({ name, module, args = [], core, messages = false }) {
      if (stopping) throw new BenchmarkFailure(`The run has ended; ${name} is not started.`);
      const command = pinning.commandFor(core, [process.execPath, fileURLToPath(module), ...args]);
      const child = spawn(command[0] ?? process.execPath, command.slice(1), {
        // The child ends when its stdin does: should this process be killed outright, no server stays behind.
        stdio: ["pipe", "pipe", "pipe", ...(messages ? (["ipc"] as const) : [])],
        // Express, and whoever else looks, is measured as it is deployed.
        env: { ...process.env, NODE_ENV: "production" },
      });
      running.add(child);
      child.once("close", () => running.delete(child));
      const unexpectedEnd = watch(name, child, () => stopping);
      await Promise.race([once(child, "spawn"), unexpectedEnd]);
      if (child.pid === undefined) throw new BenchmarkFailure(`${name} has no process id.`);
      return { name, pid: child.pid, process: child, unexpectedEnd };
    },
  };
}

function watch(name: string, child: ChildProcess, isStopping: () => boolean): Promise<never> {
  let errors = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(-maxErrorCharacters);
  });
  const { promise, reject } = Promise.withResolvers<never>();
  child.once("error", (cause) => reject(new BenchmarkFailure(`${name} cannot be started.`, { cause })));
  child.once("close", (code, signal) => {
    const end = isStopping() ? "was stopped" : `ended by itself (${signal ?? `exit code ${code}`})`;
    reject(new BenchmarkFailure(errors === "" ? `${name} ${end}.` : `${name} ${end}:\n${errors.trimEnd()}`));
  });
  // Nobody may be waiting at the moment it ends; whoever waits later still gets the rejection.
  promise.catch(() => {});
  return promise;
}

async function stop(child: ChildProcess): Promise<void> {
  // Without a process id it never ran, and "close" never comes.
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "close");
  child.kill("SIGTERM");
  const grace = new AbortController();
  await Promise.race([ended, delay(graceMs, undefined, { signal: grace.signal }).catch(() => {})]);
  grace.abort();
  if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  await ended;
}
