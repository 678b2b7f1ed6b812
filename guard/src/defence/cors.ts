/**
 * Cross-origin resource sharing (WHATWG Fetch §3.2): which other origins' pages may read answers.
 *
 * Origins are matched whole, against a list; nothing a request says is echoed unless it is in the list. An
 * origin that is not listed gets no CORS headers, and the browser keeps the answer from the page.
 */
import { ContractError, refuseUnknownKeys } from "../contract/refusal.ts";
import { isOrigin } from "../encoding/origin.ts";

export interface CorsOptions {
  /** Exact origins, or `["*"]` for any (never with credentials). */
  readonly origins: readonly string[];
  /** May pages send cookies and read the answer? Default `false`. */
  readonly credentials?: boolean;
  /** Fields of answers that pages may read beyond the safelisted ones, by name: `["Location"]`; default none. */
  readonly exposedHeaders?: readonly string[];
  /** Seconds a browser may keep a preflight's answer, 0 to 86,400; default 600. */
  readonly maxAgeSeconds?: number;
}

export type HeaderFields = Readonly<Record<string, string>>;

export interface CorsPolicy {
  /** As declared, the defaults filled in. */
  readonly declared: Required<CorsOptions>;
  /** May a page of this origin send cookies? Such an origin may also make cookie-borne writes. */
  allowsCredentialsFrom(origin: string): boolean;
  /** Fields of an answer to a request without `Origin`, or with one that is not listed. */
  readonly refusedFields: HeaderFields;
  /** Fields of an answer to a request with a listed `Origin`, by origin; `*` for any. */
  readonly grantedFields: ReadonlyMap<string, HeaderFields>;
  /** What a page may read of a denial: what to do about it, and when. */
  readonly exposedOnDenial: string;
  /** Fields of a preflight's answer, for a path with these methods. */
  preflightFields(origin: string | undefined, methods: readonly string[]): HeaderFields;
}

const denialHeaders = [
  "Retry-After",
  "WWW-Authenticate",
  "DPoP-Nonce",
  "RateLimit",
  "RateLimit-Policy",
] as const;
/** What a page's script may send beyond the safelisted fields. */
const allowedFields = "Authorization, Content-Type, DPoP, X-API-Key";

/** @throws {ContractError} `cors_wildcard_credentials`, `cors_origin_invalid`, `option_unknown`, `option_invalid` */
export function compileCors(options: CorsOptions, place: string): CorsPolicy {
  refuseUnknownKeys(options, ["origins", "credentials", "exposedHeaders", "maxAgeSeconds"], place);
  const { origins, credentials = false, exposedHeaders = [], maxAgeSeconds = 600 } = options;
  const any = origins.includes("*");
  if (any && credentials) {
    throw new ContractError(
      "cors_wildcard_credentials",
      `${place}.origins`,
      "`*` with credentials lets every site act as the caller.",
    );
  }
  if (!Number.isInteger(maxAgeSeconds) || maxAgeSeconds < 0 || maxAgeSeconds > 86_400) {
    throw new ContractError(
      "option_invalid",
      `${place}.maxAgeSeconds`,
      "It is not a whole number from 0 to 86400.",
    );
  }
  const badName = exposedHeaders.find((name) => !/^[A-Za-z0-9-]{1,64}$/.test(name));
  if (badName !== undefined) {
    throw new ContractError(
      "option_invalid",
      `${place}.exposedHeaders`,
      `\`${badName}\` is not a field's name.`,
    );
  }
  for (const origin of origins) {
    if (origin !== "*" && !isOrigin(origin)) {
      throw new ContractError(
        "cors_origin_invalid",
        `${place}.origins`,
        `\`${String(origin)}\` is not an origin.`,
      );
    }
  }

  // Answers differ by Origin, so a shared cache must keep them apart, also the one to a request without it.
  const refused: HeaderFields = Object.freeze(any ? {} : { vary: "Origin" });
  const granted = new Map(
    origins.map((origin) => [
      origin,
      Object.freeze({
        ...refused,
        "access-control-allow-origin": origin,
        ...(exposedHeaders.length > 0 ? { "access-control-expose-headers": exposedHeaders.join(", ") } : {}),
        ...(credentials ? { "access-control-allow-credentials": "true" } : {}),
      }) as HeaderFields,
    ]),
  );
  return Object.freeze({
    declared: Object.freeze({
      origins: Object.freeze([...origins]),
      credentials,
      exposedHeaders: Object.freeze([...exposedHeaders]),
      maxAgeSeconds,
    }),
    allowsCredentialsFrom: (origin: string) => credentials && granted.has(origin),
    refusedFields: refused,
    grantedFields: granted,
    exposedOnDenial: [...denialHeaders, ...exposedHeaders].join(", "),
    preflightFields(origin: string | undefined, methods: readonly string[]) {
      const fields = origin === undefined ? undefined : granted.get(any ? "*" : origin);
      if (fields === undefined) return refused;
      const { "access-control-expose-headers": _, ...preflight } = fields;
      return {
        ...preflight,
        "access-control-allow-methods": methods.join(", "),
        "access-control-allow-headers": allowedFields,
        "access-control-max-age": String(maxAgeSeconds),
      };
    },
  });
}
