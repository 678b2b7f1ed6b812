/**
 * Header fields on every answer of an API: nothing in an answer may run, be framed, be sniffed or be kept.
 *
 * An API's answers are data. The policy therefore denies everything a document could do, so that an answer
 * opened in a browser, reflected or mislabelled, stays inert. What a sandboxed document without scripts, frames
 * and links cannot do needs no field of its own: each costs a request about as much as a stage (bench `request`).
 */
import type { HeaderFields } from "./cors.ts";

export const apiSecurityFields: HeaderFields = Object.freeze({
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
  "strict-transport-security": "max-age=63072000; includeSubDomains",
  "x-content-type-options": "nosniff",
  "cross-origin-resource-policy": "same-origin",
});

/** On everything that depends on who asks: no cache, shared or the browser's, may keep it (RFC 9111 §5.2.2.5). */
export const noStoreFields: HeaderFields = Object.freeze({ "cache-control": "no-store" });
