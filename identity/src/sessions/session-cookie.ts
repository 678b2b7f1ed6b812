/**
 * The session cookie (RFC 6265bis §4.1).
 *
 * `__Host-` binds it to this host, to `Path=/` and to https, so that no sibling domain can plant one. Browsers
 * refuse that name over plain http, so on loopback, outside production, a plain name without `Secure` is used.
 */
export interface SessionCookie {
  readonly name: string;
  /** The value a request carries, if it carries exactly one of canonical spelling. */
  read(cookieHeader: string | undefined): string | undefined;
  /** The `Set-Cookie` value that gives a session to a browser. */
  write(value: string, lifetimeSeconds: number): string;
  /** The `Set-Cookie` value that takes it away. */
  clear(): string;
}

/** @param secure False only for http on loopback in development. */
export function createSessionCookie({ secure }: { readonly secure: boolean }): SessionCookie {
  const name = secure ? "__Host-bulwark" : "bulwark";
  const attributes = `Path=/; HttpOnly; SameSite=Lax${secure ? "; Secure" : ""}`;
  return Object.freeze({
    name,
    read: (header: string | undefined) => readCookie(header, name),
    write: (value: string, lifetimeSeconds: number) =>
      `${name}=${value}; Max-Age=${lifetimeSeconds}; ${attributes}`,
    clear: () => `${name}=; Max-Age=0; ${attributes}`,
  });
}

/**
 * True for the one spelling of 256 bits in base64url. 43 characters carry two bits more than 32 bytes; a
 * lenient decoder ignores them, and one session would have four spellings.
 */
export function isSessionValue(value: string): boolean {
  return /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/.test(value);
}

function readCookie(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined;
  const values = header
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  const [value] = values;
  // Two cookies of one name: one of them was planted, and no one can say which.
  return values.length === 1 && value !== undefined && isSessionValue(value) ? value : undefined;
}
