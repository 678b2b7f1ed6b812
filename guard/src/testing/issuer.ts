/**
 * A local issuer for tests: mints access tokens with a library that shares no code with the guard's verification.
 */
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import type { PublicJwkSet } from "../authentication/identity-source.ts";

/** What differs from a good token. A claim set to `undefined` is left out. */
export interface TokenChanges {
  readonly header?: Readonly<Record<string, unknown>>;
  readonly claims?: Readonly<Record<string, unknown>>;
}

export interface TestIssuer {
  readonly issuer: string;
  readonly audience: string;
  readonly keys: PublicJwkSet;
  /** An access token for `alice`, a `user` of team `red`, good for five minutes, but for the changes. */
  mint(changes?: TokenChanges): Promise<string>;
}

export async function createTestIssuer(
  issuer = "https://issuer.example",
  audience = "https://api.example",
  algorithm = "ES256",
): Promise<TestIssuer> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: "test-key", alg: algorithm, use: "sig" };
  let serial = 0;
  return {
    issuer,
    audience,
    keys: { keys: [jwk] },
    mint({ header = {}, claims = {} } = {}) {
      const now = Math.floor(Date.now() / 1000);
      serial += 1;
      const payload = {
        iss: issuer,
        aud: audience,
        sub: "alice",
        client_id: "shop",
        jti: `token-${serial}`,
        iat: now,
        exp: now + 300,
        roles: ["user"],
        team: "red",
        ...claims,
      };
      return new SignJWT(payload as JWTPayload)
        .setProtectedHeader({ alg: algorithm, kid: "test-key", typ: "at+jwt", ...header })
        .sign(privateKey);
    },
  };
}
