/**
 * A credential that was found good, as it is kept between requests, and whether it is still good.
 *
 * What proved itself by a signature stays good until it expires or is revoked: then it is refused. What was looked up
 * stays good while nothing was revoked about it: then it is looked up again.
 */
import type { Binding } from "./binding.ts";
import type { Caller } from "./caller.ts";
import type { CredentialKind } from "./credential.ts";
import type { Revocable, Revocations } from "./feed/revocations.ts";
import { SecurityError } from "./security-error.ts";

export interface KnownCredential extends Revocable {
  readonly caller: Caller;
  readonly kind: CredentialKind;
  readonly binding: Binding | undefined;
  /**
   * When a token of the identity server's was issued, in milliseconds since the epoch; `undefined` for what was looked
   * up.
   */
  readonly issuedAtMs: number | undefined;
  /** Does the identity server's feed say when it is revoked? */
  readonly followsFeed: boolean;
  /** The revocation epoch at which it was last found good. */
  epoch: number;
}

/**
 * Is it still good?
 *
 * @returns `false` where it must be looked up again.
 * @throws {SecurityError} `token_revoked`
 */
export function isStillGood(known: KnownCredential, revocations: Revocations): boolean {
  const { epoch } = revocations;
  if (known.epoch === epoch || !known.followsFeed) return true;
  if (known.issuedAtMs === undefined) {
    if (revocations.isStale(known, known.epoch)) return false;
  } else if (revocations.isRevoked(known, known.issuedAtMs)) {
    throw new SecurityError("token_revoked");
  }
  known.epoch = epoch;
  return true;
}
