/**
 * Rate limiting by the generic cell rate algorithm (ITU-T I.371): a leaky bucket in one number per key.
 *
 * The number is the theoretical arrival time: when the bucket will be empty again. A request is admitted if that
 * lies less than a window ahead, and moves it on by a window's share. No window edge to burst across, no timer,
 * and a key whose time has passed is as if it had never been seen, so it can be forgotten.
 */
import type { Rate } from "../../contract/rate.ts";

export interface Limiter {
  readonly rate: Rate;
  /**
   * Takes one request from the key's budget.
   *
   * @returns The requests left, 0 or more; or, refused, minus the milliseconds to wait (−1 or less). A refused
   *   request takes nothing.
   */
  take(key: string, nowMs: number): number;
}

/** What is remembered of a key. An object that is changed in place: counting a known key allocates nothing. */
interface Cell {
  arrivalMs: number;
}

/** Keys a limiter remembers; about 100 bytes each. */
const defaultMaxKeys = 100_000;
/** Forgotten keys looked for per new key, once the limiter is full. */
const sweepStep = 16;

/**
 * A limiter that counts in this process.
 *
 * @param maxKeys When more keys than this are alive, the one first seen is forgotten: an attacker with that many
 *   addresses gains requests, and never takes them from anyone else.
 */
export function createMemoryLimiter(rate: Rate, maxKeys: number = defaultMaxKeys): Limiter {
  const { quota, windowMs } = rate;
  const intervalMs = windowMs / quota;
  const cells = new Map<string, Cell>();

  return Object.freeze({
    rate,
    take(key: string, nowMs: number): number {
      const cell = cells.get(key);
      const next = (cell === undefined ? nowMs : Math.max(cell.arrivalMs, nowMs)) + intervalMs;
      const excessMs = next - nowMs - windowMs;
      // Sums of fractions of a millisecond: less than a microsecond over is rounding, not excess.
      if (excessMs > 0.001) return Math.min(-1, -Math.ceil(excessMs));
      if (cell !== undefined) cell.arrivalMs = next;
      else {
        if (cells.size >= maxKeys) makeRoom(cells, nowMs);
        cells.set(key, { arrivalMs: next });
      }
      return Math.floor((windowMs - (next - nowMs)) / intervalMs + 0.001);
    },
  });
}

/** Forgets keys whose time has passed, among those first seen; or the very first. */
function makeRoom(cells: Map<string, Cell>, nowMs: number): void {
  let looked = 0;
  let first: string | undefined;
  for (const [key, { arrivalMs }] of cells) {
    first ??= key;
    if (arrivalMs <= nowMs) cells.delete(key);
    looked += 1;
    if (looked === sweepStep) break;
  }
  if (first !== undefined) cells.delete(first);
}
