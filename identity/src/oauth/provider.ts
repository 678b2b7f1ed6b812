/**
 * OAuth 2 and OpenID Connect: the policy. The protocol itself is `oidc-provider`'s.
 *
 * Policy (RFC 9700): the code grant with PKCE S256 always, exact redirect match, client credentials; no
 * implicit, no password grant, no refresh tokens yet. Access tokens are JWTs (RFC 9068) for one audience, bound to the
 * key of a DPoP proof where the client sends one (RFC 9449).
 */

import type { Security } from "@bulwark/guard";
import Provider, { type Configuration, errors } from "oidc-provider";
import type { Accounts } from "../accounts/accounts.ts";
import { matchesDigest } from "../keys/digest.ts";
import type { KeyRing } from "../keys/key-ring.ts";
import type { SigningKeys } from "../keys/signing-keys.ts";
import type { SessionCookie } from "../sessions/session-cookie.ts";
import { type Sessions, sessionLifetime } from "../sessions/sessions.ts";
import type { Database } from "../storage/schema.ts";
import { createArtifacts } from "./artifacts.ts";
import type { Clients } from "./clients.ts";
import { renderErrorPage } from "./error-page.ts";
import { answerFailures, type FailureLog } from "./failures.ts";
import { offeredScopes, refuseScopes } from "./scopes.ts";
import { createGrant, createInteractionPolicy, reconcileSessions } from "./single-sign-on.ts";
import { createTokenClaims } from "./token-claims.ts";

export interface ProviderOptions {
  readonly issuer: URL;
  readonly audience: string;
  readonly tokenClaims: readonly string[];
  /** Whose scopes clients may ask for. */
  readonly contract: Security | undefined;
  readonly db: Database;
  readonly ring: KeyRing;
  readonly signingKeys: SigningKeys;
  readonly accounts: Accounts;
  readonly clients: Clients;
  readonly sessions: Sessions;
  readonly cookie: SessionCookie;
  readonly now: () => number;
  /** Takes the cause of every failure that a client is told nothing of. */
  readonly logFailure: FailureLog;
}

/** Where the provider is mounted, below the issuer. */
export const mountPath = "/oauth";

/** Lifetimes in seconds. */
const lifetime = {
  accessToken: 300,
  idToken: 300,
  authorizationCode: 60,
  /** From the first redirect to the sign-in page until its form is sent. */
  interaction: 900,
  /** A grant serves one exchange, within a code's life. */
  grant: 900,
  session: sessionLifetime.absoluteMs / 1000,
} as const;

export function createProvider(options: ProviderOptions): Provider {
  const provider = new Provider(options.issuer.origin, createConfiguration(options));
  // Scheme and host of every address the provider writes come from the mount, which sets them from the issuer.
  provider.proxy = true;
  // The store has the secret's digest, so that is what the provider must compare with.
  provider.Client.prototype.compareClientSecret = function (actual) {
    return this.clientSecret !== undefined && matchesDigest(actual, this.clientSecret);
  };
  answerFailures(provider, options.logFailure);
  reconcileSessions(provider, options);
  return provider;
}

