/**
 * A bounded queue for password hashing.
 *
 * One hash takes 19 MiB and tens of milliseconds of a core, so a flood of sign-ins is a flood of memory.
 * A few run at a time, a few more wait, and the rest are told to come back: the server stays up, and a
 * request already waiting still gets its answer.
 */
import { IdentityError } from "../errors.ts";

export interface HashingQueueOptions {
  /** Jobs that run at once; libuv has four threads for them by default. */
  readonly running: number;
  /** Jobs that wait; one more is refused. */
  readonly waiting: number;
}

export interface HashingQueue {
  /** @throws {IdentityError} `hashing_busy` where the queue is full. */
  run<T>(job: () => Promise<T>): Promise<T>;
}

export function createHashingQueue(options: HashingQueueOptions): HashingQueue {
  let running = 0;
  const waiting: (() => void)[] = [];

  return {
    async run(job) {
      if (running < options.running) running += 1;
      else await takeTurn();
      try {
        return await job();
      } finally {
        const next = waiting.shift();
        // The place passes straight to the next in line, so that a newcomer cannot slip in between.
        if (next === undefined) running -= 1;
        else next();
      }
    },
  };

  function takeTurn(): Promise<void> {
    if (waiting.length >= options.waiting) {
      throw new IdentityError("hashing_busy", "passwords", "Too many passwords are being checked at once.");
    }
    return new Promise((resolve) => waiting.push(resolve));
  }
}
