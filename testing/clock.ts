/** A clock that moves only when told to. */
export interface TestClock {
  readonly now: () => number;
  advance(ms: number): void;
}

/** @param startMs Where it begins; default a fixed moment, so that no test depends on the date. */
export function createClock(startMs: number = Date.UTC(2030, 0, 1)): TestClock {
  let current = startMs;
  return {
    now: () => current,
    advance(ms) {
      current += ms;
    },
  };
}
