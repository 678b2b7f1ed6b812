/**
 * Which core a child runs on. Server and load each get a core of their own, so that neither takes the other's time
 * and a rate means "per core". `taskset` does it; where it cannot, the run goes on and says so.
 */
import { spawnSync } from "node:child_process";

export interface Pinning {
  /** `undefined`: pinned. Else why not, to be shown with the result. */
  readonly missing: string | undefined;
  /** The command line that runs `command` on `core`. */
  commandFor(core: number, command: readonly string[]): readonly string[];
}

const program = "taskset";

/** The core of the server under load, and the core of the load. */
export const cores = { server: 0, load: 1 } as const;

/** Tries both cores once; a container may withhold one of them. */
export function detectPinning(): Pinning {
  const missing = Object.values(cores)
    .map(whyNot)
    .find((reason) => reason !== undefined);
  return Object.freeze({
    missing,
    commandFor: (core: number, command: readonly string[]) =>
      missing === undefined ? [program, "-c", String(core), ...command] : command,
  });
}

function whyNot(core: number): string | undefined {
  const { error, status } = spawnSync(program, ["-c", String(core), process.execPath, "--version"]);
  if (error !== undefined) return `there is no ${program} on this machine`;
  return status === 0 ? undefined : `core ${core} is not available`;
}
