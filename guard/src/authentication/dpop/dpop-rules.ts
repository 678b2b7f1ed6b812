/** How a contract wants proofs of possession checked (RFC 9449). */
import { checkRange } from "../../contract/checks.ts";
import { ContractError, refuseUnknownKeys } from "../../contract/refusal.ts";
import { isOrigin } from "../../encoding/origin.ts";
import { checkAlgorithms, type JwsAlgorithm } from "../jwt/algorithms.ts";

export interface DpopOptions {
  /**
   * Where clients reach the API, which is what a proof's `htu` is compared with: its origin, and the path that a proxy in
   * front takes away, if one does (`https://api.example/shop`); default the audience's origin.
   */
  readonly baseUrl?: string;
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
  /** Before every path; empty where no proxy takes one away. */
  readonly pathPrefix: string;
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
  refuseUnknownKeys(options, ["baseUrl", "algorithms", "maxAgeSeconds", "nonces", "nonceSecret"], place);
  const { algorithms = ["ES256", "EdDSA"], maxAgeSeconds = 60, nonces = false, nonceSecret } = options;
  const baseUrl = options.baseUrl ?? URL.parse(audience)?.origin;
  const url = baseUrl === undefined ? null : URL.parse(baseUrl);
  if (
    url === null ||
    !isOrigin(url.origin) ||
    `${url.origin}${url.pathname}`.replace(/\/$/, "") !== baseUrl
  ) {
    if (Object.keys(options).length === 0) return undefined;
    throw new ContractError(
      "option_invalid",
      `${place}.baseUrl`,
      "It is not an origin with a path, nor is the audience a URL.",
    );
  }
  return Object.freeze({
    origin: url.origin,
    pathPrefix: url.pathname === "/" ? "" : url.pathname,
    algorithms: checkAlgorithms(algorithms, `${place}.algorithms`),
    maxAgeSeconds: checkRange(maxAgeSeconds, 1, 300, `${place}.maxAgeSeconds`),
    nonces,
    nonceSecret,
  });
}
