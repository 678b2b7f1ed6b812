/**
 * Session cookies: from the `Cookie` field to a caller, by asking the identity server.
 *
 * An answer is kept for some seconds, and only while the feed would tell of the session's end.
 */
import { type Caller, type CallerScope, createCaller } from "./caller.ts";
import type { Subscription } from "./feed/subscription.ts";
import type { IdentitySource, Session } from "./identity-source.ts";
import { isStillGood, type KnownCredential } from "./known-credential.ts";
import { SecurityError, UnavailableError } from "./security-error.ts";
import { createTokenCache } from "./token-cache.ts";

/** Answers at once for a session seen lately. Throws or rejects with `SecurityError` or `UnavailableError`. */
export type SessionAuthentication = (cookieValue: string, nowMs: number) => Caller | Promise<Caller>;

const retryAfterSeconds = 2;
/** How long an answer is kept. The identity server notes that a session is in use when it is asked. */
const keptMs = 15_000;
/** Longer than any value a session has. */
const maxValueLength = 256;

export function createSessionAuthentication(
  identity: IdentitySource,
  scope: CallerScope,
  feed: Subscription,
): SessionAuthentication {
  const { revocations } = feed;
  const cache = createTokenCache<KnownCredential>();

  const lookUp = async (cookieValue: string, nowMs: number): Promise<Caller> => {
    if (cookieValue.length > maxValueLength) throw new SecurityError("session_unknown");
    const { epoch } = revocations;
    let session: Session | undefined;
    try {
      session = await identity.findSession(cookieValue);
    } catch (cause) {
      throw new UnavailableError("The session store", retryAfterSeconds, { cause });
    }
    if (session === undefined) throw new SecurityError("session_unknown");
    const caller = toCaller(session, scope);
    if (feed.state === "synchronised") {
      const known = toKnownSession(caller, session, epoch);
      cache.set(cookieValue, known, Math.min(nowMs + keptMs, session.expiresAtMs));
    }
    return caller;
  };

  return (cookieValue, nowMs) => {
    const known = feed.state === "synchronised" ? cache.get(cookieValue, nowMs) : undefined;
    return known !== undefined && isStillGood(known, revocations) ? known.caller : lookUp(cookieValue, nowMs);
  };
}

function toCaller(session: Session, scope: CallerScope): Caller {
  const { id, accountId, roles, claims, assurance, authenticatedAtMs } = session;
  return createCaller(
    {
      principal: { id: accountId, kind: "account", roles, claims, credential: "session", sessionId: id },
      acr: assurance,
      authenticatedAtMs,
    },
    scope,
  );
}

function toKnownSession(caller: Caller, { id, accountId }: Session, epoch: number): KnownCredential {
  return {
    caller,
    kind: "session",
    binding: undefined,
    subject: accountId,
    sessionId: id,
    tokenId: undefined,
    apiKeyId: undefined,
    issuedAtMs: undefined,
    followsFeed: true,
    epoch,
  };
}

/**
 * The value of a cookie in a `Cookie` field (RFC 6265 §4.2): `undefined` if it is not there, `null` if it is
 * there more than once. Two values mean that someone set a second one, from a subdomain or a path, and which of
 * them arrives first is that someone's choice.
 */
export function cookieValue(field: string, name: string): string | undefined | null {
  let value: string | undefined;
  for (const pair of field.split(";")) {
    const equals = pair.indexOf("=");
    if (equals < 0 || pair.slice(0, equals).trim() !== name) continue;
    if (value !== undefined) return null;
    value = pair.slice(equals + 1).trim();
  }
  return value;
}
