/** The answers of an identity server that knows one session and one API key. */
import { formatApiKey } from "../../authentication/api-key-format.ts";
import type { IdentitySource } from "../../authentication/identity-source.ts";
import type { TestIssuer } from "../../testing/issuer.ts";

const sessionValue = "s".repeat(43);
const keyParts = { id: "k".repeat(16), secret: "x".repeat(43) };

export const testCookie = `session=${sessionValue}`;
export const testApiKey = formatApiKey(keyParts);

export function createTestIdentity({ issuer, keys, clock }: TestIssuer): IdentitySource {
  return {
    issuer,
    sessionCookieName: "session",
    keys: async () => keys,
    findSession: async (value) =>
      value === sessionValue
        ? {
            id: "session-1",
            accountId: "alice",
            roles: ["user"],
            claims: { team: "red" },
            assurance: "password",
            authenticatedAtMs: clock.now(),
            expiresAtMs: clock.now() + 3_600_000,
          }
        : undefined,
    findApiKey: async (id, secret) =>
      id === keyParts.id && secret === keyParts.secret
        ? {
            id,
            ownerId: "shop",
            ownerKind: "client",
            roles: ["user"],
            claims: {},
            scopes: undefined,
            expiresAtMs: undefined,
          }
        : undefined,
  };
}
