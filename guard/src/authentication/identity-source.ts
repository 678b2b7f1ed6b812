/**
 * What an identity server lends to a guard.
 *
 * The guard asks few questions: "which keys are yours?", "whose session is this?", "whose API key is this?", and
 * "tell me what is revoked". In one process each is a function call; `connectIdentity` asks the same over HTTP.
 */
import type { JsonWebKey } from "node:crypto";
import type { RoleChanges } from "../authorization/live-roles.ts";
import type { FeedSubscriber } from "./feed/feed.ts";

/** A public key as an issuer publishes it (RFC 7517 §4). */
export interface PublicJwk extends JsonWebKey {
  readonly kid?: string;
  readonly alg?: string;
  readonly use?: string;
}

/** A JWK Set (RFC 7517 §5). */
export interface PublicJwkSet {
  readonly keys: readonly PublicJwk[];
}

/** A live session, as the identity server knows it at this moment. */
export interface Session {
  /** The public handle, safe to log and to put in a token's `sid`; never the cookie's secret value. */
  readonly id: string;
  /** The account signed in. */
  readonly accountId: string;
  /** Role names the account holds. */
  readonly roles: readonly string[];
  /** Further facts about the account that conditions may name (`team`, …). */
  readonly claims: Readonly<Record<string, unknown>>;
  /** How strongly the person proved who they are: an authentication context class (`acr`), if it is known. */
  readonly assurance: string | undefined;
  /** When they last proved it, in milliseconds since the epoch. */
  readonly authenticatedAtMs: number;
  /** When it ends whatever happens, in milliseconds since the epoch. */
  readonly expiresAtMs: number;
}

/** A live API key, as the identity server knows it at this moment. */
export interface ApiKey {
  /** The key's public id, safe to log. */
  readonly id: string;
  /** The account or client it acts for. */
  readonly ownerId: string;
  readonly ownerKind: "account" | "client";
  /** Role names the owner holds. */
  readonly roles: readonly string[];
  /** Further facts about the owner that conditions may name. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** The permissions it is limited to, of those its owner holds; `undefined`: all of them. */
  readonly scopes: readonly string[] | undefined;
  /** When it ends, in milliseconds since the epoch; `undefined`: not by itself. */
  readonly expiresAtMs: number | undefined;
}

/** The identity server's side of a guard. */
export interface IdentitySource {
  /** The `iss` of the tokens it signs. */
  readonly issuer: string;
  /** The name of the cookie that carries a session. */
  readonly sessionCookieName: string;
  /** The current public signing keys. */
  keys(): Promise<PublicJwkSet>;
  /**
   * The live session behind a cookie's value: `undefined` if there is none, it has expired or was revoked.
   * Rejects when it cannot be asked; the guard then answers 503, never "signed in".
   */
  findSession(cookieValue: string): Promise<Session | undefined>;
  /**
   * The live API key with this public id and secret: `undefined` if there is none, the secret is wrong, it has
   * expired, was revoked, or its owner is disabled. Rejects when it cannot be asked.
   */
  findApiKey?(id: string, secret: string): Promise<ApiKey | undefined>;
  /**
   * Subscribes to the feed: first what is still of consequence, then what happens, in order.
   *
   * @returns ends the subscription.
   */
  subscribe?(subscriber: FeedSubscriber): () => void;
  /**
   * What has changed in the custom roles and direct grants since a version, a page at a time; since 0: all there is.
   * Rejects when it cannot be asked. Needs `subscribe`, which tells when to ask.
   */
  roleChanges?(since: number): Promise<RoleChanges>;
}
