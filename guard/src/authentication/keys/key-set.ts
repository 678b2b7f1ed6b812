/** A set of an issuer's public keys (RFC 7517), each usable only for the algorithms it fits. */
import { createPublicKey, type KeyObject } from "node:crypto";
import type { PublicJwk, PublicJwkSet } from "../identity-source.ts";
import { acceptsKey, isAlgorithm, type JwsAlgorithm, jwsAlgorithms } from "../jwt/algorithms.ts";
import { isRocaModulus } from "./roca.ts";

interface IssuerKey {
  readonly id: string | undefined;
  /** What it may verify: its own `alg`, or every algorithm that its type, curve and size fit. */
  readonly algorithms: readonly JwsAlgorithm[];
  readonly key: KeyObject;
}

export interface KeySet {
  /** The only key that fits a token's `alg` (see `acceptsKey`), and its `kid` where it has one. */
  find(keyId: string | undefined, algorithm: JwsAlgorithm): KeyObject | undefined;
}

/** Issuers publish a handful; a larger set is not read to the end. */
const maxKeys = 64;

/**
 * Reads a JWK Set. Keys that cannot verify a signature here are left out, as RFC 7517 §5 asks: other uses,
 * unknown types, symmetric ones, RSA under 2048 bits or from a faulty generator.
 */
export function createKeySet(set: PublicJwkSet): KeySet {
  const keys = set.keys.slice(0, maxKeys).flatMap(toIssuerKey);
  return Object.freeze({
    find(keyId: string | undefined, algorithm: JwsAlgorithm) {
      const fitting = keys.filter(
        ({ id, algorithms }) => (keyId === undefined || id === keyId) && algorithms.includes(algorithm),
      );
      // Two keys of one name: which one is meant cannot be known.
      return fitting.length === 1 ? fitting[0]?.key : undefined;
    },
  });
}

function toIssuerKey(jwk: PublicJwk): IssuerKey[] {
  if (typeof jwk !== "object" || jwk === null) return [];
  if (jwk.kty !== "EC" && jwk.kty !== "RSA" && jwk.kty !== "OKP") return [];
  if (jwk.use !== undefined && jwk.use !== "sig") return [];
  if (jwk.key_ops !== undefined && !(Array.isArray(jwk.key_ops) && jwk.key_ops.includes("verify"))) return [];
  if (jwk.alg !== undefined && !isAlgorithm(jwk.alg)) return [];
  if (jwk.kty === "RSA" && (typeof jwk.n !== "string" || isRocaModulus(jwk.n))) return [];
  try {
    // Only the public members: a set that leaks a private key must not turn into one that holds it.
    const { kty, crv, x, y, n, e } = jwk;
    const members = Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value !== undefined);
    const key = createPublicKey({ key: Object.fromEntries(members), format: "jwk" });
    const algorithms = jwsAlgorithms.filter(
      (algorithm) => (jwk.alg ?? algorithm) === algorithm && acceptsKey(algorithm, key),
    );
    return [{ id: jwk.kid, algorithms, key }];
  } catch {
    // One key that cannot be read does not take the readable ones down with it.
    return [];
  }
}
