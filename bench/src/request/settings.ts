/** What a server of this benchmark is told: the one security posture that all of them set up, each in its own way. */
import { readFileSync } from "node:fs";
import type { JWK } from "jose";

export interface ServerSettings {
  readonly issuer: string;
  readonly audience: string;
  /** The only signature algorithm. */
  readonly algorithm: "ES256";
  /** The `typ` header of an access token (RFC 9068 §2.1). */
  readonly tokenType: "at+jwt";
  /** The issuer's public key, with `kid`, `alg` and `use`. */
  readonly publicJwk: JWK;
  /** Origins allowed to read answers with credentials; the load comes from the first. */
  readonly corsOrigins: readonly string[];
  /** By address, in memory, too high to be reached: counted, never refused. */
  readonly rateLimit: { readonly requests: number; readonly windowSeconds: number };
}

/**
 * Reads the settings file, the server's only argument.
 *
 * @throws {TypeError} no argument
 */
export function readServerSettings(): ServerSettings {
  const file = process.argv[2];
  if (file === undefined) throw new TypeError("The path of the settings file is missing.");
  return JSON.parse(readFileSync(file, "utf8"));
}
