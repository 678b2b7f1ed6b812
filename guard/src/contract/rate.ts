/** Rates and durations as a contract writes them: `600/1m`, `15m`. */
import { ContractError } from "./refusal.ts";

/** A limit in requests per window. */
export interface Rate {
  /** Requests a window admits; also the largest burst. */
  readonly quota: number;
  readonly windowMs: number;
}

const unitsMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const longestWindowMs = 30 * unitsMs.d;

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
  const match = /^(\d{1,10})\/(\d{1,7})([smhd])$/.exec(String(text));
  const quota = Number(match?.[1]);
  const windowMs = Number(match?.[2]) * unitsMs[match?.[3] as keyof typeof unitsMs];
  const valid = quota >= 1 && quota <= 1e9 && windowMs >= unitsMs.s && windowMs <= longestWindowMs;
  if (!valid) throw new ContractError("rate_invalid", place, `\`${String(text)}\` is not a limit.`);
  return Object.freeze({ quota, windowMs });
}
