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
import type { IdentitySource } from "@bulwark/guard";
import type { FastifyPluginAsync } from "fastify";
import { type Accounts, createAccounts } from "./accounts/accounts.ts";
import { createContracts, createPlugin } from "./http/plugin.ts";
import { createKeyRing } from "./keys/key-ring.ts";
import { readOrCreateSecrets, secretsFileName } from "./keys/secrets-file.ts";
import { loadSigningKeys } from "./keys/signing-keys.ts";
import { type Clients, createClients } from "./oauth/clients.ts";
import { checkOptions, type IdentityOptions } from "./options.ts";
import { createPasswords } from "./passwords/passwords.ts";
import { createSessionCookie } from "./sessions/session-cookie.ts";
import { createSessions, type Sessions, sessionLifetime } from "./sessions/sessions.ts";
import { createSignIn } from "./sessions/sign-in.ts";
import { openStore } from "./storage/open-store.ts";
import { startSweeping } from "./storage/sweep.ts";

export type { Account, Accounts, NewAccount } from "./accounts/accounts.ts";
export { IdentityError, IdentityOptionError, type IdentityProblem, identityProblems } from "./errors.ts";
export type { Client, Clients, GrantType, NewClient } from "./oauth/clients.ts";
export type { IdentityLimits, IdentityOptions } from "./options.ts";
export type { LiveSession, SessionSummary, Sessions } from "./sessions/sessions.ts";

/** A running identity server. */
export interface Identity extends IdentitySource {
  readonly accounts: Accounts;
  readonly clients: Clients;
  readonly sessions: Sessions;
  /** Its routes: `/auth/*`, `/oauth/*`, and the discovery documents. */
  readonly plugin: FastifyPluginAsync;
  /** Stops sweeping and closes the store. */
  close(): Promise<void>;
}

/**
 * Opens the identity server: its secrets, its store, its keys. It answers nothing until `plugin` is registered.
 *
 * @throws {IdentityOptionError} a wrong option: `option_unknown`, `option_invalid`, `issuer_invalid`
 * @throws {ContractError} `rate_invalid`, from the guard, for a limit it cannot read
 * @throws {IdentityError} `store_*`, `secrets_*`, `secret_missing`, `sealed_damaged`
 */
export async function openIdentity(options: IdentityOptions): Promise<Identity> {
  const checked = checkOptions(options, process.env.NODE_ENV);
  const contracts = createContracts(checked);
  const { issuer, audience, dataFolder, databaseUrl, tokenClaims, signInLimit, now } = checked;
  const ring =
    checked.secrets === undefined
      ? createKeyRing(readOrCreateSecrets(dataFolder), secretsFileName)
      : createKeyRing(checked.secrets, "identity.secrets");
  const db = await openStore({ dataFolder, databaseUrl });
  try {
    const signingKeys = await loadSigningKeys(db, ring, now);
    const passwords = await createPasswords();
    const accounts = createAccounts({ db, passwords, now });
    const sessions = createSessions({ db, ring, now });
    const clients = createClients({ db, now });
    const cookie = createSessionCookie({ secure: checked.secureCookies });
    const signIn = createSignIn(accounts, sessions);
    const base = { issuer, audience, sessions, clients, cookie, now };
    const oauth = { tokenClaims, db, ring, signingKeys, accounts };
    const sweeping = startSweeping(db, { now, sessionIdleMs: sessionLifetime.idleMs });
    return {
      issuer: issuer.origin,
      sessionCookieName: cookie.name,
      keys: async () => signingKeys.publicKeys,
      findSession: (cookieValue) => sessions.find(cookieValue),
      accounts,
      clients,
      sessions,
      plugin: createPlugin({ ...base, ...oauth, contracts, signIn, signInLimit }),
      async close() {
        await sweeping.stop();
        await db.destroy();
      },
    };
  } catch (error) {
    await db.destroy();
    throw error;
  }
}
