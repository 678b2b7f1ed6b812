/** A client's proof key, for tests with bound tokens (RFC 9449). */
import { createHash, randomUUID } from "node:crypto";
import { thumbprintOf } from "../authentication/dpop/thumbprint.ts";
import type { JwsAlgorithm } from "../authentication/jwt/algorithms.ts";
import { createKey, signJwt } from "./sign.ts";

export interface ProofOptions {
  readonly method: string;
  /** The request's whole address. */
  readonly url: string;
  /** The access token beside it. */
  readonly token: string;
  /** The nonce that the API asked for. */
  readonly nonce?: string;
  /** The time it is made, in milliseconds since the epoch; default the present. */
  readonly nowMs?: number;
  /** What differs from a good proof's header; a member set to `undefined` is left out. */
  readonly header?: Readonly<Record<string, unknown>>;
  /** What differs from a good proof's claims. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

export interface ClientKey {
  /** What a token is bound to: `cnf: { jkt: thumbprint }`. */
  readonly thumbprint: string;
  /** A proof for one request: the `DPoP` field. */
  prove(options: ProofOptions): string;
}

/** @param algorithm Default `ES256`. */
export function createClientKey(algorithm: JwsAlgorithm = "ES256"): ClientKey {
  const key = createKey(algorithm);
  return Object.freeze({
    thumbprint: thumbprintOf(key.publicJwk) ?? "",
    prove({ method, url, token, nonce, nowMs = Date.now(), header, claims }: ProofOptions) {
      const proof = {
        jti: randomUUID(),
        htm: method,
        htu: url.replace(/[?#].*$/, ""),
        iat: Math.floor(nowMs / 1000),
        ath: createHash("sha256").update(token).digest("base64url"),
        nonce,
        ...claims,
      };
      return signJwt({ typ: "dpop+jwt", jwk: key.publicJwk, ...header }, proof, key);
    },
  });
}
