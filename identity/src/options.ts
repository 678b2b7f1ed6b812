/** The server's options, checked whole before anything is opened. */
import type { Security } from "@bulwark/guard";
import { IdentityOptionError, refuseUnknownOptions } from "./errors.ts";

export interface IdentityOptions {
  /** The server's own origin, as browsers reach it: `https://auth.example`. The `iss` of its tokens. */
  readonly issuer: string;
  /** The API its access tokens are for, an absolute URI: their `aud`. */
  readonly audience: string;
  /** Where SQLite's file and the generated secrets live. Created, its owner's alone, where it is missing. */
  readonly dataFolder: string;
  /** `postgres://…`: use PostgreSQL instead of SQLite. */
  readonly databaseUrl?: string | undefined;
  /**
   * What seals records and signs cookies: newest first, each at least 32 random bytes in base64url. Default: one
   * generated into the data folder. Machines that share a database must share these.
   */
  readonly secrets?: readonly string[] | undefined;
  /** Claims of accounts and clients that tokens carry, by name; default none. Whoever holds a token can read it. */
  readonly tokenClaims?: readonly string[] | undefined;
  /**
   * The contract of the API: its permissions, named conditions, roles and levels are what custom roles and direct grants
   * are made of, and its scopes are those that OAuth clients may ask for. Without it there are none of them. What it lists
   * of `administration` is served below `/admin/api`.
   */
  readonly contract?: Security | undefined;
  readonly limits?: IdentityLimits | undefined;
  /** The time, in milliseconds since the epoch; default `Date.now`. */
  readonly now?: (() => number) | undefined;
}

export interface IdentityLimits {
  /** Sign-ins from one address: `<requests>/<duration>`; default `20/1m`. */
  readonly signIn?: string | undefined;
}

export interface CheckedOptions {
  readonly issuer: URL;
  readonly audience: string;
  readonly dataFolder: string;
  readonly databaseUrl: string | undefined;
  readonly secrets: readonly string[] | undefined;
  readonly tokenClaims: readonly string[];
  readonly contract: Security | undefined;
  readonly signInLimit: string;
  readonly now: () => number;
  /** Whether the session cookie needs https. */
  readonly secureCookies: boolean;
}

const knownKeys = [
  "issuer",
  "audience",
  "dataFolder",
  "databaseUrl",
  "secrets",
  "tokenClaims",
  "contract",
  "limits",
  "now",
] as const satisfies readonly (keyof IdentityOptions)[];

/**
 * Checks the options.
 *
 * @param environment `NODE_ENV`: plain cookies over http are for development only.
 * @throws {IdentityOptionError} `option_unknown`, `option_invalid`, `issuer_invalid`
 */
export function checkOptions(options: IdentityOptions, environment: string | undefined): CheckedOptions {
  refuseUnknownOptions(options, knownKeys, "identity");
  refuseUnknownOptions(options.limits ?? {}, ["signIn"], "identity.limits");
  const issuer = checkIssuer(options.issuer);
  const development = issuer.protocol === "http:" && environment !== "production";
  const audience = checkAudience(options.audience);
  return Object.freeze({
    issuer,
    audience,
    dataFolder: checkText(options.dataFolder, "dataFolder"),
    databaseUrl: options.databaseUrl === undefined ? undefined : checkDatabaseUrl(options.databaseUrl),
    secrets: options.secrets,
    tokenClaims: Object.freeze([...(options.tokenClaims ?? [])]),
    contract: options.contract && checkContract(options.contract, issuer, audience),
    signInLimit: options.limits?.signIn ?? "20/1m",
    now: options.now ?? Date.now,
    secureCookies: !development,
  });
}

function checkIssuer(text: string): URL {
  const url = URL.parse(text);
  // The origin exactly: clients compare `iss` as text (RFC 9207 §2.4), and the pages below it are ours.
  const isOrigin = url !== null && url.origin === text;
  if (
    !isOrigin ||
    (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopbackHost(url.hostname)))
  ) {
    throw new IdentityOptionError(
      "issuer_invalid",
      "identity.issuer",
      `${JSON.stringify(text)} cannot be an issuer.`,
    );
  }
  return url;
}

/** Tokens of another issuer, or for another API, would be judged by these roles. */
function checkContract(contract: Security, issuer: URL, audience: string): Security {
  if (contract.issuer === issuer.origin && contract.audience === audience) return contract;
  throw new IdentityOptionError(
    "option_invalid",
    "identity.contract",
    "It has another issuer or another audience.",
  );
}

/** RFC 8707 §2: an absolute URI without a fragment. */
function checkAudience(text: string): string {
  if (typeof text !== "string" || !URL.canParse(text) || text.includes("#")) {
    throw new IdentityOptionError("option_invalid", "identity.audience", "It is not an absolute URI.");
  }
  return text;
}

function checkDatabaseUrl(text: string): string {
  // Not repeated in the message: it may hold a password.
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text)) {
    throw new IdentityOptionError("option_invalid", "identity.databaseUrl", "It is not a postgres:// URL.");
  }
  return text;
}

function checkText(text: string, name: string): string {
  if (typeof text !== "string" || text === "") {
    throw new IdentityOptionError("option_invalid", `identity.${name}`, "It is empty.");
  }
  return text;
}

/** Is this host only this machine, as `URL.hostname` spells it? */
function isLoopbackHost(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}
