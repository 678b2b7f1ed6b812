/**
 * The cross-site rule: a write that a browser may have attached a cookie to must come from a page of our own.
 *
 * The browser says where a request comes from, in fields that no page can set: `Sec-Fetch-Site` (W3C Fetch
 * Metadata §2.1), and `Origin` where that is missing. A write that carries a cookie and neither field is refused
 * too. There is no token for pages to carry and to leak.
 */

export interface RequestOrigin {
  readonly method: string;
  readonly secFetchSite: string | undefined;
  readonly origin: string | undefined;
}

export interface CrossSiteOptions {
  /** The origin the API is served on. */
  readonly ownOrigin: string;
  /** Other origins whose pages may write with the caller's cookie: those CORS lets send credentials. */
  readonly allowsCredentialsFrom: ((origin: string) => boolean) | undefined;
}

const safeMethods: readonly string[] = ["GET", "HEAD", "OPTIONS"];

/** May this request act with the authority of a cookie? */
export function mayUseCookie(request: RequestOrigin, options: CrossSiteOptions): boolean {
  const { method, secFetchSite, origin } = request;
  if (safeMethods.includes(method)) return true;
  if (origin !== undefined && options.allowsCredentialsFrom?.(origin) === true) return true;
  // An origin that is named must be ours, whatever the other field says; an opaque one says nothing (Fetch §3.2).
  if (origin !== undefined && origin !== "null" && origin !== options.ownOrigin) return false;
  // "none" is the person's own doing: an address typed, a bookmark.
  if (secFetchSite !== undefined) return secFetchSite === "same-origin" || secFetchSite === "none";
  return origin === options.ownOrigin;
}
