/**
 * `@bulwark/identity`: accounts, sessions, OAuth 2 and OpenID Connect, in one process with an API or on its own.
 *
 * @example
 * const identity = await openIdentity({
 *   issuer: "http://localhost:3000",
 *   audience: "http://localhost:3000/api",
 *   dataFolder: "./data",
 * });
 * await app.register(bulwark, { security, identity });
 * await app.register(identity.plugin);
 */
import { feedRetentionMs, type IdentitySource } from "@bulwark/guard";
import type { FastifyPluginAsync } from "fastify";
import { type Accounts, createAccounts } from "./accounts/accounts.ts";
import { type ApiKeys, createApiKeys } from "./api-keys/api-keys.ts";
import { type AuditLog, createAuditLog } from "./audit/audit-log.ts";
import { createFeed } from "./feed/feed.ts";
import { createRevoke, type Revocation } from "./feed/revoke.ts";
import { createContracts, createPlugin } from "./http/plugin.ts";
import { createKeyRing } from "./keys/key-ring.ts";
import { readOrCreateSecrets, secretsFileName } from "./keys/secrets-file.ts";
import { loadSigningKeys } from "./keys/signing-keys.ts";
import { type Clients, createClients } from "./oauth/clients.ts";
import { checkOptions, type IdentityOptions } from "./options.ts";
import { createPasswords } from "./passwords/passwords.ts";
import { createRoleKeeper } from "./roles/role-keeper.ts";
import { readChanges } from "./roles/role-records.ts";
import { createRoles, type Roles } from "./roles/roles.ts";
import { createSessionCookie } from "./sessions/session-cookie.ts";
import { createSessions, type Sessions, sessionLifetime } from "./sessions/sessions.ts";
import { createSignIn } from "./sessions/sign-in.ts";
import { openStore } from "./storage/open-store.ts";
import { startSweeping } from "./storage/sweep.ts";

export type { Account, Accounts, NewAccount } from "./accounts/accounts.ts";
export type { ApiKeySummary, ApiKeys } from "./api-keys/api-keys.ts";
export type { ApiKeyOwner, NewApiKey } from "./api-keys/new-api-key.ts";
export { type AuditAction, auditActions } from "./audit/actions.ts";
export type { AuditEvent, AuditLog, AuditPage } from "./audit/audit-log.ts";
export { IdentityError, IdentityOptionError, type IdentityProblem, identityProblems } from "./errors.ts";
export type { Revocation } from "./feed/revoke.ts";
export type { Client, Clients, GrantType, NewClient } from "./oauth/clients.ts";
export type { IdentityLimits, IdentityOptions } from "./options.ts";
export type { Access } from "./roles/role-keeper.ts";
export type { Roles } from "./roles/roles.ts";
export type { LiveSession, SessionSummary, Sessions } from "./sessions/sessions.ts";

/** A running identity server. */
export interface Identity extends Required<IdentitySource> {
  readonly accounts: Accounts;
  readonly clients: Clients;
  readonly sessions: Sessions;
  readonly apiKeys: ApiKeys;
  /** Custom roles and direct grants, changed by the program itself. */
  readonly roles: Roles;
  /** Who changed what. */
  readonly audit: AuditLog;
  /**
   * Revokes an account's or client's tokens and sessions, one session, one token, or one API key. Guards in this
   * process know when the promise resolves; others within a second.
   *
   * @throws {IdentityError} `revocation_invalid`
   * @example
   * await identity.revoke({ subject: account.id });
   */
  revoke(revocation: Revocation): Promise<void>;
  /** Its routes: `/auth/*`, `/oauth/*`, `/guard/*`, the discovery documents, and with a contract `/admin/api/*`. */
  readonly plugin: FastifyPluginAsync;
  /** Stops sweeping, ends the feed's subscriptions, and closes the store. */
  close(): Promise<void>;
}

/**
 * Opens the identity server: its secrets, its store, its keys. It answers nothing until `plugin` is registered.
 *
 * @throws {IdentityOptionError} a wrong option: `option_unknown`, `option_invalid`, `issuer_invalid`; a contract of another
 *   issuer or audience
 * @throws {ContractError} `rate_invalid`, from the guard, for a limit it cannot read
 * @throws {IdentityError} `store_*`, `secrets_*`, `secret_missing`, `sealed_damaged`
 */
export async function openIdentity(options: IdentityOptions): Promise<Identity> {
  const checked = checkOptions(options, process.env.NODE_ENV);
  const contracts = createContracts(checked);
  const { issuer, audience, dataFolder, databaseUrl, tokenClaims, now } = checked;
  const ring =
    checked.secrets === undefined
      ? createKeyRing(readOrCreateSecrets(dataFolder), secretsFileName)
      : createKeyRing(checked.secrets, "identity.secrets");
  const db = await openStore({ dataFolder, databaseUrl });
  try {
    const feed = createFeed({ db, now });
    const signingKeys = await loadSigningKeys(db, ring, now);
    const passwords = await createPasswords();
    const accounts = createAccounts({ db, feed, passwords, now });
    const sessions = createSessions({ db, feed, ring, now });
    const clients = createClients({ db, feed, now });
    const keeper = checked.contract && createRoleKeeper({ db, feed, contract: checked.contract, now });
    const audit = createAuditLog(db);
    const apiKeys = createApiKeys({ db, feed, now });
    const cookie = createSessionCookie({ secure: checked.secureCookies });
    const signIn = createSignIn(accounts, sessions);
    const base = { issuer, audience, sessions, clients, cookie, now };
    const oauth = { tokenClaims, db, ring, signingKeys, accounts };
    const sweeping = startSweeping(db, { now, sessionIdleMs: sessionLifetime.idleMs, feedRetentionMs });
    const source: Required<IdentitySource> = {
      issuer: issuer.origin,
      sessionCookieName: cookie.name,
      keys: async () => signingKeys.publicKeys,
      findSession: (cookieValue) => sessions.find(cookieValue),
      findApiKey: (id, secret) => apiKeys.find(id, secret),
      subscribe: (subscriber) => feed.subscribe({}, subscriber),
      roleChanges: (since) => readChanges(db, since),
    };
    const administration = { source, keeper, audit, contract: checked.contract };
    return {
      ...source,
      accounts,
      clients,
      sessions,
      apiKeys,
      roles: createRoles(keeper),
      audit,
      revoke: createRevoke({ feed, sessions, apiKeys, now }),
      plugin: createPlugin({ ...base, ...oauth, ...administration, contracts, signIn, apiKeys, feed }),
      async close() {
        await sweeping.stop();
        await feed.close();
        await apiKeys.settle();
        await db.destroy();
      },
    };
  } catch (error) {
    await db.destroy();
    throw error;
  }
}
