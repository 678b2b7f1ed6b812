/**
 * The signature algorithms a guard can accept (RFC 7518 §3.1, RFC 8037 §3.1), as a table.
 *
 * Each row ties the algorithm to one kind of key. A key is accepted for an algorithm only if the row says so:
 * that is what stops a public key from being used as an HMAC secret (RFC 8725 §3.1). To add one is to add a row.
 */
import { constants, type KeyObject, type VerifyKeyObjectInput } from "node:crypto";
import { ContractError } from "../../contract/refusal.ts";

interface AlgorithmRow {
  /** The digest; `null` where the scheme has its own. */
  readonly hash: string | null;
  readonly keyType: "ec" | "rsa" | "ed25519";
  readonly curve?: string;
  /** ECDSA: the bytes of each of a signature's two numbers (RFC 7518 §3.4). */
  readonly coordinateBytes?: number;
  /** Padding other than PKCS #1 v1.5, which is what a bare RSA key verifies by. */
  readonly options?: Omit<VerifyKeyObjectInput, "key">;
}

// RFC 7518 §3.5: the salt is as long as the digest.
const pss = {
  padding: constants.RSA_PKCS1_PSS_PADDING,
  saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
} as const;

const table = {
  ES256: { hash: "sha256", keyType: "ec", curve: "prime256v1", coordinateBytes: 32 },
  ES384: { hash: "sha384", keyType: "ec", curve: "secp384r1", coordinateBytes: 48 },
  ES512: { hash: "sha512", keyType: "ec", curve: "secp521r1", coordinateBytes: 66 },
  RS256: { hash: "sha256", keyType: "rsa" },
  RS384: { hash: "sha384", keyType: "rsa" },
  RS512: { hash: "sha512", keyType: "rsa" },
  PS256: { hash: "sha256", keyType: "rsa", options: pss },
  PS384: { hash: "sha384", keyType: "rsa", options: pss },
  PS512: { hash: "sha512", keyType: "rsa", options: pss },
  EdDSA: { hash: null, keyType: "ed25519" },
} as const satisfies Record<string, AlgorithmRow>;

export type JwsAlgorithm = keyof typeof table;

export const algorithms: Readonly<Record<JwsAlgorithm, AlgorithmRow>> = table;

export const jwsAlgorithms = Object.freeze(Object.keys(table)) as readonly JwsAlgorithm[];

/** Does the algorithm go with this key: type, curve, and for RSA a modulus of 2048 bits and an exponent of 3 up? */
export function acceptsKey(algorithm: JwsAlgorithm, key: KeyObject): boolean {
  const { keyType, curve } = algorithms[algorithm];
  const { namedCurve, modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (key.type !== "public" || key.asymmetricKeyType !== keyType) return false;
  if (curve !== undefined && namedCurve !== curve) return false;
  return keyType !== "rsa" || (modulusLength >= 2048 && publicExponent >= 3n);
}

/**
 * Checks a contract's list of algorithms.
 *
 * @throws {ContractError} `algorithm_none`, `algorithm_mixed`, `algorithm_unknown`
 */
export function checkAlgorithms(names: readonly string[], place: string): readonly JwsAlgorithm[] {
  const lower = names.map((name) => String(name).toLowerCase());
  if (lower.includes("none")) throw new ContractError("algorithm_none", place, "The list has `none`.");
  if (lower.some((name) => /^hs\d/.test(name)) && names.some(isAlgorithm)) {
    throw new ContractError("algorithm_mixed", place, "The list has both HMAC and public-key algorithms.");
  }
  const unknown = names.find((name) => !isAlgorithm(name));
  if (unknown !== undefined || names.length === 0) {
    throw new ContractError(
      "algorithm_unknown",
      place,
      `\`${String(unknown)}\` is not an algorithm the guard verifies.`,
    );
  }
  return Object.freeze(names.filter(isAlgorithm));
}

export function isAlgorithm(name: unknown): name is JwsAlgorithm {
  return typeof name === "string" && Object.hasOwn(table, name);
}
