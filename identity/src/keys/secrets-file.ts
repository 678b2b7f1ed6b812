/**
 * The generated secrets of an embedded deployment: one file, its owner's alone.
 *
 * Two processes may start at once on one folder. Each writes a file of its own and links it to the name; a
 * link never replaces, so both end with the same secrets and no one reads half a file.
 */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { IdentityError } from "../errors.ts";

export const secretsFileName = "secrets.json";

/**
 * Reads the folder's secrets, newest first, creating them where there are none.
 *
 * @throws {IdentityError} `store_unwritable`, `secrets_damaged`, `secrets_exposed`
 */
export function readOrCreateSecrets(folder: string): readonly string[] {
  const path = join(folder, secretsFileName);
  try {
    return readSecrets(path);
  } catch (error) {
    if (!isMissing(error)) throw toSecretsError(error, path);
  }
  try {
    createSecrets(folder, path);
    return readSecrets(path);
  } catch (error) {
    throw toSecretsError(error, path);
  }
}

function readSecrets(path: string): readonly string[] {
  const text = readFileSync(path, "utf8");
  // Windows has no such bits: there the folder's access list decides.
  if (process.platform !== "win32" && (statSync(path).mode & 0o077) !== 0) {
    throw new IdentityError("secrets_exposed", path, "Others than its owner may read the file.");
  }
  const secrets = parseSecrets(text);
  if (secrets === undefined) throw new IdentityError("secrets_damaged", path, "The file holds no secrets.");
  return secrets;
}

function parseSecrets(text: string): readonly string[] | undefined {
  try {
    const content: unknown = JSON.parse(text);
    if (typeof content !== "object" || content === null || !("secrets" in content)) return undefined;
    const { secrets } = content;
    const whole =
      Array.isArray(secrets) && secrets.length > 0 && secrets.every((secret) => typeof secret === "string");
    return whole ? secrets : undefined;
  } catch {
    return undefined;
  }
}

function createSecrets(folder: string, path: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(8).toString("hex")}`;
  const content = JSON.stringify({ version: 1, secrets: [randomBytes(32).toString("base64url")] });
  const file = openSync(draft, "wx", 0o600);
  try {
    writeSync(file, `${content}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  try {
    linkSync(draft, path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    unlinkSync(draft);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

function toSecretsError(error: unknown, path: string): IdentityError {
  if (error instanceof IdentityError) return error;
  return new IdentityError("store_unwritable", path, "The secrets' file cannot be used.", { cause: error });
}
