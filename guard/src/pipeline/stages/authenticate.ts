/** Stage 4: who is calling? One credential, of a kind the route takes, that proves it. */

import { apiKeyPrefix } from "../../authentication/api-key-format.ts";
import type { Caller } from "../../authentication/caller.ts";
import { type Challenges, createChallenges } from "../../authentication/challenge.ts";
import { type CredentialSet, includesCredential } from "../../authentication/credential.ts";
import { mayUseCookie } from "../../authentication/cross-site.ts";
import { isProofRejection, SecurityError, UnavailableError } from "../../authentication/security-error.ts";
import { cookieValue } from "../../authentication/session.ts";
import type { Exchange } from "../exchange.ts";
import { credentialsOf, type SessionServices } from "../services.ts";
import type { Check, Outcome, StageContext } from "../stages.ts";
import { type Denial, deny } from "../verdict.ts";

export function authenticateStage({ security, route, services }: StageContext): Check | undefined {
  if (route.access === "public") return undefined;
  const { tokens, feed } = services;
  const accepts = credentialsOf(route, services);
  const challenges = createChallenges(accepts, security.dpop);
  const noCredential = deny("authenticate", "unauthenticated", "no credential", {
    fields: challenges.noCredential,
  });
  const { sessions } = services;
  const takesSessions = includesCredential(accepts, "session");
  const takesFields = takesTokens(accepts);

  const authenticate = (exchange: Exchange): Outcome | Promise<Outcome> => {
    const { headers, rawHeaders } = exchange.incoming;
    const { authorization, cookie, "x-api-key": apiKey } = headers;
    const field = authorization ?? apiKey;
    const session =
      sessions === undefined || typeof cookie !== "string"
        ? undefined
        : cookieValue(cookie, sessions.cookieName);
    try {
      // Two credentials are two, whatever the route takes.
      if (field !== undefined) {
        if (session !== undefined) return ambiguous("a token and a session cookie", challenges);
        if (authorization !== undefined && apiKey !== undefined) {
          return ambiguous("a token and an API key", challenges);
        }
        if (rawHeaders !== undefined && isDoubled(rawHeaders)) {
          return ambiguous("one field twice", challenges);
        }
        if (!takesFields) throw new SecurityError("credential_refused");
        // Each field carries what is its own: who strips or logs the one must not miss what came in the other.
        const isKey = String(field).startsWith(apiKeyPrefix);
        if (authorization === undefined && !isKey) throw new SecurityError("api_key_malformed");
        if (authorization !== undefined && isKey) throw new SecurityError("credential_scheme");
        const caller = tokens(String(field), exchange, accepts);
        return caller instanceof Promise ? settle(caller, exchange, challenges) : accept(exchange, caller);
      }
      if (sessions === undefined || session === undefined || !takesSessions) return noCredential;
      if (session === null) return ambiguous("two session cookies", challenges);
      return authenticateSession(exchange, sessions, session, challenges);
    } catch (error) {
      return toDenial(error, challenges);
    }
  };
  return (exchange) => {
    const { settling } = feed;
    return settling === undefined ? authenticate(exchange) : settling.then(() => authenticate(exchange));
  };
}

function takesTokens(accepts: CredentialSet): boolean {
  return (["bearer", "dpop", "mtls", "apiKey"] as const).some((kind) => includesCredential(accepts, kind));
}

/**
 * Node keeps the first of two `Authorization` fields; a proxy in front may have judged the last. Names are compared by
 * their length first: this runs on every request.
 */
function isDoubled(rawHeaders: readonly string[]): boolean {
  let seen = false;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name === undefined || !isCredentialField(name)) continue;
    if (seen) return true;
    seen = true;
  }
  return false;
}

function isCredentialField(name: string): boolean {
  if (name.length === 13) return name.toLowerCase() === "authorization";
  return name.length === 9 && name.toLowerCase() === "x-api-key";
}

function accept(exchange: Exchange, caller: Caller): undefined {
  exchange.caller = caller;
}

function settle(caller: Promise<Caller>, exchange: Exchange, challenges: Challenges): Promise<Outcome> {
  return caller.then(
    (settled) => accept(exchange, settled),
    (error) => toDenial(error, challenges),
  );
}

function authenticateSession(
  exchange: Exchange,
  sessions: SessionServices,
  value: string,
  challenges: Challenges,
): Outcome | Promise<Outcome> {
  const { method, headers } = exchange.incoming;
  const origin = {
    method,
    secFetchSite: headers["sec-fetch-site"] as string | undefined,
    origin: headers.origin as string | undefined,
  };
  if (!mayUseCookie(origin, sessions.crossSite)) {
    return deny("authenticate", "cross_site_refused", "a cookie-borne write not from our own pages");
  }
  const caller = sessions.authenticate(value, exchange.nowMs);
  return caller instanceof Promise ? settle(caller, exchange, challenges) : accept(exchange, caller);
}

function ambiguous(what: string, { ambiguous: fields }: Challenges): Denial {
  return deny("authenticate", "credentials_ambiguous", what, { fields });
}

function toDenial(error: unknown, challenges: Challenges): Denial {
  if (error instanceof SecurityError) {
    return deny("authenticate", "unauthenticated", error.code, { fields: challengeOf(error, challenges) });
  }
  if (error instanceof UnavailableError) {
    const fields = { "retry-after": String(error.retryAfterSeconds) };
    return deny("authenticate", "unavailable", error.message, { fields });
  }
  throw error;
}

function challengeOf({ code }: SecurityError, challenges: Challenges) {
  if (code === "proof_nonce") return challenges.nonceNeeded;
  return isProofRejection(code) ? challenges.invalidProof : challenges.invalid;
}
