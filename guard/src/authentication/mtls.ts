/** Tokens bound to the client's TLS certificate (RFC 8705 §3). */
import { createHash } from "node:crypto";
import { SecurityError } from "./security-error.ts";

/**
 * Checks that the connection's certificate is the one a token is bound to. The TLS handshake has proved that the
 * client holds its key; who signed it does not matter here (RFC 8705 §2.2).
 *
 * @param certificate In DER; `undefined` where the connection has none.
 * @throws {SecurityError} `token_bound`
 */
export function verifyCertificate(certificate: Uint8Array | undefined, thumbprint: string): void {
  if (certificate === undefined) throw new SecurityError("token_bound");
  const actual = createHash("sha256").update(certificate).digest("base64url");
  if (actual !== thumbprint) throw new SecurityError("token_bound");
}
