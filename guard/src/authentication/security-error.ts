/**
 * Rejections: a credential that proves nothing.
 *
 * Outwardly every rejection of a credential is the same 401; the code and detail are for the log. Details never
 * contain the credential or a part of it.
 */

/** Every way a credential can be rejected, with what each means. */
export const rejections = {
  token_malformed: "Not a JWS in compact form, canonically spelt.",
  token_too_long: "Longer than any token the guard reads.",
  token_type: "Not an access token: its `typ` is not `at+jwt` (RFC 9068 §4).",
  token_algorithm: "Signed with an algorithm the contract does not list.",
  token_critical: "It names critical extensions, and none is supported (RFC 7515 §4.1.11).",
  token_key_unknown: "No key of the issuer fits its `kid` and `alg`.",
  token_signature: "The signature is not the key's over these bytes.",
  token_issuer: "Issued by another issuer.",
  token_audience: "Meant for another audience.",
  token_expired: "Its `exp` has passed.",
  token_not_yet_valid: "Its `nbf` or `iat` is still to come.",
  token_claims: "A claim is missing or of the wrong type.",
  token_bound: "Bound to a key (`cnf`), and presented without proof of it.",
  session_unknown: "No live session: expired, revoked, or never there.",
  credential_scheme: "An `Authorization` scheme other than Bearer.",
} as const;

export type RejectionCode = keyof typeof rejections;

/** A credential was rejected. */
export class SecurityError extends Error {
  override readonly name = "SecurityError";
  readonly code: RejectionCode;

  constructor(code: RejectionCode, options?: ErrorOptions) {
    super(rejections[code], options);
    this.code = code;
  }
}

/** Something a decision needs cannot be asked now: the store, the issuer's keys. Answered 503, never "allowed". */
export class UnavailableError extends Error {
  override readonly name = "UnavailableError";
  readonly retryAfterSeconds: number;

  constructor(what: string, retryAfterSeconds: number, options?: ErrorOptions) {
    super(`${what} cannot be reached.`, options);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
