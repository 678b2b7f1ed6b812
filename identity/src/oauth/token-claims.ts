/**
 * What access tokens say beyond the protocol's own claims (RFC 9068 §2.2.1, §2.2.3): how the person signed in, `roles`,
 * `sid`, and the claims a deployment names. Read at each issue: a role taken away is missing from the next token.
 */
import { type AccessToken, type ClientCredentials, errors, type UnknownObject } from "oidc-provider";
import type { Claims } from "../accounts/attributes.ts";
import type { Sessions } from "../sessions/sessions.ts";
import type { Clients } from "./clients.ts";

export interface TokenClaimsOptions {
  readonly sessions: Sessions;
  readonly clients: Clients;
  /** Claims of accounts and clients copied into tokens. */
  readonly tokenClaims: readonly string[];
}

export function createTokenClaims({ sessions, clients, tokenClaims }: TokenClaimsOptions) {
  return async (token: AccessToken | ClientCredentials): Promise<UnknownObject> =>
    token.kind === "ClientCredentials"
      ? claimsOfClient(token.clientId)
      : claimsOfAccount(token as AccessToken);

  async function claimsOfClient(clientId: string | undefined): Promise<UnknownObject> {
    const client = clientId === undefined ? undefined : await clients.findById(clientId);
    if (client === undefined) throw new errors.InvalidClient("the client is gone");
    return { ...pick(client.claims, tokenClaims), roles: client.roles };
  }

  async function claimsOfAccount({ grantId, accountId }: AccessToken): Promise<UnknownObject> {
    const session = grantId === undefined ? undefined : await sessions.findByGrant(grantId);
    // Signed out, expired or disabled between the code and its exchange: no token for a session that ended.
    if (session === undefined || session.accountId !== accountId) {
      throw new errors.InvalidGrant("the session behind the grant has ended");
    }
    return {
      ...pick(session.claims, tokenClaims),
      roles: session.roles,
      sid: session.id,
      auth_time: Math.floor(session.authenticatedAtMs / 1000),
      acr: session.assurance,
      amr: session.methods.length === 0 ? undefined : session.methods,
    };
  }
}

function pick(claims: Claims, names: readonly string[]): UnknownObject {
  return Object.fromEntries(
    names.filter((name) => Object.hasOwn(claims, name)).map((name) => [name, claims[name]]),
  );
}