function createConfiguration(options: ProviderOptions): Configuration {
  const { audience, accounts, clients, sessions, tokenClaims, issuer } = options;
  const claimsOf = createTokenClaims({ sessions, clients, tokenClaims });
  const scopes = offeredScopes(options.contract);
  return {
    adapter: createArtifacts(options),
    jwks: { keys: options.signingKeys.privateKeys.map((key) => ({ ...key })) },
    routes: { authorization: "/auth", token: "/token", jwks: "/jwks", pushed_authorization_request: "/par" },

    responseTypes: ["code"],
    pkce: { required: () => true },
    allowOmittingSingleRegisteredRedirectUri: false,
    clientAuthMethods: ["client_secret_basic", "client_secret_post", "none"],
    // Only a client's own pages, those it is redirected to, exchange its codes from a browser.
    clientBasedCORS: (_ctx, origin, { redirectUris = [] }) =>
      redirectUris.some((uri) => URL.parse(uri)?.origin === origin),
    clockTolerance: 0,

    scopes: [...scopes.all],
    claims: { openid: ["sub", "auth_time", "acr", "amr"], email: ["email"] },
    enabledJWA: signatureAlgorithms,
    clientDefaults: { id_token_signed_response_alg: "ES256" },

    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      // Asked for by a client that sends a proof; its key is then the token's (RFC 9449 §5, §6). Nonces are offered,
      // not required: they let a client in whose clock is wrong.
      dPoP: { enabled: true, nonceSecret: options.ring.derive("dpop-nonces")[0] },
      introspection: { enabled: false },
      pushedAuthorizationRequests: { enabled: true },
      revocation: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: (_ctx, _client, oneOf) => oneOf ?? audience,
        // The code's audience is the token's: an exchange need not repeat it.
        useGrantedResource: () => true,
        async getResourceServerInfo(ctx, indicator, { clientId }) {
          if (indicator !== audience) throw new errors.InvalidTarget("this server issues no tokens for it");
          refuseScopes(ctx, await clients.findById(clientId), scopes);
          return {
            audience,
            scope: scopes.all.join(" "),
            accessTokenFormat: "jwt",
            accessTokenTTL: lifetime.accessToken,
            jwt: { sign: { alg: "ES256" } },
          };
        },
      },
    },

    cookies: createCookies(options),
    ttl: {
      AccessToken: lifetime.accessToken,
      AuthorizationCode: lifetime.authorizationCode,
      ClientCredentials: lifetime.accessToken,
      Grant: lifetime.grant,
      IdToken: lifetime.idToken,
      Interaction: lifetime.interaction,
      Session: lifetime.session,
    },
    // Codes are bound to our own session through their grant, not to the provider's.
    expiresWithSession: () => false,

    interactions: {
      policy: createInteractionPolicy(),
      url: (_ctx, interaction) => `${mountPath}/interaction/${interaction.uid}`,
    },
    loadExistingGrant: (ctx) => createGrant(ctx, audience, sessions),
    extraTokenClaims: (_ctx, token) => claimsOf(token),
    async findAccount(_ctx, id) {
      const account = await accounts.findById(id);
      if (account === undefined || account.disabledAtMs !== undefined) return undefined;
      return { accountId: account.id, claims: () => ({ sub: account.id, email: account.email }) };
    },
    renderError: (ctx, out) => renderErrorPage(ctx, out.error, issuer),
  };
}

/** Signed, so that a made-up value costs no query; prefixed over https, so that no sibling domain sets them. */
function createCookies({ ring, issuer }: ProviderOptions): Configuration["cookies"] {
  const secure = issuer.protocol === "https:";
  const attributes = { httpOnly: true, sameSite: "lax", signed: true, overwrite: true, secure } as const;
  return {
    keys: ring.derive("oauth-cookies").map((key) => key.toString("base64url")),
    names: {
      session: secure ? "__Host-bulwark-oauth" : "bulwark-oauth",
      interaction: secure ? "__Secure-bulwark-interaction" : "bulwark-interaction",
      resume: secure ? "__Secure-bulwark-resume" : "bulwark-resume",
    },
    long: { ...attributes, path: "/" },
    short: attributes,
  };
}

/** The server signs with ES256. Proofs are signed by clients, with a key of their own choice. */
const signatureAlgorithms: Configuration["enabledJWA"] = {
  authorizationSigningAlgValues: ["ES256"],
  clientAuthSigningAlgValues: ["ES256"],
  dPoPSigningAlgValues: ["ES256", "EdDSA"],
  idTokenSigningAlgValues: ["ES256"],
  introspectionSigningAlgValues: ["ES256"],
  requestObjectSigningAlgValues: ["ES256"],
  userinfoSigningAlgValues: ["ES256"],
};
