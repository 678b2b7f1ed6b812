/**
 * Verifies access tokens: a JWT (RFC 7519) in the profile of RFC 9068, by the practices of RFC 8725.
 *
 * Verification is synchronous: one ECDSA check takes about as long as handing it to another thread and back,
 * and a request whose token is known waits for nothing (bench `request`).
 */
import { type KeyObject, verify } from "node:crypto";
import { SecurityError } from "../security-error.ts";
import { algorithms, type JwsAlgorithm } from "./algorithms.ts";
import { parseJsonObject, type UnverifiedJws } from "./decode.ts";
import { toDer } from "./ecdsa-signature.ts";

/** The claims of a token whose signature, issuer, audience and times have been checked. */
export interface AccessTokenClaims {
  readonly sub: string;
  readonly exp: number;
  readonly iat: number;
  readonly client_id?: string;
  readonly jti?: string;
  readonly sid?: string;
  readonly acr?: string;
  readonly auth_time?: number;
  readonly cnf?: Readonly<Record<string, unknown>>;
  readonly [name: string]: unknown;
}

export interface AccessTokenExpectations {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly JwsAlgorithm[];
  readonly tokenTypes: readonly string[];
  readonly requiredClaims: readonly string[];
}

/** Checks a JWS signature. Whoever chose the key has seen that it fits the algorithm (`acceptsKey`). */
export function verifySignature(jws: UnverifiedJws, key: KeyObject): boolean {
  const { hash, options, coordinateBytes } = algorithms[jws.algorithm];
  const input = Buffer.from(jws.signingInput, "latin1");
  if (coordinateBytes !== undefined) {
    const signature = toDer(jws.signature, coordinateBytes);
    return signature !== undefined && verify(hash, input, key, signature);
  }
  return verify(hash, input, options === undefined ? key : { key, ...options }, jws.signature);
}

/**
 * Verifies an access token.
 *
 * What binds it to a key (`cnf`) is left to the caller, who has the request to compare it with.
 *
 * @throws {SecurityError} `token_algorithm`, `token_type`, `token_signature`, `token_malformed`, `token_claims`,
 *   `token_issuer`, `token_audience`, `token_expired`, `token_not_yet_valid`
 * @see https://www.rfc-editor.org/rfc/rfc9068#section-4
 */
export function verifyAccessToken(
  jws: UnverifiedJws,
  key: KeyObject,
  expected: AccessTokenExpectations,
  clockToleranceSeconds: number,
  nowMs: number,
): AccessTokenClaims {
  if (!expected.algorithms.includes(jws.algorithm)) throw new SecurityError("token_algorithm");
  // RFC 7519 §5.1: a JWT need not say that it is one.
  const type = jws.type ?? "jwt";
  if (!expected.tokenTypes.includes(type)) throw new SecurityError("token_type");
  if (!verifySignature(jws, key)) throw new SecurityError("token_signature");

  const claims = parseJsonObject(jws.encodedClaims);
  if (claims.iss !== expected.issuer) throw new SecurityError("token_issuer");
  if (!isAudience(claims.aud, expected.audience)) throw new SecurityError("token_audience");
  if (type !== "at+jwt" && isForeignToken(claims)) throw new SecurityError("token_type");
  checkClaims(claims, [...(requiredByType[type] ?? requiredOfAll), ...expected.requiredClaims]);
  checkTimes(claims as AccessTokenClaims, clockToleranceSeconds, nowMs);
  return claims as AccessTokenClaims;
}

const requiredOfAll = ["sub", "exp", "iat"] as const;
/** RFC 9068 §2.2. */
const requiredByType: Readonly<Record<string, readonly string[]>> = {
  "at+jwt": [...requiredOfAll, "client_id", "jti"],
};

/** RFC 7519 §4.1.3: one audience or a list of them. */
export function isAudience(aud: unknown, audience: string): boolean {
  if (typeof aud === "string") return aud === audience;
  return isTextList(aud) && aud.includes(audience);
}

/**
 * An ID token or a logout token is signed by the same key for the same person (RFC 8725 §3.11). Where the access tokens
 * have no type of their own, only claims that the others have tell them apart: OpenID Connect Core §2 and §3.3.2.11,
 * Back-Channel Logout §2.4, and the `typ` claim of Keycloak.
 */
export function isForeignToken({
  nonce,
  at_hash,
  c_hash,
  s_hash,
  events,
  typ,
}: Readonly<Record<string, unknown>>) {
  const marks = [nonce, at_hash, c_hash, s_hash, events];
  return (
    marks.some((mark) => mark !== undefined) || (typ !== undefined && typ !== "Bearer" && typ !== "DPoP")
  );
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
const isTime = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
const isObject = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);

/** What the guard reads of a token, by claim. Names go on to logs and databases: no control characters in them. */
const claimTypes: Readonly<Record<string, (value: unknown) => boolean>> = {
  sub: isPlainText,
  exp: isTime,
  iat: isTime,
  nbf: isTime,
  auth_time: isTime,
  client_id: isPlainText,
  jti: isPlainText,
  sid: isPlainText,
  acr: isText,
  cnf: isObject,
};

/**
 * Checks the types of the claims that the guard reads, and the presence of those that must be there.
 *
 * @throws {SecurityError} `token_claims`
 */
export function checkClaims(claims: Readonly<Record<string, unknown>>, required: readonly string[]): void {
  for (const name of required) {
    if (!Object.hasOwn(claims, name)) throw new SecurityError("token_claims");
  }
  for (const [name, fits] of Object.entries(claimTypes)) {
    if (claims[name] !== undefined && !fits(claims[name])) throw new SecurityError("token_claims");
  }
}

/** The claims that are times; their types have been checked. */
interface TimedClaims {
  readonly exp?: number;
  readonly nbf?: unknown;
  readonly iat?: number;
  readonly auth_time?: unknown;
}

/** @throws {SecurityError} `token_expired`, `token_not_yet_valid` */
export function checkTimes(
  { exp, nbf, iat, auth_time: authTime }: TimedClaims,
  clockToleranceSeconds: number,
  nowMs: number,
): void {
  const nowSeconds = nowMs / 1000;
  if (exp !== undefined && nowSeconds >= exp + clockToleranceSeconds)
    throw new SecurityError("token_expired");
  // A sign-in in the future would be fresh for ever.
  const times = [nbf, iat, authTime].filter((time) => typeof time === "number");
  const notBefore = Math.max(0, ...times);
  if (notBefore > nowSeconds + clockToleranceSeconds) throw new SecurityError("token_not_yet_valid");
}

function isPlainText(value: unknown): boolean {
  return isText(value) && !/\p{Cc}/u.test(value);
}

/** A list of texts, and nothing else in it. */
export function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
