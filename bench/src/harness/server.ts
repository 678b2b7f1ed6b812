/**
 * Both ends of starting a server under test. The server listens on a port of its own choosing and writes one line
 * to stdout, `{"ready":true,"port":40123}`; until then no load is sent.
 */
import type { Server } from "node:http";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import type { Child, Children } from "./children.ts";
import { BenchmarkFailure } from "./failure.ts";
import { cores } from "./pinning.ts";

export interface RunningServer {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  /** Rejects when the server ends before it is stopped. */
  readonly unexpectedEnd: Promise<never>;
}

/** All servers listen here: no name look-up, no network but the loopback. */
export const host = "127.0.0.1";

const readyWithinMs = 15_000;

/**
 * Called in the server's process once `server` listens: writes the ready line, and ends the process when stdin ends.
 *
 * @throws {TypeError} the server listens on no port
 */
export function announceReady(server: Server): void {
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("The server listens on no port.");
  process.stdout.write(`${JSON.stringify({ ready: true, port: address.port })}\n`);
  process.stdin.on("end", () => process.exit()).resume();
}

/**
 * Called by the harness: starts a server on the server core and waits for its ready line.
 *
 * @throws {BenchmarkFailure} it ended, or was not ready in time
 */
export async function startServer(
  children: Children,
  options: { readonly name: string; readonly module: URL; readonly args?: readonly string[] },
): Promise<RunningServer> {
  const child = await children.start({ ...options, core: cores.server });
  const late = new AbortController();
  try {
    const port = await Promise.race([
      readReadyPort(child),
      child.unexpectedEnd,
      delay(readyWithinMs, undefined, { signal: late.signal }).then(() => {
        throw new BenchmarkFailure(`${options.name} was not ready within ${readyWithinMs / 1_000} s.`);
      }),
    ]);
    return { name: options.name, pid: child.pid, port, unexpectedEnd: child.unexpectedEnd };
  } finally {
    late.abort();
  }
}

async function readReadyPort({ name, process: { stdout } }: Child): Promise<number> {
  if (stdout === null) throw new BenchmarkFailure(`${name} has no stdout.`);
  const { promise, resolve } = Promise.withResolvers<number>();
  // Lines are read to the end of the process: a full pipe would stop a server that goes on writing.
  createInterface({ input: stdout }).on("line", (line) => {
    const port = parseReadyLine(line);
    if (port !== undefined) resolve(port);
  });
  return promise;
}

function parseReadyLine(line: string): number | undefined {
  if (!line.startsWith('{"ready":true')) return undefined;
  const { port }: { port?: unknown } = JSON.parse(line);
  return typeof port === "number" ? port : undefined;
}
