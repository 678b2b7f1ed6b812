/** A local issuer for tests: mints access tokens that a guard accepts, and spoils them. */
import type { PublicJwkSet } from "../authentication/identity-source.ts";
import type { JwsAlgorithm } from "../authentication/jwt/algorithms.ts";
import { createClock, type TestClock } from "./clock.ts";
import { createKey, encodeJson, signJwt } from "./sign.ts";

export interface IssuerOptions {
  /** Its `iss`; default `https://issuer.example`. */
  readonly issuer?: string;
  /** The API its tokens are for; default `https://api.example`. */
  readonly audience?: string;
  /** What it signs with; default `ES256`. */
  readonly algorithm?: JwsAlgorithm;
  /** The clock its tokens are dated by; default one that stands at the present. */
  readonly clock?: TestClock;
  /** What its tokens say unless `mint` says otherwise. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** Who a token is for, and what differs from a good one. */
export interface MintOptions {
  /** The principal's id; default `alice`. */
  readonly subject?: string;
  readonly roles?: readonly string[];
  /** Further claims; one set to `undefined` is left out. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
  /** How long it lives; default 300. */
  readonly ttlSeconds?: number;
}

/** Ways to spoil a token. */
export type Tampering = "signature" | "claims" | "algorithm-none" | "other-key";

export interface TestIssuer {
  /** What a contract needs to accept its tokens. */
  readonly contract: {
    readonly issuer: string;
    readonly audience: string;
    readonly keys: PublicJwkSet;
    readonly algorithms: readonly string[];
  };
  readonly issuer: string;
  readonly audience: string;
  readonly keys: PublicJwkSet;
  /** Give its `now` to the guard, and move both at once. */
  readonly clock: TestClock;
  /** An access token. */
  mint(options?: MintOptions): string;
  /**
   * Spoils a token: its signature's bits, its claims (`admin` among the roles), an unsigned form, or another key's
   * signature over the same claims. No guard may accept the result.
   */
  tamper(token: string, how: Tampering): string;
}

const keyId = "test-key";

/**
 * Creates an issuer with a key of its own.
 *
 * @example
 * const issuer = createIssuer();
 * const security = defineSecurity({ ...issuer.contract, resources: [order], roles });
 * const token = issuer.mint({ subject: "alice", roles: ["user"], claims: { team: "red" } });
 */
export function createIssuer(options: IssuerOptions = {}): TestIssuer {
  const { issuer = "https://issuer.example", audience = "https://api.example" } = options;
  const { algorithm = "ES256", clock = createClock(), claims: usual = {} } = options;
  const key = createKey(algorithm);
  const otherKey = createKey(algorithm);
  const keys = { keys: [{ ...key.publicJwk, kid: keyId, alg: algorithm, use: "sig" }] };
  let serial = 0;
  return Object.freeze({
    issuer,
    audience,
    keys,
    clock,
    contract: { issuer, audience, keys, algorithms: [algorithm] },
    mint({ subject = "alice", roles = [], claims, header, ttlSeconds = 300 }: MintOptions = {}) {
      const now = Math.floor(clock.now() / 1000);
      serial += 1;
      const all = {
        iss: issuer,
        aud: audience,
        sub: subject,
        client_id: "test-client",
        jti: `token-${serial}`,
        iat: now,
        exp: now + ttlSeconds,
        roles,
        ...usual,
        ...claims,
      };
      return signJwt({ kid: keyId, typ: "at+jwt", ...header }, all, key);
    },
    tamper(token: string, how: Tampering) {
      const [header = "", claims = "", signature = ""] = token.split(".");
      const read = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString());
      switch (how) {
        case "signature": {
          const bytes = Buffer.from(signature, "base64url");
          bytes[0] = (bytes[0] ?? 0) ^ 1;
          return `${header}.${claims}.${bytes.toString("base64url")}`;
        }
        case "claims":
          return `${header}.${encodeJson({ ...read(claims), roles: ["admin"] })}.${signature}`;
        case "algorithm-none":
          return `${encodeJson({ ...read(header), alg: "none" })}.${claims}.`;
        case "other-key":
          return signJwt(read(header), read(claims), otherKey);
      }
    },
  });
}
