/**
 * Takes a JWS in compact form apart (RFC 7515 §7.1), trusting nothing.
 *
 * Only the canonical spelling of a token is read. What comes out is typed as unverified: the header may be used
 * to find a key, the claims are not parsed before the signature has been checked.
 */
import { isCanonicalBase64url } from "../../encoding/base64url.ts";
import { SecurityError } from "../security-error.ts";
import { isAlgorithm, type JwsAlgorithm } from "./algorithms.ts";

/** Parsed, not verified. */
export interface UnverifiedJws {
  readonly algorithm: JwsAlgorithm;
  readonly keyId: string | undefined;
  /** The header's `typ`, in lower case, without `application/`. */
  readonly type: string | undefined;
  /** What the signature is over: header and claims as they were sent. */
  readonly signingInput: string;
  readonly encodedClaims: string;
  readonly signature: Buffer;
  /** The whole header, for what a profile adds to it. */
  readonly header: Readonly<Record<string, unknown>>;
}

/** No token we know of comes near; headers of one request share 16 KiB in Node. */
const maxTokenLength = 8_192;

/** @throws {SecurityError} `token_too_long`, `token_malformed`, `token_algorithm`, `token_critical` */
export function decodeJws(token: string): UnverifiedJws {
  if (token.length > maxTokenLength) throw new SecurityError("token_too_long");
  const first = token.indexOf(".");
  const second = token.indexOf(".", first + 1);
  if (first < 1 || second < 0) throw new SecurityError("token_malformed");
  const encodedHeader = token.slice(0, first);
  const encodedClaims = token.slice(first + 1, second);
  const encodedSignature = token.slice(second + 1);
  // A third dot is outside the alphabet, so the last part refuses it.
  if (
    !isCanonicalBase64url(encodedHeader) ||
    !isCanonicalBase64url(encodedClaims) ||
    !isCanonicalBase64url(encodedSignature)
  ) {
    throw new SecurityError("token_malformed");
  }
  const header = parseJsonObject(encodedHeader);
  const { alg, kid, typ, crit, b64 } = header;
  // The header may also carry `jku`, `jwk`, `x5u`, `x5c`: a token does not choose its keys, so they are not read.
  if (crit !== undefined || b64 !== undefined) throw new SecurityError("token_critical");
  if (!isAlgorithm(alg)) throw new SecurityError("token_algorithm");
  if (kid !== undefined && typeof kid !== "string") throw new SecurityError("token_malformed");
  if (typ !== undefined && typeof typ !== "string") throw new SecurityError("token_malformed");
  return {
    algorithm: alg,
    keyId: kid,
    type: typ?.toLowerCase().replace(/^application\//, ""),
    signingInput: token.slice(0, second),
    encodedClaims,
    signature: Buffer.from(encodedSignature, "base64url"),
    header,
  };
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Parses a header or a claims set. A member that is there twice is refused (RFC 7519 §4): parsers differ in which one
 * counts. So is more nesting than any claim has a use for.
 *
 * @throws {SecurityError} `token_malformed`
 */
export function parseJsonObject(encoded: string): Readonly<Record<string, unknown>> {
  let text: string;
  try {
    text = utf8.decode(Buffer.from(encoded, "base64url"));
  } catch (cause) {
    throw new SecurityError("token_malformed", { cause });
  }
  return parseObjectText(text);
}

/** As `parseJsonObject`, of the text itself. @throws {SecurityError} `token_malformed` */
export function parseObjectText(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SecurityError("token_malformed", { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new SecurityError("token_malformed");
  }
  if (countMembers(value) !== countColons(text)) throw new SecurityError("token_malformed");
  return value as Record<string, unknown>;
}

const maxDepth = 16;

/** The members of an object and of all within it. @throws {SecurityError} `token_malformed` where it is too deep */
function countMembers(value: object, depth = 1): number {
  if (depth > maxDepth) throw new SecurityError("token_malformed");
  let count = 0;
  const isList = Array.isArray(value);
  for (const member of Object.values(value)) {
    if (!isList) count += 1;
    if (typeof member === "object" && member !== null) count += countMembers(member, depth + 1);
  }
  return count;
}

/** Colons outside of strings: one for each member as written. The text is known to be JSON. */
function countColons(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charCodeAt(at);
    if (character === 0x3a) count += 1;
    else if (character === 0x22) at = endOfString(text, at);
  }
  return count;
}

/** Where a string that begins at a quotation mark ends. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text.charCodeAt(at) !== 0x22) at += text.charCodeAt(at) === 0x5c ? 2 : 1;
  return at;
}
