/**
 * The few numbers a comparison needs. Medians, because a shared machine errs in one direction: a disturbed round
 * is slow, never fast, and a mean would carry the disturbance into the result.
 */

/**
 * The middle value; of an even count, the mean of the two in the middle.
 *
 * @throws {RangeError} no values
 */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  if (upper === undefined || lower === undefined) throw new RangeError("A median needs at least one value.");
  return (lower + upper) / 2;
}

/**
 * The median of the ratios round by round, not the ratio of the medians: the two servers of one round met the same
 * machine, so what slowed both cancels out.
 *
 * @throws {RangeError} no rounds, or not the same number of them
 */
export function medianRatio(numerators: readonly number[], denominators: readonly number[]): number {
  if (numerators.length !== denominators.length) {
    throw new RangeError(`${numerators.length} rounds cannot be compared with ${denominators.length}.`);
  }
  return median(numerators.map((numerator, round) => numerator / (denominators[round] ?? Number.NaN)));
}
