/** Signs JWTs for tests (RFC 7515 §5.1). */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import type { PublicJwk } from "../authentication/identity-source.ts";
import { algorithms, type JwsAlgorithm } from "../authentication/jwt/algorithms.ts";

export interface TestKey {
  readonly algorithm: JwsAlgorithm;
  readonly privateKey: KeyObject;
  readonly publicJwk: PublicJwk;
}

/** A new key for an algorithm. */
export function createKey(algorithm: JwsAlgorithm): TestKey {
  const { keyType, curve } = algorithms[algorithm];
  const { privateKey, publicKey } =
    keyType === "rsa"
      ? generateKeyPairSync("rsa", { modulusLength: 2048 })
      : keyType === "ec"
        ? generateKeyPairSync("ec", { namedCurve: curve ?? "" })
        : generateKeyPairSync("ed25519");
  return { algorithm, privateKey, publicJwk: publicKey.export({ format: "jwk" }) };
}

/** The compact form. Members set to `undefined` are left out. */
export function signJwt(header: object, claims: object, { algorithm, privateKey }: TestKey): string {
  const input = `${encodeJson({ alg: algorithm, ...header })}.${encodeJson(claims)}`;
  const { hash, options } = algorithms[algorithm];
  // RFC 7518 §3.4: ECDSA signatures are the raw pair of numbers. Other kinds of key do not look at the encoding.
  const key = { key: privateKey, dsaEncoding: "ieee-p1363", ...options } as const;
  const signature = sign(hash, Buffer.from(input), key);
  return `${input}.${signature.toString("base64url")}`;
}

export function encodeJson(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
