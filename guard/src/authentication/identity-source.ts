/**
 * What an identity server in the same process lends to a guard.
 *
 * Across processes a guard needs only the issuer's URL (it fetches the keys). In one process the same two
 * questions, "which keys are yours?" and "whose session is this?", are function calls.
 */
import type { JsonWebKey } from "node:crypto";

/** A public key as an issuer publishes it (RFC 7517 §4). */
export interface PublicJwk extends JsonWebKey {
  readonly kid?: string;
  readonly alg?: string;
  readonly use?: string;
}

/** A JWK Set (RFC 7517 §5). */
export interface PublicJwkSet {
  readonly keys: readonly PublicJwk[];
}

/** A live session, as the identity server knows it at this moment. */
export interface Session {
  /** The public handle, safe to log and to put in a token's `sid`; never the cookie's secret value. */
  readonly id: string;
  /** The account signed in. */
  readonly accountId: string;
  /** Role names the account holds. */
  readonly roles: readonly string[];
  /** Further facts about the account that conditions may name (`team`, …). */
  readonly claims: Readonly<Record<string, unknown>>;
  /** When it ends whatever happens, in milliseconds since the epoch. */
  readonly expiresAtMs: number;
}

/** The identity server's side of a guard in the same process. */
export interface IdentitySource {
  /** The `iss` of the tokens it signs. */
  readonly issuer: string;
  /** The name of the cookie that carries a session. */
  readonly sessionCookieName: string;
  /** The current public signing keys. */
  keys(): Promise<PublicJwkSet>;
  /**
   * The live session behind a cookie's value: `undefined` if there is none, it has expired or was revoked.
   * Rejects when the store cannot be asked; the guard then answers 503, never "signed in".
   */
  findSession(cookieValue: string): Promise<Session | undefined>;
}
