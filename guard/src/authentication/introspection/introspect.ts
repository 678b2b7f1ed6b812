/**
 * Asks an issuer about a token that says nothing itself (RFC 7662).
 *
 * The endpoint is configured, but its answers are not trusted to be small, quick or complete: time and size are
 * bounded, as is how many questions are open at once; an answer that lacks what a decision needs is a refusal.
 */

import { readBounded } from "../../outbound/fetch-json.ts";
import { checkClaims, checkTimes, isAudience } from "../jwt/verify.ts";
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
    if (claims.iss !== undefined && claims.iss !== issuer.issuer) throw new SecurityError("token_issuer");
    if (!isAudience(claims.aud, issuer.audience)) throw new SecurityError("token_audience");
    checkClaims(claims, ["sub", ...issuer.requiredClaims]);
    checkTimes(claims, clockToleranceSeconds, nowMs);
    return claims as IntrospectedClaims;
  };
}

async function fetchAnswer(
  endpoint: URL,
  authorization: string,
  token: string,
): Promise<Readonly<Record<string, unknown>>> {
  let answer: unknown;
  try {
    const response = await fetch(endpoint, {
      method: "POST",
      headers: { authorization, accept: "application/json" },
      body: new URLSearchParams({ token, token_type_hint: "access_token" }),
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (response.status !== 200) throw new Error(`The answer is ${response.status}.`);
    answer = JSON.parse(await readBounded(response, maxAnswerBytes));
  } catch (cause) {
    throw unavailable(cause);
  }
  if (typeof answer !== "object" || answer === null || Array.isArray(answer)) throw unavailable();
  return answer as Record<string, unknown>;
}

function unavailable(cause?: unknown): UnavailableError {
  return new UnavailableError("The introspection endpoint", retryAfterSeconds, { cause });
}

/** RFC 6749 §2.3.1: both parts are form-encoded first. */
function basicAuthorization(clientId: string, clientSecret: string): string {
  const encode = (text: string) => encodeURIComponent(text).replaceAll("%20", "+");
  return `Basic ${Buffer.from(`${encode(clientId)}:${encode(clientSecret)}`).toString("base64")}`;
}
