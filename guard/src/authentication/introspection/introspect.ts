/**
 * Asks an issuer about a token that says nothing itself (RFC 7662).
 *
 * The endpoint is configured, but its answers are not trusted to be small, quick or complete: time and size are
 * bounded, as is how many questions are open at once; an answer that lacks what a decision needs is a refusal.
 */

import { readBounded } from "../../outbound/fetch-json.ts";
import { parseObjectText } from "../jwt/decode.ts";
import { checkClaims, checkTimes, isAudience, isForeignToken } from "../jwt/verify.ts";
import { SecurityError, UnavailableError } from "../security-error.ts";
import type { IntrospectionRules } from "./introspection-rules.ts";

/** What an issuer said of a live token, checked. */
export interface IntrospectedClaims {
  readonly sub: string;
  readonly exp?: number;
  readonly iat?: number;
  readonly cnf?: Readonly<Record<string, unknown>>;
  readonly [name: string]: unknown;
}

export type Introspection = (token: string, nowMs: number) => Promise<IntrospectedClaims>;

const timeoutMs = 3_000;
const maxAnswerBytes = 64 * 1024;
const maxTokenLength = 4_096;
const maxOpenQuestions = 64;
const retryAfterSeconds = 2;

/** The question rejects with `SecurityError` (`token_*`) or `UnavailableError` (no answer that can be used). */
export function createIntrospection(rules: IntrospectionRules, clockToleranceSeconds: number): Introspection {
  const { endpoint, clientId, clientSecret, issuer } = rules;
  const authorization = basicAuthorization(clientId, clientSecret());
  const open = new Map<string, Promise<Readonly<Record<string, unknown>>>>();

  /** Requests that bring the same token at once share one question. */
  const ask = (token: string): Promise<Readonly<Record<string, unknown>>> => {
    const asked = open.get(token);
    if (asked !== undefined) return asked;
    if (open.size >= maxOpenQuestions) throw unavailable();
    const question = fetchAnswer(endpoint, authorization, token).finally(() => open.delete(token));
    open.set(token, question);
    return question;
  };

  return async (token, nowMs) => {
    // RFC 6750 §2.1: the alphabet of a bearer token.
    if (token.length > maxTokenLength) throw new SecurityError("token_too_long");
    if (!/^[A-Za-z0-9._~+/-]+=*$/.test(token)) throw new SecurityError("token_malformed");
    const claims = await ask(token);
    if (claims.active !== true) throw new SecurityError("token_inactive");
    if (!isAccessToken(claims)) throw new SecurityError("token_type");
    if (claims.iss !== undefined && claims.iss !== issuer.issuer) throw new SecurityError("token_issuer");
    if (!isAudience(claims.aud, issuer.audience)) throw new SecurityError("token_audience");
    checkClaims(claims, ["sub", ...issuer.requiredClaims]);
    checkTimes(claims, clockToleranceSeconds, nowMs);
    return claims as IntrospectedClaims;
  };
}

/**
 * Issuers also call refresh tokens and ID tokens active, and `token_type_hint` is only a hint: what they say of the kind
 * decides. A bound token without its binding would be a plain one.
 */
function isAccessToken(claims: Readonly<Record<string, unknown>>): boolean {
  const { token_use: use, token_type: type, cnf } = claims;
  if (isForeignToken(claims) || (use !== undefined && use !== "access_token")) return false;
  const kind = typeof type === "string" ? type.toLowerCase() : type;
  return (
    kind === undefined ||
    kind === "bearer" ||
    kind === "access_token" ||
    (kind === "dpop" && cnf !== undefined)
  );
}

async function fetchAnswer(
  endpoint: URL,
  authorization: string,
  token: string,
): Promise<Readonly<Record<string, unknown>>> {
  try {
    const response = await fetch(endpoint, {
      method: "POST",
      headers: { authorization, accept: "application/json" },
      body: new URLSearchParams({ token, token_type_hint: "access_token" }),
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (response.status !== 200) throw new Error(`The answer is ${response.status}.`);
    // A member that is there twice may be read the one way there and the other here: that is no answer.
    return parseObjectText(await readBounded(response, maxAnswerBytes));
  } catch (cause) {
    throw unavailable(cause);
  }
}

function unavailable(cause?: unknown): UnavailableError {
  return new UnavailableError("The introspection endpoint", retryAfterSeconds, { cause });
}

/** RFC 6749 §2.3.1: both parts are form-encoded first. */
function basicAuthorization(clientId: string, clientSecret: string): string {
  const encode = (text: string) => encodeURIComponent(text).replaceAll("%20", "+");
  return `Basic ${Buffer.from(`${encode(clientId)}:${encode(clientSecret)}`).toString("base64")}`;
}
