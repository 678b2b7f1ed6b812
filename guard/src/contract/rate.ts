/** Rates and durations as a contract writes them: `600/1m`, `15m`. */
import { ContractError } from "./refusal.ts";

/** A limit in requests per window. */
export interface Rate {
  /** Requests a window admits; also the largest burst. */
  readonly quota: number;
  readonly windowMs: number;
}

/**
 * Parses a duration.
 *
 * @param text 1 second to 30 days in `s`, `m`, `h` or `d`: `15m`.
 * @returns Milliseconds.
 * @throws {ContractError} `duration_invalid`
 */
export function parseDuration(text: string, place: string): number {
  const durationMs = readDuration(String(text));
  if (durationMs === undefined) {
    throw new ContractError("duration_invalid", place, `\`${String(text)}\` is not a duration.`);
  }
  return durationMs;
}

const unitsMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const longestMs = 30 * unitsMs.d;

/**
 * Parses `<requests>/<duration>`.
 *
 * @param text 1 to 1,000,000,000 requests; a duration of 1 second to 30 days in `s`, `m`, `h` or `d`.
 * @param place Where the text stands, for the refusal.
 * @throws {ContractError} `rate_invalid`
 * @example
 * parseRate("600/1m", "limits.address"); // { quota: 600, windowMs: 60_000 }
 */
export function parseRate(text: string, place: string): Rate {
  const [, requests, duration = ""] = /^(\d{1,10})\/(\w+)$/.exec(String(text)) ?? [];
  const quota = Number(requests);
  const windowMs = readDuration(duration);
  if (windowMs === undefined || !(quota >= 1 && quota <= 1e9)) {
    throw new ContractError("rate_invalid", place, `\`${String(text)}\` is not a limit.`);
  }
  return Object.freeze({ quota, windowMs });
}

function readDuration(text: string): number | undefined {
  const match = /^(\d{1,7})([smhd])$/.exec(text);
  const durationMs = Number(match?.[1]) * unitsMs[match?.[2] as keyof typeof unitsMs];
  return durationMs >= unitsMs.s && durationMs <= longestMs ? durationMs : undefined;
}
