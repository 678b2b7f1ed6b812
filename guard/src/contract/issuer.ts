/**
 * The issuers a contract trusts: whose tokens, for which audience, signed how.
 *
 * A token's own `iss` only picks among the declared ones. Two issuers may give two people the same `sub`: the
 * principals of every further issuer therefore carry its name, and no issuer can name another's.
 */
import type { PublicJwkSet } from "../authentication/identity-source.ts";
import { checkAlgorithms, type JwsAlgorithm } from "../authentication/jwt/algorithms.ts";
import { isLoopbackHost } from "../encoding/origin.ts";
import { checkText } from "./checks.ts";
import { ContractError, refuseUnknownKeys } from "./refusal.ts";

export interface IssuerOptions {
  /** Exactly the `iss` of its tokens: https, or http on loopback. Keys are found by discovery below it. */
  readonly issuer: string;
  /** What its tokens' `aud` must contain; default the contract's `audience`. */
  readonly audience?: string;
  /** Signature algorithms accepted from it; default the contract's. */
  readonly algorithms?: readonly string[];
  /** Its keys, where they shall not be fetched. */
  readonly keys?: PublicJwkSet;
  /**
   * The `typ` of its access tokens; default `["at+jwt"]` (RFC 9068). Providers that issue plain JWTs (Keycloak, Entra,
   * Auth0's own profile) need `["jwt"]`; ID tokens have that type too, and are told apart by their claims as well as
   * can be.
   */
  readonly tokenTypes?: readonly string[];
  /** Where the roles are: a claim, or the path to it; default `"roles"`. Keycloak: `["realm_access", "roles"]`. */
  readonly rolesClaim?: string | readonly string[];
  /** Claims a token must have, beside those the profile requires. */
  readonly requiredClaims?: readonly string[];
}

/** One issuer, checked. */
export interface TrustedIssuer {
  /** Before its subjects, as `name:`; empty for the contract's own issuer. */
  readonly subjectPrefix: string;
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly JwsAlgorithm[];
  readonly keys: PublicJwkSet | undefined;
  readonly tokenTypes: readonly string[];
  readonly rolesPath: readonly string[];
  readonly requiredClaims: readonly string[];
}

const knownKeys = [
  "issuer",
  "audience",
  "algorithms",
  "keys",
  "tokenTypes",
  "rolesClaim",
  "requiredClaims",
] as const satisfies readonly (keyof IssuerOptions)[];

export interface IssuerDefaults {
  readonly audience: string;
  readonly algorithms: readonly string[];
}

/**
 * Checks the contract's own issuer, then the further ones by name.
 *
 * @throws {ContractError} `issuer_invalid`, `issuer_duplicate`, `algorithm_*`, `option_unknown`, `option_invalid`
 */
export function checkIssuers(
  own: IssuerOptions,
  further: Readonly<Record<string, IssuerOptions>>,
  defaults: IssuerDefaults,
): readonly [TrustedIssuer, ...TrustedIssuer[]] {
  const issuers: [TrustedIssuer, ...TrustedIssuer[]] = [checkIssuer("", own, defaults, "security")];
  for (const [name, options] of Object.entries(further)) {
    const place = `security.issuers.${name}`;
    if (!/^[a-z][a-z0-9-]{0,31}$/.test(name)) {
      throw new ContractError("option_invalid", place, "A name is lower-case letters, digits and hyphens.");
    }
    refuseUnknownKeys(options, knownKeys, place);
    const issuer = checkIssuer(`${name}:`, options, defaults, place);
    if (issuers.some((other) => other.issuer === issuer.issuer)) {
      throw new ContractError("issuer_duplicate", place, `\`${issuer.issuer}\` is there already.`);
    }
    issuers.push(issuer);
  }
  return Object.freeze(issuers);
}

function checkIssuer(
  subjectPrefix: string,
  options: IssuerOptions,
  defaults: IssuerDefaults,
  place: string,
): TrustedIssuer {
  const { tokenTypes = ["at+jwt"], rolesClaim = "roles", requiredClaims = [] } = options;
  const types = checkTexts(tokenTypes, `${place}.tokenTypes`);
  return Object.freeze({
    subjectPrefix,
    issuer: checkIssuerUrl(options.issuer, `${place}.issuer`),
    audience: checkText(options.audience ?? defaults.audience, `${place}.audience`),
    algorithms: checkAlgorithms(options.algorithms ?? defaults.algorithms, `${place}.algorithms`),
    keys: options.keys,
    tokenTypes: types.map((type) => type.toLowerCase()),
    rolesPath: checkTexts([rolesClaim].flat(), `${place}.rolesClaim`),
    requiredClaims: requiredClaims.length === 0 ? [] : checkTexts(requiredClaims, `${place}.requiredClaims`),
  });
}

/** RFC 8414 §2: an issuer is an https URL without query or fragment. */
function checkIssuerUrl(issuer: string, place: string): string {
  const url = URL.parse(issuer);
  const secure = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopbackHost(url.hostname));
  if (url === null || !secure || url.search !== "" || url.hash !== "" || url.username !== "") {
    throw new ContractError("issuer_invalid", place, `\`${String(issuer)}\` cannot be an issuer.`);
  }
  return issuer;
}

function checkTexts(values: readonly string[], place: string): readonly string[] {
  if (values.length === 0) throw new ContractError("option_invalid", place, "The list is empty.");
  return Object.freeze(values.map((value) => checkText(value, place)));
}
