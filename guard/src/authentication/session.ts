/** Session cookies: from the `Cookie` field to a caller, by asking the identity server in this process. */
import type { RoleTable } from "../authorization/roles.ts";
import { type Caller, createCaller } from "./caller.ts";
import type { IdentitySource, Session } from "./identity-source.ts";
import { SecurityError, UnavailableError } from "./security-error.ts";

export type SessionAuthentication = (cookieValue: string) => Promise<Caller>;

const retryAfterSeconds = 2;

/** The check rejects with `SecurityError` (no live session) or `UnavailableError` (the store cannot be asked). */
export function createSessionAuthentication(
  identity: IdentitySource,
  roles: RoleTable,
): SessionAuthentication {
  return async (cookieValue) => {
    let session: Session | undefined;
    try {
      session = await identity.findSession(cookieValue);
    } catch (cause) {
      throw new UnavailableError("The session store", retryAfterSeconds, { cause });
    }
    if (session === undefined) throw new SecurityError("session_unknown");
    const { id, accountId, roles: names, claims } = session;
    return createCaller(
      { id: accountId, kind: "account", roles: names, claims, credential: "session", sessionId: id },
      roles,
    );
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
