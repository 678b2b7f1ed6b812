/**
 * What the `Authorization` and `X-API-Key` fields carry: access tokens (RFC 6750, 9449, 8705), signed or opaque, and
 * API keys. From the field to a caller.
 */

import type { Security } from "../contract/define-security.ts";
import type { TrustedIssuer } from "../contract/issuer.ts";
import type { ApiKeyLookup } from "./api-key.ts";
import { apiKeyPrefix } from "./api-key-format.ts";
import { readBinding } from "./binding.ts";
import { type Caller, type CallerScope, createCaller } from "./caller.ts";
import { type CredentialSet, includesCredential } from "./credential.ts";
import type { ProofVerification } from "./dpop/verify-proof.ts";
import { feedRetentionMs } from "./feed/feed.ts";
import type { Subscription } from "./feed/subscription.ts";
import type { IntrospectedClaims, Introspection } from "./introspection/introspect.ts";
import type { AccessTokenClaims } from "./jwt/verify.ts";
import { isTextList } from "./jwt/verify.ts";
import type { VerifyToken } from "./jwt/verify-token.ts";
import { isStillGood, type KnownCredential } from "./known-credential.ts";
import { verifyCertificate } from "./mtls.ts";
import { SecurityError } from "./security-error.ts";
import { createTokenCache } from "./token-cache.ts";

/** What is read of a request to judge its credential. */
interface CredentialRequest {
  readonly incoming: {
    readonly method: string;
    readonly url: string;
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
    clientCertificate?(): Uint8Array | undefined;
  };
  readonly nowMs: number;
  /** Set where the client needs a nonce for its next proof. */
  proofNonce: string;
}

/**
 * Judges a field's value. At once for a credential seen before, and for a signed token whose issuer's keys are known.
 *
 * Throws or rejects with `SecurityError` (it proves nothing) or `UnavailableError` (what it needs cannot be asked).
 */
export type TokenAuthentication = (
  field: string,
  request: CredentialRequest,
  accepts: CredentialSet,
) => Caller | Promise<Caller>;

export interface TokenAuthenticationOptions {
  readonly security: Security;
  readonly scope: CallerScope;
  readonly feed: Subscription;
  readonly verifyToken: VerifyToken;
  readonly proofs: ProofVerification | undefined;
  readonly introspect: Introspection | undefined;
  readonly findApiKey: ApiKeyLookup | undefined;
  /** Whose revocations the feed tells: the identity server's issuer. */
  readonly feedIssuer: string | undefined;
}

/** A field's value, taken apart. */
interface Presented {
  /** As it came, and as it is remembered. */
  readonly field: string;
  readonly scheme: "bearer" | "dpop";
  readonly token: string;
}

