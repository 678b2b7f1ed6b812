/** How a contract wants opaque tokens asked about (RFC 7662). */
import { checkRange, checkText } from "../../contract/checks.ts";
import type { TrustedIssuer } from "../../contract/issuer.ts";
import { ContractError, refuseUnknownKeys } from "../../contract/refusal.ts";
import { isLoopbackHost } from "../../encoding/origin.ts";

export interface IntrospectionOptions {
  /** The introspection endpoint: https, or http on loopback. */
  readonly endpoint: string;
  /** Who asks. */
  readonly clientId: string;
  /** Read when the guard is created; a function, so that the contract itself holds no secret. */
  readonly clientSecret: () => string;
  /** Whose tokens they are: a name of `issuers`; default the contract's own issuer. */
  readonly issuer?: string;
  /**
   * How long an answer is kept, 0 to 300 seconds, and never longer than the token lives; default 15. It is also how
   * long a token revoked there goes on being accepted here.
   */
  readonly cacheSeconds?: number;
}

export interface IntrospectionRules {
  readonly endpoint: URL;
  readonly clientId: string;
  readonly clientSecret: () => string;
  readonly issuer: TrustedIssuer;
  readonly cacheSeconds: number;
}

const knownKeys = [
  "endpoint",
  "clientId",
  "clientSecret",
  "issuer",
  "cacheSeconds",
] as const satisfies readonly (keyof IntrospectionOptions)[];

/** @throws {ContractError} `option_unknown`, `option_invalid` */
export function checkIntrospection(
  options: IntrospectionOptions,
  issuers: readonly TrustedIssuer[],
): IntrospectionRules {
  const place = "security.introspection";
  refuseUnknownKeys(options, knownKeys, place);
  const { clientId, clientSecret, cacheSeconds = 15, issuer: name } = options;
  const endpoint = URL.parse(options.endpoint);
  const secure =
    endpoint?.protocol === "https:" || (endpoint?.protocol === "http:" && isLoopbackHost(endpoint.hostname));
  if (endpoint === null || !secure || endpoint.username !== "") {
    throw new ContractError("option_invalid", `${place}.endpoint`, "It is not an https URL.");
  }
  if (typeof clientSecret !== "function") {
    throw new ContractError("option_invalid", `${place}.clientSecret`, "It is not a function.");
  }
  const prefix = name === undefined ? "" : `${name}:`;
  const issuer = issuers.find(({ subjectPrefix }) => subjectPrefix === prefix);
  if (issuer === undefined) {
    throw new ContractError("option_invalid", `${place}.issuer`, `There is no issuer \`${String(name)}\`.`);
  }
  return Object.freeze({
    endpoint,
    clientId: checkText(clientId, `${place}.clientId`),
    clientSecret,
    issuer,
    cacheSeconds: checkRange(cacheSeconds, 0, 300, `${place}.cacheSeconds`),
  });
}
