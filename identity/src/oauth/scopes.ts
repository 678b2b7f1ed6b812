/**
 * Which scopes a client may ask for (RFC 6749 §3.3): the protocol's own, and those of the API's contract.
 *
 * Threat: a token that can do more than was asked for. A scope that nobody knows, misspelt or of another release, would be
 * left out in silence; without any other the token would then not be limited at all. So it is refused.
 */
import type { Security } from "@bulwark/guard";
import { errors, type KoaContextWithOIDC } from "oidc-provider";
import type { Client } from "./clients.ts";

export interface OfferedScopes {
  /** All that may be asked for. */
  readonly all: readonly string[];
  /** Those that limit what a token may do. */
  readonly limiting: ReadonlySet<string>;
}

/** OpenID Connect Core §5.4: what they ask for is about the person, not the API. */
const own = ["openid", "email"] as const;
/** Names that mean something else to the provider: a contract's scope of that name cannot be asked for here. */
const reserved: readonly string[] = [...own, "offline_access"];

export function offeredScopes(contract: Security | undefined): OfferedScopes {
  const names = (contract?.scopes.names ?? []).filter((name) => !reserved.includes(name));
  return Object.freeze({ all: Object.freeze([...own, ...names]), limiting: new Set(names) });
}

/**
 * Refuses what a client may not ask for. A client that was registered for some scopes must name one of them: asking for
 * none would be asking for everything.
 *
 * @throws `invalid_scope`
 */
export function refuseScopes(
  { oidc }: KoaContextWithOIDC,
  client: Client | undefined,
  { all, limiting }: OfferedScopes,
): void {
  // At the exchange of a code the scopes are those it was given for; the contract may have changed since.
  const scope = oidc.entities.AuthorizationCode?.scope ?? oidc.params?.scope;
  const asked = typeof scope === "string" ? scope.split(" ").filter(Boolean) : [];
  for (const name of asked) {
    if (!all.includes(name)) throw new errors.InvalidScope("requested scope is not known", name);
  }
  const registered = client?.scopes;
  if (registered === undefined) return;
  const limited = asked.filter((name) => limiting.has(name));
  for (const name of limited) {
    if (!registered.includes(name)) throw new errors.InvalidScope("requested scope is not allowed", name);
  }
  if (limited.length === 0) throw new errors.InvalidScope("the client must name a scope", "");
}
