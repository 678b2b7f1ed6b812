/**
 * Session cookies: from the `Cookie` field to a caller, by asking the identity server.
 *
 * An answer is kept for some seconds, and only while the feed would tell of the session's end.
 */
import { type Caller, type CallerScope, createCaller } from "./caller.ts";
import type { Subscription } from "./feed/subscription.ts";
import type { IdentitySource, Session } from "./identity-source.ts";
import { isStillGood, type KnownCredential } from "./known-credential.ts";
import { createLookup } from "./lookup.ts";
import { SecurityError } from "./security-error.ts";
import { createTokenCache } from "./token-cache.ts";

/** Answers at once for a session seen lately. Throws or rejects with `SecurityError` or `UnavailableError`. */
export type SessionAuthentication = (cookieValue: string, nowMs: number) => Caller | Promise<Caller>;

/** How long an answer is kept. The identity server notes that a session is in use when it is asked. */
const keptMs = 15_000;
/** What a session's value can look like; nothing else is asked about. */
const valuePattern = /^[\w-]{16,256}$/;

export function createSessionAuthentication(
  identity: IdentitySource,
  scope: CallerScope,
  feed: Subscription,
): SessionAuthentication {
  const { revocations } = feed;
  const cache = createTokenCache<KnownCredential>();
  const find = createLookup<Session>({
    ask: async (cookieValue) => identity.findSession(cookieValue),
    revocable: revocableOf,
    revocations,
    what: "The session store",
  });

  const lookUp = async (cookieValue: string, nowMs: number): Promise<Caller> => {
    if (!valuePattern.test(cookieValue)) throw new SecurityError("session_unknown");
    const found = await find(cookieValue);
    if (found === undefined) throw new SecurityError("session_unknown");
    const known = toKnownSession(found.answer, found.epoch, scope);
    if (feed.state === "synchronised") {
      const { roles, claims, expiresAtMs } = found.answer;
      const weight = JSON.stringify([roles, claims]).length;
      cache.set(cookieValue, known, Math.min(nowMs + keptMs, expiresAtMs), weight);
    }
    return known.caller;
  };

  return (cookieValue, nowMs) => {
    const known = feed.state === "synchronised" ? cache.get(cookieValue, nowMs) : undefined;
    return known !== undefined && isStillGood(known, revocations) ? known.caller : lookUp(cookieValue, nowMs);
  };
}

function toKnownSession(session: Session, epoch: number, scope: CallerScope): KnownCredential {
  const { id, accountId, roles, claims, assurance, authenticatedAtMs } = session;
  const common = { kind: "account", credential: "session" } as const;
  const principal = { id: accountId, roles, claims, sessionId: id, ...common };
  return {
    caller: createCaller({ principal, acr: assurance, authenticatedAtMs }, scope),
    kind: "session",
    binding: undefined,
    ...revocableOf(session),
    issuedAtMs: undefined,
    followsFeed: true,
    epoch,
  };
}

function revocableOf({ id, accountId }: Session) {
  return { subject: accountId, sessionId: id, tokenId: undefined, apiKeyId: undefined };
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
