/** The rounds of a server, condensed into what is shown and written. */
import type { LoadReport } from "./load/job.ts";
import { median, medianRatio } from "./statistics.ts";

/** What the rounds of one server come to. */
export interface ServerFigures {
  readonly name: string;
  readonly note?: string;
  readonly requestsPerSecond: number;
  readonly lowest: number;
  readonly highest: number;
  /** Median of subject / this server (or of its inverse), round by round; absent for the subject itself, or without it. */
  readonly ratio?: number;
  /** The ratio is this server / subject. */
  readonly inverse?: true;
  /** Share of one core, median; absent where it cannot be read. */
  readonly cpuShare?: number;
  readonly loadCpuShare: number;
}

/** Below this the server waited for the load, and the rate is the load's. */
export const busyShare = 0.9;

/** The figures of one server out of the reports of all. */
export function summarize(
  { name, note, inverse }: { readonly name: string; readonly note?: string; readonly inverse?: true },
  reports: ReadonlyMap<string, readonly LoadReport[]>,
  subject: string,
): ServerFigures {
  const own = reports.get(name) ?? [];
  const rates = ratesOf(own);
  const subjectRates = ratesOf(reports.get(subject) ?? []);
  const [numerators, denominators] = inverse === true ? [rates, subjectRates] : [subjectRates, rates];
  const cpuShares = own.flatMap(({ serverCpuShare }) => serverCpuShare ?? []);
  return {
    name,
    ...(note === undefined ? {} : { note }),
    ...(inverse === undefined ? {} : { inverse }),
    requestsPerSecond: median(rates),
    lowest: Math.min(...rates),
    highest: Math.max(...rates),
    ...(name === subject || subjectRates.length === 0
      ? {}
      : { ratio: medianRatio(numerators, denominators) }),
    ...(cpuShares.length === 0 ? {} : { cpuShare: median(cpuShares) }),
    loadCpuShare: median(own.map(({ loadCpuShare }) => loadCpuShare)),
  };
}

/** Requests per second, round by round. */
export function ratesOf(reports: readonly LoadReport[]): readonly number[] {
  return reports.map(({ requestsPerSecond }) => requestsPerSecond);
}