export function createTokenAuthentication(options: TokenAuthenticationOptions): TokenAuthentication {
  const { security, scope, feed, verifyToken, proofs, introspect, findApiKey, feedIssuer } = options;
  const { revocations } = feed;
  const cache = createTokenCache<KnownCredential>();
  const foreignPrefixes = security.issuers.slice(1).map(({ subjectPrefix }) => subjectPrefix);

  const admit = (
    known: KnownCredential,
    request: CredentialRequest,
    accepts: CredentialSet,
    field: string,
  ) => {
    if (!includesCredential(accepts, known.kind)) throw new SecurityError("credential_refused");
    if (known.followsFeed) feed.refuseWhileLost(request.nowMs);
    if (known.binding !== undefined) prove(known, request, field);
    return known.caller;
  };

  const prove = ({ binding }: KnownCredential, request: CredentialRequest, field: string) => {
    const { incoming, nowMs } = request;
    const { keyThumbprint, certificateThumbprint } = binding ?? {};
    if (certificateThumbprint !== undefined) {
      verifyCertificate(incoming.clientCertificate?.(), certificateThumbprint);
    }
    if (keyThumbprint === undefined) return;
    if (proofs === undefined) throw new SecurityError("token_bound");
    request.proofNonce = proofs.nonce(nowMs);
    const proof = incoming.headers.dpop as string | undefined;
    const { method, url } = incoming;
    proofs.verify(proof, { method, url, token: readField(field).token, keyThumbprint, nowMs });
  };

  const judge = (presented: Presented, nowMs: number): KnownCredential | Promise<KnownCredential> => {
    const { token, scheme } = presented;
    if (token.startsWith(apiKeyPrefix)) {
      if (scheme !== "bearer" || findApiKey === undefined) throw new SecurityError("credential_refused");
      return findApiKey(token, nowMs).then(({ known, keptUntilMs, weight }) => {
        if (feed.state === "synchronised") cache.set(presented.field, known, keptUntilMs, weight);
        return known;
      });
    }
    if (introspect !== undefined && security.introspection !== undefined && !isJwtShaped(token)) {
      const { issuer, cacheSeconds } = security.introspection;
      return introspect(token, nowMs).then((claims) => {
        const known = toKnownToken(presented, claims, issuer);
        const expiresAtMs = (claims.exp ?? Number.POSITIVE_INFINITY) * 1000;
        const keptUntilMs = Math.min(expiresAtMs, nowMs + cacheSeconds * 1000);
        cache.set(presented.field, known, keptUntilMs, JSON.stringify(claims).length);
        return known;
      });
    }
    const verified = verifyToken(token, nowMs);
    const keep = (claims: AccessTokenClaims, issuer: TrustedIssuer) => {
      const known = toKnownToken(presented, claims, issuer);
      const expiresAtMs = (claims.exp + security.clockToleranceSeconds) * 1000;
      // What was revoked is remembered for so long, and no token of the feed's issuer counts longer.
      const forgottenAtMs = known.followsFeed ? claims.iat * 1000 + feedRetentionMs : expiresAtMs;
      if (nowMs >= forgottenAtMs) throw new SecurityError("token_expired");
      cache.set(presented.field, known, Math.min(expiresAtMs, forgottenAtMs));
      return known;
    };
    return verified instanceof Promise
      ? verified.then(({ claims, issuer }) => keep(claims, issuer))
      : keep(verified.claims, verified.issuer);
  };

  const toKnownToken = (
    { scheme }: Presented,
    claims: AccessTokenClaims | IntrospectedClaims,
    issuer: TrustedIssuer,
  ): KnownCredential => {
    // A subject of our own that reads like a further issuer's would be taken for that one's.
    if (issuer.subjectPrefix === "" && foreignPrefixes.some((prefix) => claims.sub.startsWith(prefix))) {
      throw new SecurityError("token_claims");
    }
    const binding = readBinding(claims.cnf);
    const isBoundToKey = binding?.keyThumbprint !== undefined;
    // RFC 9449 §7.1 and §7.2: a bound token is no bearer token, and a bearer token needs no proof.
    if (isBoundToKey && scheme === "bearer") throw new SecurityError("token_bound");
    if (!isBoundToKey && scheme === "dpop") throw new SecurityError("token_unbound");
    const kind = isBoundToKey ? "dpop" : binding === undefined ? "bearer" : "mtls";
    const { principal, ...facts } = toFacts(claims, issuer, kind);
    const known: KnownCredential = {
      caller: createCaller(
        { principal, ...facts, scopes: security.scopes.permissionsOf(claims.scope) },
        scope,
      ),
      kind,
      binding,
      subject: claims.sub,
      sessionId: principal.sessionId,
      tokenId: claims.jti as string | undefined,
      apiKeyId: undefined,
      // Without a time of issue, any revocation of its subject is later.
      issuedAtMs: claims.iat === undefined ? Number.NEGATIVE_INFINITY : claims.iat * 1000,
      followsFeed: issuer.issuer === feedIssuer,
      epoch: -1,
    };
    // The feed may have spoken of it before it was first seen here.
    isStillGood(known, revocations);
    return known;
  };

  return (field, request, accepts) => {
    const known = cache.get(field, request.nowMs);
    if (known !== undefined && isUsable(known, feed) && isStillGood(known, revocations)) {
      return admit(known, request, accepts, field);
    }
    const judged = judge(readField(field), request.nowMs);
    return judged instanceof Promise
      ? judged.then((fresh) => admit(fresh, request, accepts, field))
      : admit(judged, request, accepts, field);
  };
}

/** What was looked up is only kept while the feed would tell of its end. */
function isUsable({ issuedAtMs, followsFeed }: KnownCredential, { state }: Subscription): boolean {
  return issuedAtMs !== undefined || !followsFeed || state === "synchronised";
}

/** RFC 9110 §11.1: the scheme's name is case-insensitive. An API key may also come bare, in a field of its own. */
function readField(field: string): Presented {
  if (field.startsWith("Bearer ")) return { field, scheme: "bearer", token: field.slice(7) };
  if (field.startsWith(apiKeyPrefix)) return { field, scheme: "bearer", token: field };
  const [, scheme, token] = /^(bearer|dpop) (.+)$/is.exec(field) ?? [];
  if (scheme === undefined || token === undefined) throw new SecurityError("credential_scheme");
  return { field, scheme: scheme.toLowerCase() as Presented["scheme"], token };
}

function isJwtShaped(token: string): boolean {
  return /^eyJ[^.]*\.[^.]*\.[^.]*$/.test(token);
}

function toFacts(
  claims: AccessTokenClaims | IntrospectedClaims,
  issuer: TrustedIssuer,
  credential: "bearer" | "dpop" | "mtls",
) {
  const { sub, client_id: clientId, azp, sid, acr, auth_time: authTime } = claims;
  return {
    principal: {
      id: `${issuer.subjectPrefix}${sub}`,
      // RFC 9068 §2.2: where no one but the client itself is involved, `sub` is the client.
      kind: (clientId ?? azp) === sub ? ("client" as const) : ("account" as const),
      roles: rolesOf(claims, issuer.rolesPath),
      claims: Object.freeze(claims),
      credential,
      sessionId: typeof sid === "string" ? sid : undefined,
    },
    acr: typeof acr === "string" ? acr : undefined,
    authenticatedAtMs: typeof authTime === "number" ? authTime * 1000 : undefined,
  };
}

/** @throws {SecurityError} `token_claims` where what should be a list of roles is something else. */
function rolesOf(claims: Readonly<Record<string, unknown>>, path: readonly string[]): readonly string[] {
  let value: unknown = claims;
  for (const name of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return noRoles;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  if (!isTextList(value)) throw new SecurityError("token_claims");
  return Object.freeze([...value]);
}

const noRoles: readonly string[] = Object.freeze([]);
