/** Stage 4: who is calling. Exactly one credential, verified; anything else is refused alike. */
import type { Caller } from "../../authentication/caller.ts";
import { mayUseCookie } from "../../authentication/cross-site.ts";
import { SecurityError, UnavailableError } from "../../authentication/security-error.ts";
import { cookieValue } from "../../authentication/session.ts";
import type { Exchange } from "../exchange.ts";
import type { SessionServices } from "../services.ts";
import type { Check, Outcome, StageContext } from "../stages.ts";
import { type Denial, deny } from "../verdict.ts";

// RFC 6750 §3: without a credential the challenge says no more than what to bring; with a bad one, only that it
// is bad. Which check failed is in the log.
const noCredential = deny("authenticate", "unauthenticated", "no credential", {
  fields: { "www-authenticate": "Bearer" },
});
const invalidFields = {
  "www-authenticate": 'Bearer error="invalid_token", error_description="The credential is not valid."',
};
const ambiguousFields = {
  "www-authenticate": 'Bearer error="invalid_request", error_description="Send one credential."',
};

export function authenticateStage({ route, services }: StageContext): Check | undefined {
  if (route.access === "public") return undefined;
  const { bearer, sessions } = services;
  return (exchange) => {
    const { authorization, cookie } = exchange.incoming.headers;
    const sessionCookie =
      sessions === undefined || typeof cookie !== "string"
        ? undefined
        : cookieValue(cookie, sessions.cookieName);
    try {
      if (authorization !== undefined) {
        if (sessionCookie !== undefined) return ambiguous("a token and a session cookie");
        const caller = bearer(String(authorization), exchange.nowMs);
        return caller instanceof Promise ? settle(caller, exchange) : accept(exchange, caller);
      }
      if (sessions === undefined || sessionCookie === undefined) return noCredential;
      if (sessionCookie === null) return ambiguous("two session cookies");
      return authenticateSession(exchange, sessions, sessionCookie);
    } catch (error) {
      return toDenial(error);
    }
  };
}

function accept(exchange: Exchange, caller: Caller): undefined {
  exchange.caller = caller;
}

function settle(caller: Promise<Caller>, exchange: Exchange): Promise<Outcome> {
  return caller.then((settled) => accept(exchange, settled), toDenial);
}

function authenticateSession(
  exchange: Exchange,
  sessions: SessionServices,
  value: string,
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
  return settle(sessions.authenticate(value), exchange);
}

function ambiguous(what: string): Denial {
  return deny("authenticate", "credentials_ambiguous", what, { fields: ambiguousFields });
}

function toDenial(error: unknown): Denial {
  if (error instanceof SecurityError) {
    return deny("authenticate", "unauthenticated", error.code, { fields: invalidFields });
  }
  if (error instanceof UnavailableError) {
    const fields = { "retry-after": String(error.retryAfterSeconds) };
    return deny("authenticate", "unavailable", error.message, { fields });
  }
  throw error;
}
