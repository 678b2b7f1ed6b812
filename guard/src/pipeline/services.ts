/** What the stages of one guard share: made once, at start. */
import { createApiKeyLookup } from "../authentication/api-key.ts";
import type { CallerScope } from "../authentication/caller.ts";
import { type CredentialKind, type CredentialSet, toCredentialSet } from "../authentication/credential.ts";
import type { CrossSiteOptions } from "../authentication/cross-site.ts";
import { createProofVerification } from "../authentication/dpop/verify-proof.ts";
import { type Subscription, subscribe } from "../authentication/feed/subscription.ts";
import type { IdentitySource } from "../authentication/identity-source.ts";
import { createIntrospection } from "../authentication/introspection/introspect.ts";
import { createTokenVerification, type IssuerKeys } from "../authentication/jwt/verify-token.ts";
import { fetchKeys } from "../authentication/keys/fetch-keys.ts";
import { createFixedKeySource, createKeySource, type KeySource } from "../authentication/keys/key-source.ts";
import { createSessionAuthentication, type SessionAuthentication } from "../authentication/session.ts";
import { createTokenAuthentication, type TokenAuthentication } from "../authentication/token.ts";
import { createLiveRoles, type LiveRoles } from "../authorization/live-roles.ts";
import { createRoleSync } from "../authorization/role-sync.ts";
import type { Security } from "../contract/define-security.ts";
import type { TrustedIssuer } from "../contract/issuer.ts";
import { ContractError } from "../contract/refusal.ts";
import type { CheckedRoute } from "../contract/route.ts";
import { createMemoryLimiter, type Limiter } from "../defence/rate-limit/gcra.ts";
import type { Input } from "./exchange.ts";

/** Session cookies, where an identity server in this process stands behind them. */
export interface SessionServices {
  readonly cookieName: string;
  readonly authenticate: SessionAuthentication;
  readonly crossSite: CrossSiteOptions;
}

/** What differs between frameworks. */
export interface FrameworkServices {
  /** The input of a framework's request, to be validated. */
  readonly read: (request: unknown) => Input;
  /** Puts the validated input back, so that loader and handler see only that. */
  readonly write: (request: unknown, input: Input) => void;
}

export interface Services {
  readonly tokens: TokenAuthentication;
  readonly sessions: SessionServices | undefined;
  readonly addressLimiter: Limiter | undefined;
  readonly principalLimiter: Limiter | undefined;
  readonly feed: Subscription;
  /** The roles as they are now. */
  readonly roles: LiveRoles;
  /** The kinds of credential that can be checked here. */
  readonly available: CredentialSet;
  readonly framework: FrameworkServices;
}

export interface ServicesOptions {
  readonly security: Security;
  readonly identity: IdentitySource | undefined;
  readonly framework: FrameworkServices;
  readonly now: () => number;
}

/** @throws {ContractError} `identity_mismatch`, `option_invalid` */
export function createServices({ security, identity, framework, now }: ServicesOptions): Services {
  if (identity !== undefined && identity.issuer !== security.issuer) {
    throw new ContractError(
      "identity_mismatch",
      "security.issuer",
      `The identity server is \`${identity.issuer}\`.`,
    );
  }
  const { address, principal } = security.limits;
  const [own, ...further] = security.issuers;
  const issuers: [IssuerKeys, ...IssuerKeys[]] = [
    { issuer: own, keys: createKeys(own, identity) },
    ...further.map((issuer) => ({ issuer, keys: createKeys(issuer, undefined) })),
  ];
  const { clockToleranceSeconds, dpop, introspection } = security;
  const roles = createRoles(security, identity);
  const ask = identity?.roleChanges?.bind(identity);
  const feed = subscribe(identity, {
    rules: security.feed,
    now,
    keysChanged: () => issuers[0].keys.expire(now()),
    rolesChanged: ask && createRoleSync(ask, roles),
  });
  const scope: CallerScope = { roles, assurance: security.assurance };
  const sessions = identity && createSessions(security, identity, scope, feed);
  const findApiKey = identity && createApiKeyLookup(identity, scope, feed.revocations);
  return Object.freeze({
    tokens: createTokenAuthentication({
      security,
      scope,
      feed,
      verifyToken: createTokenVerification(issuers, clockToleranceSeconds),
      proofs: dpop && createProofVerification(dpop),
      introspect: introspection && createIntrospection(introspection, clockToleranceSeconds),
      findApiKey,
      feedIssuer: feed.state === "off" ? undefined : identity?.issuer,
    }),
    sessions,
    addressLimiter: address && createMemoryLimiter(address),
    principalLimiter: principal && createMemoryLimiter(principal),
    feed,
    roles,
    available: availableKinds({ dpop, sessions, findApiKey }),
    framework,
  });
}

/** What a guard can check, by what it has been given. */
function availableKinds(parts: {
  readonly dpop: unknown;
  readonly sessions: unknown;
  readonly findApiKey: unknown;
}): CredentialSet {
  const kinds: CredentialKind[] = ["bearer", "mtls"];
  if (parts.dpop !== undefined) kinds.push("dpop");
  if (parts.sessions !== undefined) kinds.push("session");
  if (parts.findApiKey !== undefined) kinds.push("apiKey");
  return toCredentialSet(kinds, "security.credentials");
}

/**
 * The kinds of credential a route takes.
 *
 * @throws {ContractError} `credential_unavailable` where it lists one that nothing here can check.
 */
export function credentialsOf(
  { credentials, place }: CheckedRoute,
  { available }: Pick<Services, "available">,
): CredentialSet {
  if (credentials === undefined) return available;
  if ((credentials & ~available) !== 0) {
    throw new ContractError(
      "credential_unavailable",
      `${place} credentials`,
      "A session or an API key needs `identity`; `dpop` needs `dpop.baseUrl`.",
    );
  }
  return credentials;
}

function createKeys({ issuer, keys }: TrustedIssuer, identity: IdentitySource | undefined): KeySource {
  if (keys !== undefined) return createFixedKeySource(keys);
  if (identity === undefined) return createKeySource(() => fetchKeys(issuer));
  return createKeySource(async () => ({ set: await identity.keys(), maxAgeSeconds: undefined }));
}

/** Without an identity server that keeps roles, the contract's are all there are. */
function createRoles(
  { roles: table, resources, conditions }: Security,
  identity: IdentitySource | undefined,
) {
  const mayChange = identity?.roleChanges !== undefined && identity.subscribe !== undefined;
  return createLiveRoles({ table, vocabulary: { resources, conditions }, mayChange });
}

function createSessions(
  security: Security,
  identity: IdentitySource,
  scope: CallerScope,
  feed: Subscription,
): SessionServices {
  const url = URL.parse(security.audience);
  if (url === null || url.origin === "null") {
    throw new ContractError(
      "option_invalid",
      "security.audience",
      "With sessions it must be the API's URL: cookie-borne writes are compared with its origin.",
    );
  }
  return Object.freeze({
    cookieName: identity.sessionCookieName,
    authenticate: createSessionAuthentication(identity, scope, feed),
    crossSite: { ownOrigin: url.origin, allowsCredentialsFrom: security.cors?.allowsCredentialsFrom },
  });
}
