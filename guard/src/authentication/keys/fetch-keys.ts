/**
 * Fetches an issuer's keys: discovery (OpenID Connect Discovery 1.0 §4, RFC 8414 §3), then its JWK Set.
 *
 * The issuer is configured, but its answers are not trusted to be small, quick, or to stay on its host: sizes
 * and times are bounded, redirects are refused, and only https (or http on loopback) is followed.
 */
import { isLoopbackHost } from "../../encoding/origin.ts";
import type { PublicJwkSet } from "../identity-source.ts";

export interface FetchedKeys {
  readonly set: PublicJwkSet;
  /** The answer's `max-age`, where it gave one. */
  readonly maxAgeSeconds: number | undefined;
}

const timeoutMs = 5_000;
const maxBytes = 512 * 1024;

/** @throws {Error} whatever goes wrong; the caller decides what it means. */
export async function fetchKeys(issuer: string): Promise<FetchedKeys> {
  const base = issuer.replace(/\/$/, "");
  const { json: metadata } = await fetchJson(`${base}/.well-known/openid-configuration`);
  // RFC 8414 §3.3: metadata that names another issuer is not this issuer's.
  if (metadata.issuer !== issuer) throw new Error("The metadata names another issuer.");
  if (typeof metadata.jwks_uri !== "string") throw new Error("The metadata has no jwks_uri.");
  const { json, maxAgeSeconds } = await fetchJson(metadata.jwks_uri);
  if (!Array.isArray(json.keys)) throw new Error("The JWK Set has no keys.");
  return { set: { keys: json.keys }, maxAgeSeconds };
}

async function fetchJson(address: string): Promise<{
  readonly json: Readonly<Record<string, unknown>>;
  readonly maxAgeSeconds: number | undefined;
}> {
  const url = new URL(address);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopbackHost(url.hostname))) {
    throw new Error("The address is neither https nor on loopback.");
  }
  const response = await fetch(url, {
    headers: { accept: "application/json, application/jwk-set+json" },
    redirect: "error",
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (response.status !== 200) throw new Error(`The answer is ${response.status}.`);
  const json: unknown = JSON.parse(await readBounded(response));
  if (typeof json !== "object" || json === null) throw new Error("The answer is not an object.");
  const maxAge = /(?:^|[\s,])max-age=(\d{1,9})/.exec(response.headers.get("cache-control") ?? "")?.[1];
  return {
    json: json as Record<string, unknown>,
    maxAgeSeconds: maxAge === undefined ? undefined : Number(maxAge),
  };
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength;
    if (length > maxBytes) throw new Error(`The answer is longer than ${maxBytes} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
