/** What the stages of one guard share: made once, at start. */
import { type BearerAuthentication, createBearerAuthentication } from "../authentication/bearer.ts";
import type { CrossSiteOptions } from "../authentication/cross-site.ts";
import type { IdentitySource } from "../authentication/identity-source.ts";
import { fetchKeys } from "../authentication/keys/fetch-keys.ts";
import { createFixedKeySource, createKeySource, type KeySource } from "../authentication/keys/key-source.ts";
import { createSessionAuthentication, type SessionAuthentication } from "../authentication/session.ts";
import type { Security } from "../contract/define-security.ts";
import { ContractError } from "../contract/refusal.ts";
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
  readonly bearer: BearerAuthentication;
  readonly sessions: SessionServices | undefined;
  readonly addressLimiter: Limiter | undefined;
  readonly principalLimiter: Limiter | undefined;
  readonly framework: FrameworkServices;
}

/** @throws {ContractError} `identity_mismatch`, `option_invalid` */
export function createServices(
  security: Security,
  identity: IdentitySource | undefined,
  framework: FrameworkServices,
): Services {
  if (identity !== undefined && identity.issuer !== security.issuer) {
    throw new ContractError(
      "identity_mismatch",
      "security.issuer",
      `The identity server is \`${identity.issuer}\`.`,
    );
  }
  const { address, principal } = security.limits;
  return Object.freeze({
    bearer: createBearerAuthentication(security, createKeys(security, identity)),
    sessions: identity && createSessions(security, identity),
    addressLimiter: address && createMemoryLimiter(address),
    principalLimiter: principal && createMemoryLimiter(principal),
    framework,
  });
}

function createKeys(security: Security, identity: IdentitySource | undefined): KeySource {
  if (security.keys !== undefined) return createFixedKeySource(security.keys);
  if (identity === undefined) return createKeySource(() => fetchKeys(security.issuer));
  return createKeySource(async () => ({ set: await identity.keys(), maxAgeSeconds: undefined }));
}

function createSessions(security: Security, identity: IdentitySource): SessionServices {
  const url = URL.parse(security.audience);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new ContractError(
      "option_invalid",
      "security.audience",
      "With sessions it must be the API's URL: cookie-borne writes are compared with its origin.",
    );
  }
  return Object.freeze({
    cookieName: identity.sessionCookieName,
    authenticate: createSessionAuthentication(identity, security.roles),
    crossSite: { ownOrigin: url.origin, allowsCredentialsFrom: security.cors?.allowsCredentialsFrom },
  });
}
