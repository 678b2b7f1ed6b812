/** The issuer of the run: one ES256 key pair that lives as long as the run, and the access tokens (RFC 9068). */
import { randomUUID } from "node:crypto";
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from "jose";
import type { Account } from "./accounts.ts";
import type { ServerSettings } from "./settings.ts";

export interface TokenIssuer {
  readonly settings: ServerSettings;
  /** A new token of the account, with its own `jti` and `sid`. */
  mint(account: Account, changes?: TokenChanges): Promise<string>;
}

/** What makes a token wrong. Default: nothing. */
export interface TokenChanges {
  readonly audience?: string;
  readonly issuer?: string;
  readonly tokenType?: string;
  /** Seconds from now. */
  readonly expiresInSeconds?: number;
  /** Signs with a key that the servers do not know. */
  readonly foreignKey?: boolean;
}

/** Longer than any run. */
const lifetimeSeconds = 6 * 3_600;

const keyId = "bench-1";

export async function createTokenIssuer(): Promise<TokenIssuer> {
  const own = await generateKeyPair("ES256");
  const foreign = await generateKeyPair("ES256");
  const settings: ServerSettings = {
    issuer: "https://id.shop.example",
    audience: "https://api.shop.example",
    algorithm: "ES256",
    tokenType: "at+jwt",
    publicJwk: { ...(await exportJWK(own.publicKey)), kid: keyId, alg: "ES256", use: "sig" },
    corsOrigins: ["https://shop.example", "https://admin.shop.example"],
    rateLimit: { requests: 1_000_000_000, windowSeconds: 60 },
  };
  return {
    settings,
    mint: (account, changes = {}) =>
      sign(changes.foreignKey === true ? foreign.privateKey : own.privateKey, account, settings, changes),
  };
}

function sign(
  key: CryptoKey,
  account: Account,
  settings: ServerSettings,
  changes: TokenChanges,
): Promise<string> {
  const now = Math.floor(Date.now() / 1_000);
  return new SignJWT({ client_id: "shop-web", roles: [account.role], team: account.team, sid: randomUUID() })
    .setProtectedHeader({ alg: settings.algorithm, typ: changes.tokenType ?? settings.tokenType, kid: keyId })
    .setIssuer(changes.issuer ?? settings.issuer)
    .setAudience(changes.audience ?? settings.audience)
    .setSubject(account.id)
    .setJti(randomUUID())
    .setIssuedAt(now)
    .setExpirationTime(now + (changes.expiresInSeconds ?? lifetimeSeconds))
    .sign(key);
}
