/** The kinds of credential a guard takes, and which of them a route takes. */
import { ContractError } from "../contract/refusal.ts";

/** Every kind, with its bit in a set of kinds. */
const bits = {
  /** An access token that whoever holds it may use (RFC 6750). */
  bearer: 1,
  /** An access token bound to a key that each request proves (RFC 9449). */
  dpop: 2,
  /** An access token bound to the client's TLS certificate (RFC 8705). */
  mtls: 4,
  /** A session's cookie. */
  session: 8,
  /** A long-lived key, `bw_…`. */
  apiKey: 16,
} as const;

export type CredentialKind = keyof typeof bits;

/** Some of the kinds, as bits. */
export type CredentialSet = number;

export const credentialKinds = Object.freeze(Object.keys(bits)) as readonly CredentialKind[];

export function includesCredential(set: CredentialSet, kind: CredentialKind): boolean {
  return (set & bits[kind]) !== 0;
}

/** @throws {ContractError} `credential_unknown`, `option_invalid` */
export function toCredentialSet(kinds: readonly CredentialKind[], place: string): CredentialSet {
  if (!Array.isArray(kinds) || kinds.length === 0) {
    throw new ContractError("option_invalid", place, "It takes no kind of credential.");
  }
  let set = 0;
  for (const kind of kinds as readonly CredentialKind[]) {
    if (!Object.hasOwn(bits, kind)) {
      throw new ContractError("credential_unknown", place, `\`${String(kind)}\` is no kind of credential.`);
    }
    set |= bits[kind];
  }
  return set;
}
