/**
 * Passwords: argon2id (RFC 9106) at 19 MiB, two passes, one lane.
 *
 * A password is compared after Unicode normalisation form C, as RFC 8265 §4.2 (OpaqueString) has it: the same
 * password typed on two keyboards is one password, while `²` and `2` stay two. Length is counted in code
 * points.
 *
 * Threats: a stolen table (slow, memory-hard hashes); finding out who has an account (a missing hash costs
 * the same verification as a wrong one); a flood of sign-ins (a bounded queue).
 */
import { availableParallelism } from "node:os";
import { hash, verify } from "@node-rs/argon2";
import { IdentityError } from "../errors.ts";
import { createHashingQueue, type HashingQueueOptions } from "./hashing-queue.ts";

const passwordLength = { least: 12, most: 128 } as const;

const argon2Cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

export interface Passwords {
  /**
   * Hashes a new password.
   *
   * @throws {IdentityError} `password_length`, `hashing_busy`
   */
  hash(password: string): Promise<string>;
  /**
   * True if the password is the one hashed. Without a hash it does the same work and is false.
   *
   * @throws {IdentityError} `hashing_busy`
   */
  verify(password: string, passwordHash: string | undefined): Promise<boolean>;
}

/** Prepares hashing; `queue` bounds the work done at once. */
export async function createPasswords(queue: HashingQueueOptions = defaultQueue()): Promise<Passwords> {
  const hashing = createHashingQueue(queue);
  // Nobody knows a password for it; it stands in where an account has none.
  const decoy = await hash(crypto.randomUUID(), argon2Cost);

  return {
    async hash(password) {
      const normal = password.normalize("NFC");
      const length = countCodePoints(normal);
      if (length < passwordLength.least || length > passwordLength.most || !normal.isWellFormed()) {
        throw new IdentityError("password_length", "password", "The password's length is not accepted.");
      }
      return hashing.run(() => hash(normal, argon2Cost));
    },

    async verify(password, passwordHash) {
      const normal = password.normalize("NFC");
      // What could never have been set is still verified, against the decoy: one duration for all refusals.
      const possible = countCodePoints(normal) <= passwordLength.most && normal.isWellFormed();
      const matches = await hashing.run(() => verify(passwordHash ?? decoy, possible ? normal : ""));
      return matches && possible && passwordHash !== undefined;
    },
  };
}

function defaultQueue(): HashingQueueOptions {
  return { running: Math.min(4, availableParallelism()), waiting: 64 };
}

/** Stops early, so that a very long text costs no more than a long one. */
function countCodePoints(text: string): number {
  let count = 0;
  for (const _ of text) {
    count += 1;
    if (count > passwordLength.most) break;
  }
  return count;
}
