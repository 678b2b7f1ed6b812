/** A clock that a test moves. */

export interface TestClock {
  /** The time, in milliseconds since the epoch: give it to the guard as `now`. */
  readonly now: () => number;
  /** Moves it, by milliseconds; backwards with a negative number. */
  advance(byMs: number): void;
}

/** @param startMs Where it starts; default the present. It stands still until it is moved. */
export function createClock(startMs: number = Date.now()): TestClock {
  let nowMs = startMs;
  return Object.freeze({
    now: () => nowMs,
    advance(byMs: number) {
      nowMs += byMs;
    },
  });
}
