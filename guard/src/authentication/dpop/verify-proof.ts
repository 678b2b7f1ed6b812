/**
 * Proofs of possession (RFC 9449): each request with a bound token is signed by the key that the token is bound to.
 *
 * A stolen token alone is then worth nothing, and a stolen proof is worth one request to one address, once.
 */
import { createHash, createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";
import { acceptsKey } from "../jwt/algorithms.ts";
import { decodeJws, parseJsonObject, type UnverifiedJws } from "../jwt/decode.ts";
import { verifySignature } from "../jwt/verify.ts";
import { SecurityError } from "../security-error.ts";
import type { DpopRules } from "./dpop-rules.ts";
import { createNonces } from "./nonce.ts";
import { createReplayMemory } from "./replay.ts";
import { thumbprintOf } from "./thumbprint.ts";

/** What a proof must be for. */
interface ProofExpectations {
  readonly method: string;
  /** Path and query as sent. */
  readonly url: string;
  /** The access token beside it. */
  readonly token: string;
  /** The thumbprint that the token is bound to. */
  readonly keyThumbprint: string;
  readonly nowMs: number;
}

export interface ProofVerification {
  /**
   * Verifies a proof, and uses it up.
   *
   * @param proof The `DPoP` field.
   * @throws {SecurityError} `proof_*`
   * @throws {UnavailableError} if it cannot be remembered as used.
   */
  verify(proof: string | undefined, expected: ProofExpectations): void;
  /** The nonce for the client's next proof; empty where none is asked for. */
  nonce(nowMs: number): string;
}

/** How far ahead of ours a client's clock may be. */
const futureSeconds = 5;
const maxIdLength = 128;

/** @throws {ContractError} `option_invalid` */
export function createProofVerification(rules: DpopRules): ProofVerification {
  const { algorithms, maxAgeSeconds } = rules;
  const nonces = rules.nonces ? createNonces(rules.nonceSecret) : undefined;
  const replays = createReplayMemory((maxAgeSeconds + futureSeconds) * 1000);

  return Object.freeze({
    verify(proof: string | undefined, expected: ProofExpectations) {
      const { method, url, token, keyThumbprint, nowMs } = expected;
      if (proof === undefined) throw new SecurityError("proof_missing");
      const jws = decodeProof(proof);
      if (jws.type !== "dpop+jwt") throw new SecurityError("proof_malformed");
      if (!algorithms.includes(jws.algorithm)) throw new SecurityError("proof_algorithm");
      const jwk = readPublicKey(jws);
      if (thumbprintOf(jwk) !== keyThumbprint) throw new SecurityError("proof_key");
      const key = importKey(jwk);
      if (!acceptsKey(jws.algorithm, key) || !verifySignature(jws, key))
        throw new SecurityError("proof_signature");

      const { htm, htu, ath, iat, jti, nonce } = parseProof(jws.encodedClaims);
      if (htm !== method || !isSameAddress(htu, rules, url)) throw new SecurityError("proof_request");
      if (ath !== createHash("sha256").update(token).digest("base64url"))
        throw new SecurityError("proof_token");
      if (typeof iat !== "number" || typeof jti !== "string" || jti === "" || jti.length > maxIdLength) {
        throw new SecurityError("proof_malformed");
      }
      const age = nowMs / 1000 - iat;
      // Written so that a number that is none fails.
      if (!(age <= maxAgeSeconds && age >= -futureSeconds)) throw new SecurityError("proof_time");
      if (nonces !== undefined && !nonces.isGood(nonce, nowMs)) throw new SecurityError("proof_nonce");
      if (!replays.use(`${keyThumbprint} ${jti}`, nowMs)) throw new SecurityError("proof_replayed");
    },
    nonce: (nowMs: number) => nonces?.current(nowMs) ?? "",
  });
}

function decodeProof(proof: string): UnverifiedJws {
  try {
    return decodeJws(proof);
  } catch (cause) {
    throw new SecurityError("proof_malformed", { cause });
  }
}

function parseProof(encoded: string): Readonly<Record<string, unknown>> {
  try {
    return parseJsonObject(encoded);
  } catch (cause) {
    throw new SecurityError("proof_malformed", { cause });
  }
}

/** RFC 9449 §4.3: a public key, without a private member. */
function readPublicKey({ header: { jwk } }: UnverifiedJws): JsonWebKey {
  const isPublic = typeof jwk === "object" && jwk !== null && !("d" in jwk) && !("k" in jwk);
  if (!isPublic) throw new SecurityError("proof_malformed");
  return jwk as JsonWebKey;
}

function importKey(jwk: JsonWebKey): KeyObject {
  try {
    return createPublicKey({ key: jwk, format: "jwk" });
  } catch (cause) {
    throw new SecurityError("proof_malformed", { cause });
  }
}

/** RFC 9449 §4.3: scheme, host and path are compared, in normal form; query and fragment are not. */
function isSameAddress(htu: unknown, { origin, pathPrefix }: DpopRules, url: string): boolean {
  if (typeof htu !== "string" || !url.startsWith("/")) return false;
  const claimed = URL.parse(htu);
  const actual = URL.parse(`${origin}${url}`);
  return (
    claimed !== null &&
    actual !== null &&
    claimed.origin === origin &&
    claimed.username === "" &&
    claimed.password === "" &&
    claimed.pathname === pathPrefix + actual.pathname
  );
}
