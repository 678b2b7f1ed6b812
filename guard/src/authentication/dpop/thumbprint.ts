/** A public key's thumbprint (RFC 7638; RFC 8037 §2 for Ed25519). */
import { createHash, type JsonWebKey } from "node:crypto";

/** The members that make up a key, in the order the thumbprint takes them. */
const members = {
  EC: ["crv", "kty", "x", "y"],
  RSA: ["e", "kty", "n"],
  OKP: ["crv", "kty", "x"],
} as const;

/** The thumbprint with SHA-256, in base64url; `undefined` where it is no public key of a known type. */
export function thumbprintOf(key: JsonWebKey): string | undefined {
  const names = Object.hasOwn(members, key.kty ?? "") ? members[key.kty as keyof typeof members] : undefined;
  if (names === undefined || names.some((name) => typeof key[name] !== "string")) return undefined;
  const canonical = JSON.stringify(Object.fromEntries(names.map((name) => [name, key[name]])));
  return createHash("sha256").update(canonical).digest("base64url");
}
