/**
 * The processor time a process has used, all its threads, from `/proc/<pid>/stat` (proc(5), fields 14 and 15).
 * The share of one core it amounts to tells whether the server or the load was the bottleneck.
 */
import { readFileSync } from "node:fs";

/** USER_HZ: 100 on every Linux that Node runs on, whatever the kernel's own tick is. */
const ticksPerSecond = 100;

/** Seconds of processor time so far; `undefined` where there is no `/proc` or no such process. */
export function readCpuSeconds(pid: number): number | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    // Not Linux, or the process is gone; whoever waits for its answers reports that.
    return undefined;
  }
  return parseCpuSeconds(stat);
}

/** Parses the content of a `stat` file; a field count that is too small gives `undefined`. */
export function parseCpuSeconds(stat: string): number | undefined {
  // The second field is the command in brackets and may hold blanks and brackets: what follows the last one is plain.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const seconds = (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  return Number.isFinite(seconds) ? seconds : undefined;
}
