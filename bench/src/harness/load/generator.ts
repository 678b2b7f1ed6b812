/** The load generator as the harness sees it: a child process on the load core that runs one job at a time. */
import { setTimeout as delay } from "node:timers/promises";
import type { Child, Children } from "../children.ts";
import { BenchmarkFailure } from "../failure.ts";
import { cores } from "../pinning.ts";
import type { RunningServer } from "../server.ts";
import type { LoadCommand, LoadEvent, LoadJob, LoadReport, LoadRequest } from "./job.ts";

export interface LoadGenerator {
  /**
   * Loads one server.
   *
   * @throws {BenchmarkFailure} an answer was not the expected one, or either process ended
   */
  run(server: RunningServer, job: Omit<LoadJob, "port" | "serverPid" | "rotation">): Promise<LoadReport>;
}

const noticeEndMs = 200;

/** Starts the generator and hands it the rotations by name; they carry credentials and so never touch the disk. */
export async function startLoadGenerator(
  children: Children,
  rotations: ReadonlyMap<string, readonly LoadRequest[]>,
): Promise<LoadGenerator> {
  const module = new URL("./process.ts", import.meta.url);
  const child = await children.start({ name: "load generator", module, core: cores.load, messages: true });
  for (const [rotation, requests] of rotations)
    await command(child, { kind: "requests", rotation, requests });
  return {
    async run(server, job) {
      const order: LoadCommand = {
        kind: "run",
        job: { ...job, rotation: server.name, port: server.port, serverPid: server.pid },
      };
      const event = await Promise.race([command(child, order), server.unexpectedEnd]);
      if (event.kind === "report") return event.report;
      if (event.kind === "failed") {
        // A server that ended says more than the connection it broke, so its end is given time to be noticed.
        await Promise.race([server.unexpectedEnd, delay(noticeEndMs)]);
        throw new BenchmarkFailure(`${server.name}: ${event.reason}`);
      }
      throw new BenchmarkFailure(`The load generator answered ${event.kind} instead of a report.`);
    },
  };
}

async function command({ process, unexpectedEnd }: Child, order: LoadCommand): Promise<LoadEvent> {
  const { promise, resolve, reject } = Promise.withResolvers<LoadEvent>();
  process.once("message", (event: LoadEvent) => resolve(event));
  process.send(order, (cause) => {
    if (cause !== null) reject(new BenchmarkFailure("The load generator cannot be reached.", { cause }));
  });
  return Promise.race([promise, unexpectedEnd]);
}
