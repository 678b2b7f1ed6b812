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
  token_type: "Not an access token by its `typ` (RFC 9068 §4), or an ID token by its claims.",
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
  token_unbound: "Presented with a proof, and not bound to a key.",
  token_revoked: "It, its session, or everything its subject was issued before has been revoked.",
  token_inactive: "The issuer says that it is not active (RFC 7662 §2.2).",
  proof_missing: "No proof came with a token that needs one.",
  proof_malformed: "The proof is not a JWT of type `dpop+jwt` with a public key (RFC 9449 §4.2).",
  proof_algorithm: "The proof is signed with an algorithm the contract does not list.",
  proof_key: "The proof's key is not the one that the token is bound to.",
  proof_signature: "The proof's signature is not its key's.",
  proof_request: "The proof is for another method or address.",
  proof_token: "The proof is for another token.",
  proof_time: "The proof is too old, or from the future.",
  proof_replayed: "The proof was used before.",
  proof_nonce: "The proof lacks the nonce that this API asks for.",
  session_unknown: "No live session: expired, revoked, or never there.",
  api_key_malformed: "Not an API key, to the last character.",
  api_key_unknown: "No live API key: expired, revoked, or never there.",
  credential_scheme: "An `Authorization` scheme that the route does not take.",
  credential_refused: "A kind of credential that the route does not take.",
} as const;

export type RejectionCode = keyof typeof rejections;

/** Is the proof what was wrong, and the token itself not even judged by it? */
export function isProofRejection(code: RejectionCode): boolean {
  return code.startsWith("proof_");
}

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
