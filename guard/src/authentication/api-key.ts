/** API keys: from the key to a caller, by asking the identity server. */
import { parseApiKey } from "./api-key-format.ts";
import { type CallerScope, createCaller } from "./caller.ts";
import type { Revocations } from "./feed/revocations.ts";
import type { ApiKey, IdentitySource } from "./identity-source.ts";
import type { KnownCredential } from "./known-credential.ts";
import { createLookup } from "./lookup.ts";
import { SecurityError } from "./security-error.ts";

/** A key that was found good. */
interface FoundApiKey {
  readonly known: KnownCredential;
  /** How long the answer may be kept, in milliseconds since the epoch. */
  readonly keptUntilMs: number;
  /** The characters that keeping it takes, about. */
  readonly weight: number;
}

/** Rejects with `SecurityError` (`api_key_*`) or `UnavailableError`. */
export type ApiKeyLookup = (text: string, nowMs: number) => Promise<FoundApiKey>;

/** The identity server notes when a key was last used: it hears of it at least this often. */
const keptMs = 60_000;

/** @returns `undefined` where the identity server has no API keys. */
export function createApiKeyLookup(
  identity: IdentitySource,
  scope: CallerScope,
  revocations: Revocations,
): ApiKeyLookup | undefined {
  if (identity.findApiKey === undefined) return undefined;
  const lookUp = createLookup<ApiKey>({
    async ask(text) {
      const parts = parseApiKey(text);
      return parts === undefined ? undefined : identity.findApiKey?.(parts.id, parts.secret);
    },
    revocable: revocableOf,
    revocations,
    what: "The store of API keys",
  });
  return async (text, nowMs) => {
    if (parseApiKey(text) === undefined) throw new SecurityError("api_key_malformed");
    const found = await lookUp(text);
    if (found === undefined) throw new SecurityError("api_key_unknown");
    const { answer, epoch } = found;
    const { ownerId, ownerKind, roles, claims, scopes, expiresAtMs } = answer;
    const common = { credential: "apiKey", sessionId: undefined } as const;
    const principal = { id: ownerId, kind: ownerKind, roles, claims, ...common };
    return {
      known: {
        caller: createCaller({ principal, scopes }, scope),
        kind: "apiKey",
        binding: undefined,
        ...revocableOf(answer),
        issuedAtMs: undefined,
        followsFeed: true,
        epoch,
      },
      keptUntilMs: Math.min(nowMs + keptMs, expiresAtMs ?? Number.POSITIVE_INFINITY),
      weight: JSON.stringify([roles, claims, scopes]).length,
    };
  };
}

function revocableOf({ id, ownerId }: ApiKey) {
  return { subject: ownerId, sessionId: undefined, tokenId: undefined, apiKeyId: id };
}
