/** Fetches an issuer's keys: discovery (OpenID Connect Discovery 1.0 §4, RFC 8414 §3), then its JWK Set. */

import { fetchJson } from "../../outbound/fetch-json.ts";
import type { PublicJwkSet } from "../identity-source.ts";

export interface FetchedKeys {
  readonly set: PublicJwkSet;
  /** The answer's `max-age`, where it gave one. */
  readonly maxAgeSeconds: number | undefined;
}

/**
 * @param reachedAt Where the issuer is reached from here; default its own address.
 * @throws {Error} whatever goes wrong; the caller decides what it means.
 */
export async function fetchKeys(issuer: string, reachedAt: URL = new URL(issuer)): Promise<FetchedKeys> {
  const base = reachedAt.href.replace(/\/$/, "");
  const { json: metadata } = await fetchJson(`${base}/.well-known/openid-configuration`);
  // RFC 8414 §3.3: metadata that names another issuer is not this issuer's.
  if (metadata.issuer !== issuer) throw new Error("The metadata names another issuer.");
  if (typeof metadata.jwks_uri !== "string") throw new Error("The metadata has no jwks_uri.");
  const { json, maxAgeSeconds } = await fetchJson(metadata.jwks_uri, reachedAt);
  if (!Array.isArray(json.keys)) throw new Error("The JWK Set has no keys.");
  return { set: { keys: json.keys }, maxAgeSeconds };
}
