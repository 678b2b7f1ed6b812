/** What binds an access token to its client: the confirmation claim, `cnf` (RFC 7800). */
import { SecurityError } from "./security-error.ts";

/** At least one is there. Where both are, both must be proved. */
export interface Binding {
  /** The SHA-256 thumbprint of the client's proof key: `jkt` (RFC 9449 §6.1). */
  readonly keyThumbprint: string | undefined;
  /** The SHA-256 thumbprint of the client's certificate: `x5t#S256` (RFC 8705 §3.1). */
  readonly certificateThumbprint: string | undefined;
}

/**
 * Reads a confirmation claim; `undefined` where there is none.
 *
 * @throws {SecurityError} `token_bound`: it binds in a way that nothing here can prove.
 */
export function readBinding(cnf: Readonly<Record<string, unknown>> | undefined): Binding | undefined {
  if (cnf === undefined) return undefined;
  const { jkt, "x5t#S256": x5t, ...others } = cnf;
  const thumbprints = [jkt, x5t].filter((value) => value !== undefined);
  const readable = thumbprints.length > 0 && thumbprints.every(isThumbprint);
  if (!readable || Object.keys(others).length > 0) throw new SecurityError("token_bound");
  return { keyThumbprint: jkt as string | undefined, certificateThumbprint: x5t as string | undefined };
}

function isThumbprint(value: unknown): boolean {
  return typeof value === "string" && /^[A-Za-z0-9_-]{43}$/.test(value);
}
