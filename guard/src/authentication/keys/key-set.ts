/** A set of an issuer's public keys (RFC 7517), each usable only for the algorithms it fits. */
import { createPublicKey, type KeyObject } from "node:crypto";
import type { PublicJwk, PublicJwkSet } from "../identity-source.ts";
import { acceptsKey, isAlgorithm, type JwsAlgorithm } from "../jwt/algorithms.ts";

interface IssuerKey {
  readonly id: string | undefined;
  readonly algorithm: string | undefined;
  readonly key: KeyObject;
}

export interface KeySet {
  /** The key for a token's `kid` and `alg`; without `kid`, the only key that fits. */
  find(keyId: string | undefined, algorithm: JwsAlgorithm): KeyObject | undefined;
}

/** Issuers publish a handful; a larger set is not read to the end. */
const maxKeys = 64;

/**
 * Reads a JWK Set. Keys that cannot verify a signature here are left out, as RFC 7517 §5 asks: other uses,
 * unknown types, symmetric ones, RSA under 2048 bits.
 */
export function createKeySet(set: PublicJwkSet): KeySet {
  const keys = set.keys.slice(0, maxKeys).flatMap(toIssuerKey);
  return Object.freeze({
    find(keyId: string | undefined, algorithm: JwsAlgorithm) {
      const fitting = keys.filter(
        ({ id, algorithm: declared, key }) =>
          (keyId === undefined || id === keyId) &&
          (declared === undefined || declared === algorithm) &&
          acceptsKey(algorithm, key),
      );
      return keyId !== undefined || fitting.length === 1 ? fitting[0]?.key : undefined;
    },
  });
}

function toIssuerKey(jwk: PublicJwk): IssuerKey[] {
  if (typeof jwk !== "object" || jwk === null) return [];
  if (jwk.kty !== "EC" && jwk.kty !== "RSA" && jwk.kty !== "OKP") return [];
  if (jwk.use !== undefined && jwk.use !== "sig") return [];
  if (jwk.key_ops !== undefined && !(Array.isArray(jwk.key_ops) && jwk.key_ops.includes("verify"))) return [];
  if (jwk.alg !== undefined && !isAlgorithm(jwk.alg)) return [];
  try {
    // Only the public members: a set that leaks a private key must not turn into one that holds it.
    const { kty, crv, x, y, n, e } = jwk;
    const members = Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value !== undefined);
    const key = createPublicKey({ key: Object.fromEntries(members), format: "jwk" });
    return [{ id: jwk.kid, algorithm: jwk.alg, key }];
  } catch {
    // One key that cannot be read does not take the readable ones down with it.
    return [];
  }
}
