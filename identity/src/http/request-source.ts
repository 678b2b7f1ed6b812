/**
 * Where a request comes from, as the browser says in fields that no page can set: `Sec-Fetch-Site`
 * (W3C Fetch Metadata §2.1), and `Origin` where that is missing.
 *
 * Threat: another site's page that signs its visitor in as somebody else, or out (cross-site request forgery).
 */
import type { IncomingHttpHeaders } from "node:http";

/** `own`: a page of this origin, or the person. `foreign`: another site's page. `unknown`: no browser said. */
export type RequestSource = "own" | "foreign" | "unknown";

export function findRequestSource(headers: IncomingHttpHeaders, ownOrigin: string): RequestSource {
  const site = headers["sec-fetch-site"];
  const { origin } = headers;
  if (site === undefined && origin === undefined) return "unknown";
  if (site !== undefined && site !== "same-origin" && site !== "none") return "foreign";
  // A page under `Referrer-Policy: no-referrer` sends an opaque origin even to itself (Fetch §3.2): the other
  // field decides. An origin that is named must be ours, whatever the other field says.
  if (origin === "null") return site === undefined ? "foreign" : "own";
  return origin === undefined || origin === ownOrigin ? "own" : "foreign";
}
