/** Bearer tokens (RFC 6750): from the `Authorization` field to a caller. */
import type { Security } from "../contract/define-security.ts";
import { type Caller, createCaller } from "./caller.ts";
import { decodeJws } from "./jwt/decode.ts";
import { type AccessTokenClaims, verifyAccessToken } from "./jwt/verify.ts";
import type { KeySource } from "./keys/key-source.ts";
import type { Principal } from "./principal.ts";
import { SecurityError } from "./security-error.ts";
import { createTokenCache } from "./token-cache.ts";

export type BearerAuthentication = (authorization: string, nowMs: number) => Caller | Promise<Caller>;

/**
 * Creates the check of bearer tokens. It answers at once for a token seen before, and for a new one whose key
 * is known.
 *
 * The check throws or rejects with `SecurityError` (the token proves nothing) or `UnavailableError` (the
 * issuer's keys cannot be had).
 */
export function createBearerAuthentication(security: Security, keys: KeySource): BearerAuthentication {
  const cache = createTokenCache<Caller>();

  const accept = (authorization: string, claims: AccessTokenClaims): Caller => {
    const caller = createCaller(toPrincipal(claims), security.roles);
    cache.set(authorization, caller, (claims.exp + security.clockToleranceSeconds) * 1000);
    return caller;
  };

  return (authorization, nowMs) => {
    const known = cache.get(authorization, nowMs);
    if (known !== undefined) return known;

    const jws = decodeJws(bearerToken(authorization));
    if (!security.algorithms.includes(jws.algorithm)) throw new SecurityError("token_algorithm");
    const key = keys.find(jws.keyId, jws.algorithm, nowMs);
    if (key === undefined) throw new SecurityError("token_key_unknown");
    if (!(key instanceof Promise)) return accept(authorization, verifyAccessToken(jws, key, security, nowMs));
    return key.then((found) => {
      if (found === undefined) throw new SecurityError("token_key_unknown");
      return accept(authorization, verifyAccessToken(jws, found, security, nowMs));
    });
  };
}

/** RFC 9110 §11.1: the scheme's name is case-insensitive. */
function bearerToken(authorization: string): string {
  if (authorization.startsWith("Bearer ")) return authorization.slice(7);
  if (/^bearer /i.test(authorization)) return authorization.slice(7);
  throw new SecurityError("credential_scheme");
}

function toPrincipal(claims: AccessTokenClaims): Principal {
  const { sub, roles, sid, client_id: clientId } = claims;
  // RFC 9068 §2.2: where no one but the client itself is involved, `sub` is the client.
  const kind = clientId === sub ? "client" : "account";
  if (roles !== undefined && !isTextList(roles)) throw new SecurityError("token_claims");
  return {
    id: sub,
    kind,
    roles: Object.freeze([...(roles ?? [])]),
    claims: Object.freeze(claims),
    credential: "bearer",
    sessionId: typeof sid === "string" ? sid : undefined,
  };
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
