/**
 * Sealing: AES-256-GCM over what the store must give back, so that a copy of the database alone says nothing.
 *
 * Format: `v1.<secret id>.<base64url(salt ‖ ciphertext ‖ tag)>`. Key and nonce are both derived from a fresh
 * 192-bit salt (HKDF-SHA-256), so no key ever seals two messages and GCM's limit on random nonces does not
 * apply. The purpose and the record's id are associated data: a sealed value moved to another row, or to
 * another kind of row, does not open.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { IdentityError } from "../errors.ts";
import type { KeyRing, Secret } from "./key-ring.ts";

const version = "v1";
const saltBytes = 24;
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

/** Which record a value belongs to. */
export interface SealContext {
  /** The kind of record: "session", "signing-key". */
  readonly purpose: string;
  /** The record's own id. */
  readonly recordId: string;
}

/** Seals a text for one record with the newest secret. */
export function seal(ring: KeyRing, context: SealContext, text: string): string {
  const salt = randomBytes(saltBytes);
  const { key, nonce } = deriveKey(ring.newest, context.purpose, salt);
  const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(associatedData(ring.newest, context));
  const sealed = Buffer.concat([salt, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
  return `${version}.${ring.newest.id}.${sealed.toString("base64url")}`;
}

/**
 * Opens what `seal` made for the same record.
 *
 * @throws {IdentityError} `secret_missing` where the ring lacks the secret, `sealed_damaged` where the value
 * was changed or belongs to another record.
 */
export function open(ring: KeyRing, context: SealContext, sealed: string): string {
  const place = `${context.purpose} ${context.recordId}`;
  const [format, secretId, body, ...rest] = sealed.split(".");
  if (format !== version || secretId === undefined || body === undefined || rest.length > 0) {
    throw new IdentityError("sealed_damaged", place, "The sealed value has no known format.");
  }
  const secret = ring.find(secretId);
  if (secret === undefined) {
    throw new IdentityError("secret_missing", place, "None of the given secrets sealed this value.");
  }
  const bytes = Buffer.from(body, "base64url");
  const end = bytes.length - tagBytes;
  if (end < saltBytes) throw new IdentityError("sealed_damaged", place, "The sealed value is cut short.");

  const { key, nonce } = deriveKey(secret, context.purpose, bytes.subarray(0, saltBytes));
  const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(associatedData(secret, context));
  decipher.setAuthTag(bytes.subarray(end));
  try {
    return decipher.update(bytes.subarray(saltBytes, end), undefined, "utf8") + decipher.final("utf8");
  } catch (cause) {
    throw new IdentityError("sealed_damaged", place, "The sealed value does not open.", { cause });
  }
}

function deriveKey(secret: Secret, purpose: string, salt: Buffer): { key: Buffer; nonce: Buffer } {
  const derived = Buffer.from(
    hkdfSync("sha256", secret.bytes, salt, `bulwark/seal/${purpose}/${version}`, keyBytes + nonceBytes),
  );
  return { key: derived.subarray(0, keyBytes), nonce: derived.subarray(keyBytes) };
}

/** Lengths are part of it, so that no two contexts run together into the same bytes. */
function associatedData(secret: Secret, { purpose, recordId }: SealContext): Buffer {
  return Buffer.from(JSON.stringify([version, secret.id, purpose, recordId]));
}
