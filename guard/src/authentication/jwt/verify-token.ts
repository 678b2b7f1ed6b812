/**
 * Verifies a signed token of any of the contract's issuers.
 *
 * With one issuer, nothing of the claims is read before the signature is good. With several, the token's unverified
 * `iss` picks one of the declared ones, and nothing else; what it picks is compared again once the claims are verified.
 */
import type { KeyObject } from "node:crypto";
import type { TrustedIssuer } from "../../contract/issuer.ts";
import type { KeySource } from "../keys/key-source.ts";
import { SecurityError } from "../security-error.ts";
import { decodeJws, parseJsonObject, type UnverifiedJws } from "./decode.ts";
import { type AccessTokenClaims, verifyAccessToken } from "./verify.ts";

interface VerifiedToken {
  readonly claims: AccessTokenClaims;
  readonly issuer: TrustedIssuer;
}

/** Throws or rejects with `SecurityError`, or `UnavailableError` where the issuer's keys cannot be had. */
export type VerifyToken = (token: string, nowMs: number) => VerifiedToken | Promise<VerifiedToken>;

/** An issuer with its keys. */
export interface IssuerKeys {
  readonly issuer: TrustedIssuer;
  readonly keys: KeySource;
}

export function createTokenVerification(
  issuers: readonly [IssuerKeys, ...IssuerKeys[]],
  clockToleranceSeconds: number,
): VerifyToken {
  const [own, ...further] = issuers;
  const byIssuer = new Map(issuers.map((entry) => [entry.issuer.issuer, entry]));

  const pick = ({ encodedClaims }: UnverifiedJws): IssuerKeys => {
    if (further.length === 0) return own;
    const { iss } = parseJsonObject(encodedClaims);
    const picked = typeof iss === "string" ? byIssuer.get(iss) : undefined;
    if (picked === undefined) throw new SecurityError("token_issuer");
    return picked;
  };

  const verify = (jws: UnverifiedJws, key: KeyObject | undefined, issuer: TrustedIssuer, nowMs: number) => {
    if (key === undefined) throw new SecurityError("token_key_unknown");
    return { claims: verifyAccessToken(jws, key, issuer, clockToleranceSeconds, nowMs), issuer };
  };

  return (token, nowMs) => {
    const jws = decodeJws(token);
    const { issuer, keys } = pick(jws);
    if (!issuer.algorithms.includes(jws.algorithm)) throw new SecurityError("token_algorithm");
    const key = keys.find(jws.keyId, jws.algorithm, nowMs);
    return key instanceof Promise
      ? key.then((found) => verify(jws, found, issuer, nowMs))
      : verify(jws, key, issuer, nowMs);
  };
}
