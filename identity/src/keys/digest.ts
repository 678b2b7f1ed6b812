/** Digests of random secrets, and comparison without a timing trace. */
import { createHash, timingSafeEqual } from "node:crypto";

/**
 * SHA-256 in base64url. Enough for values with 128 bits of randomness or more (session ids, codes, client
 * secrets), which no one can guess; never for passwords.
 */
export function digest(value: string): string {
  return createHash("sha256").update(value, "utf8").digest("base64url");
}

/** True if `value`'s digest is `expected`; the time taken says nothing of where they differ. */
export function matchesDigest(value: string, expected: string): boolean {
  const actual = Buffer.from(digest(value));
  const wanted = Buffer.from(expected);
  return actual.length === wanted.length && timingSafeEqual(actual, wanted);
}
