/**
 * Which proofs were used already (RFC 9449 §11.1), for as long as they could be used again.
 *
 * Only proofs that verified, for a token that verified, are remembered: nobody else can fill the memory. Two
 * generations of one window each; bounded, and when full it refuses what it could not remember.
 */
import { UnavailableError } from "../security-error.ts";

export interface ReplayMemory {
  /**
   * Notes a proof.
   *
   * @returns `false` if it was used before.
   * @throws {UnavailableError} if it cannot be remembered.
   */
  use(proofId: string, nowMs: number): boolean;
}

const retryAfterSeconds = 5;

/**
 * @param windowMs How long a proof counts as good, from the first moment it could be used to the last.
 * @param capacity Proofs a generation holds.
 */
export function createReplayMemory(windowMs: number, capacity = 250_000): ReplayMemory {
  let young = new Set<string>();
  let old = new Set<string>();
  let turnsAtMs = Number.NEGATIVE_INFINITY;
  return Object.freeze({
    use(proofId: string, nowMs: number) {
      if (nowMs >= turnsAtMs) {
        // After two windows without a turn, nothing in either generation can be used again.
        old = nowMs >= turnsAtMs + windowMs ? new Set() : young;
        young = new Set();
        turnsAtMs = nowMs + windowMs;
      }
      if (young.has(proofId) || old.has(proofId)) return false;
      if (young.size >= capacity) throw new UnavailableError("The memory of used proofs", retryAfterSeconds);
      young.add(proofId);
      return true;
    },
  });
}
