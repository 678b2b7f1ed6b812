/** API keys: from the key to a caller, by asking the identity server. */

import { parseApiKey } from "./api-key-format.ts";
import { type Caller, type CallerScope, createCaller } from "./caller.ts";
import type { ApiKey, IdentitySource } from "./identity-source.ts";
import { SecurityError, UnavailableError } from "./security-error.ts";

/** A key that was found good. */
interface FoundApiKey {
  readonly caller: Caller;
  /** Its public id. */
  readonly id: string;
  readonly expiresAtMs: number | undefined;
  /** How long the answer may be kept, in milliseconds since the epoch. */
  readonly keptUntilMs: number;
}

/** Rejects with `SecurityError` (`api_key_*`) or `UnavailableError`. */
export type ApiKeyLookup = (text: string) => Promise<FoundApiKey>;

/** The identity server notes when a key was last used: it hears of it at least this often. */
const keptMs = 60_000;
const retryAfterSeconds = 2;

/** @returns `undefined` where the identity server has no API keys. */
export function createApiKeyLookup(
  identity: IdentitySource,
  scope: CallerScope,
  now: () => number,
): ApiKeyLookup | undefined {
  if (identity.findApiKey === undefined) return undefined;
  return async (text) => {
    const parts = parseApiKey(text);
    if (parts === undefined) throw new SecurityError("api_key_malformed");
    let found: ApiKey | undefined;
    try {
      found = await identity.findApiKey?.(parts.id, parts.secret);
    } catch (cause) {
      throw new UnavailableError("The store of API keys", retryAfterSeconds, { cause });
    }
    if (found === undefined) throw new SecurityError("api_key_unknown");
    const { id, ownerId, ownerKind, roles, claims, scopes, expiresAtMs } = found;
    const principal = {
      id: ownerId,
      kind: ownerKind,
      roles,
      claims,
      credential: "apiKey" as const,
      sessionId: undefined,
    };
    const caller = createCaller({ principal, scopes }, scope);
    return { caller, id, expiresAtMs, keptUntilMs: now() + keptMs };
  };
}
