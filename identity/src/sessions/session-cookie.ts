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
  /** Every value of canonical spelling, of the first few. */
  readEvery(cookieHeader: string | undefined): readonly string[];
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
    read(header: string | undefined) {
      const [value, ...others] = readCookies(header, name);
      // Two cookies of one name: one of them was planted, and no one can say which.
      return value !== undefined && others.length === 0 && isSessionValue(value) ? value : undefined;
    },
    readEvery: (header: string | undefined) =>
      readCookies(header, name).filter(isSessionValue).slice(0, mostValues),
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

/** Each costs a query. */
const mostValues = 4;

function readCookies(header: string | undefined, name: string): readonly string[] {
  return (header ?? "")
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
}
