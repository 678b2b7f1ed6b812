/**
 * Verifies access tokens: a JWT (RFC 7519) in the profile of RFC 9068, by the practices of RFC 8725.
 *
 * Verification is synchronous: one ECDSA check takes about as long as handing it to another thread and back,
 * and a request whose token is known waits for nothing (bench `request`).
 */
import { type KeyObject, verify } from "node:crypto";
import { SecurityError } from "../security-error.ts";
import { acceptsKey, algorithms, type JwsAlgorithm } from "./algorithms.ts";
import { parseJsonObject, type UnverifiedJws } from "./decode.ts";

/** The claims of a token whose signature, issuer, audience and times have been checked. */
export interface AccessTokenClaims {
  readonly sub: string;
  readonly exp: number;
  readonly [name: string]: unknown;
}

export interface AccessTokenExpectations {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly JwsAlgorithm[];
  readonly clockToleranceSeconds: number;
}

/** Checks a JWS signature, the algorithm's fit to the key included. */
export function verifySignature(jws: UnverifiedJws, key: KeyObject): boolean {
  if (!acceptsKey(jws.algorithm, key)) return false;
  const { hash, options } = algorithms[jws.algorithm];
  return verify(hash, Buffer.from(jws.signingInput, "latin1"), { key, ...options }, jws.signature);
}

/**
 * Verifies an access token.
 *
 * @throws {SecurityError} `token_algorithm`, `token_type`, `token_signature`, `token_claims`, `token_issuer`,
 *   `token_audience`, `token_expired`, `token_not_yet_valid`, `token_bound`
 * @see https://www.rfc-editor.org/rfc/rfc9068#section-4
 */
export function verifyAccessToken(
  jws: UnverifiedJws,
  key: KeyObject,
  expected: AccessTokenExpectations,
  nowMs: number,
): AccessTokenClaims {
  if (!expected.algorithms.includes(jws.algorithm)) throw new SecurityError("token_algorithm");
  // An ID token is signed by the same key for the same person: only the type tells them apart (RFC 8725 §3.11).
  if (jws.type !== "at+jwt") throw new SecurityError("token_type");
  if (!verifySignature(jws, key)) throw new SecurityError("token_signature");

  const claims = parseJsonObject(jws.encodedClaims);
  const { iss, aud, sub, exp, nbf, iat, cnf } = claims;
  if (iss !== expected.issuer) throw new SecurityError("token_issuer");
  if (!isAudience(aud, expected.audience)) throw new SecurityError("token_audience");
  if (typeof sub !== "string" || sub === "" || !isTime(exp)) throw new SecurityError("token_claims");
  if ((nbf !== undefined && !isTime(nbf)) || (iat !== undefined && !isTime(iat))) {
    throw new SecurityError("token_claims");
  }
  const nowSeconds = nowMs / 1000;
  const tolerance = expected.clockToleranceSeconds;
  if (nowSeconds >= exp + tolerance) throw new SecurityError("token_expired");
  if (Math.max(nbf ?? 0, iat ?? 0) > nowSeconds + tolerance) throw new SecurityError("token_not_yet_valid");
  // A token bound to a key is worth nothing without proof of that key (RFC 9449 §7.1, RFC 8705 §3).
  if (cnf !== undefined) throw new SecurityError("token_bound");
  return claims as AccessTokenClaims;
}

function isAudience(aud: unknown, audience: string): boolean {
  return aud === audience || (Array.isArray(aud) && aud.includes(audience));
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
