/** How a contract wants proofs of possession checked (RFC 9449). */
import { checkRange } from "../../contract/checks.ts";
import { ContractError, refuseUnknownKeys } from "../../contract/refusal.ts";
import { isOrigin } from "../../encoding/origin.ts";
import { checkAlgorithms, type JwsAlgorithm } from "../jwt/algorithms.ts";

export interface DpopOptions {
  /** The API's own origin, as clients reach it: what a proof's `htu` is compared with; default the audience's. */
  readonly origin?: string;
  /** Signature algorithms of proofs; default `["ES256", "EdDSA"]`. */
  readonly algorithms?: readonly string[];
  /** How old a proof may be, 1 to 300 seconds; default 60. */
  readonly maxAgeSeconds?: number;
  /** Must a proof carry a nonce that this API gave out (RFC 9449 §9)? Default `false`. */
  readonly nonces?: boolean;
  /**
   * What nonces are made with, 32 random bytes or more in base64url: processes behind one address must share it;
   * default random at each start.
   */
  readonly nonceSecret?: () => string;
}

export interface DpopRules {
  readonly origin: string;
  readonly algorithms: readonly JwsAlgorithm[];
  readonly maxAgeSeconds: number;
  readonly nonces: boolean;
  readonly nonceSecret: (() => string) | undefined;
}

/**
 * @returns `undefined` where no origin is known: bound tokens are then refused.
 * @throws {ContractError} `option_unknown`, `option_invalid`, `algorithm_*`
 */
export function checkDpop(options: DpopOptions, audience: string): DpopRules | undefined {
  const place = "security.dpop";
  refuseUnknownKeys(options, ["origin", "algorithms", "maxAgeSeconds", "nonces", "nonceSecret"], place);
  const { algorithms = ["ES256", "EdDSA"], maxAgeSeconds = 60, nonces = false, nonceSecret } = options;
  const origin = options.origin ?? URL.parse(audience)?.origin;
  if (origin === undefined || !isOrigin(origin)) {
    if (Object.keys(options).length === 0) return undefined;
    throw new ContractError(
      "option_invalid",
      `${place}.origin`,
      "It is not an origin, nor is the audience a URL.",
    );
  }
  return Object.freeze({
    origin,
    algorithms: checkAlgorithms(algorithms, `${place}.algorithms`),
    maxAgeSeconds: checkRange(maxAgeSeconds, 1, 300, `${place}.maxAgeSeconds`),
    nonces,
    nonceSecret,
  });
}
