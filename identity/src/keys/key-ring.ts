/**
 * The secrets a deployment holds, newest first: the newest seals, every one of them opens.
 *
 * Each use has its own key by HKDF (RFC 5869 §3.2, the purpose in `info`), so that a cookie signature and a
 * sealed record never share one.
 */
import { createHash, hkdfSync } from "node:crypto";
import { IdentityError } from "../errors.ts";

export interface Secret {
  /** Names the secret in what it sealed; derived from it, and says nothing of it. */
  readonly id: string;
  readonly bytes: Buffer;
}

export interface KeyRing {
  readonly newest: Secret;
  find(id: string): Secret | undefined;
  /** One 32-byte key for each secret, newest first. */
  derive(purpose: string): readonly Buffer[];
}

const leastBytes = 32;

/**
 * Builds a ring.
 *
 * @param secrets Newest first; each at least 32 random bytes in base64url without padding.
 * @param place Where they stand, for the refusal, which never shows a secret.
 * @throws {IdentityError} `secrets_invalid`
 */
export function createKeyRing(secrets: readonly string[], place: string): KeyRing {
  const ring = secrets.map((text, index) => {
    const bytes = Buffer.from(text, "base64url");
    // Re-encoding refuses what a lenient decoder would drop in silence: a secret shorter than it looks.
    if (bytes.length < leastBytes || bytes.toString("base64url") !== text) {
      throw new IdentityError("secrets_invalid", `${place}[${index}]`, "It is not a long enough secret.");
    }
    return Object.freeze({ id: createSecretId(bytes), bytes });
  });
  const [newest] = ring;
  if (newest === undefined) throw new IdentityError("secrets_invalid", place, "There is no secret.");

  return Object.freeze({
    newest,
    find: (id: string) => ring.find((secret) => secret.id === id),
    derive: (purpose: string) =>
      ring.map(({ bytes }) => Buffer.from(hkdfSync("sha256", bytes, "", `bulwark/${purpose}/v1`, 32))),
  });
}

function createSecretId(bytes: Buffer): string {
  return createHash("sha256").update("bulwark/secret-id/v1\0").update(bytes).digest("base64url").slice(0, 11);
}
