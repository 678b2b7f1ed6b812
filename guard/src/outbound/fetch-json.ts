/**
 * Fetches JSON from an address that is configured but not trusted: sizes and times are bounded, redirects are refused,
 * and only https (or http on loopback) is followed.
 */
import { isLoopbackHost } from "../encoding/origin.ts";

export interface FetchedJson {
  readonly json: Readonly<Record<string, unknown>>;
  /** The answer's `max-age`, where it gave one. */
  readonly maxAgeSeconds: number | undefined;
}

const timeoutMs = 5_000;
const maxBytes = 512 * 1024;

/**
 * @param from Where the address came from: what https names must be https itself.
 * @throws {Error} whatever goes wrong; the caller decides what it means.
 */
export async function fetchJson(address: string, from?: URL): Promise<FetchedJson> {
  const url = new URL(address);
  const mayBePlain = from?.protocol !== "https:" && isLoopbackHost(url.hostname);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && mayBePlain)) {
    throw new Error("The address is neither https nor on loopback.");
  }
  const response = await fetch(url, {
    headers: { accept: "application/json, application/jwk-set+json" },
    redirect: "error",
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (response.status !== 200) throw new Error(`The answer is ${response.status}.`);
  const json: unknown = JSON.parse(await readBounded(response, maxBytes));
  if (typeof json !== "object" || json === null) throw new Error("The answer is not an object.");
  const maxAge = /(?:^|[\s,])max-age=(\d{1,9})/.exec(response.headers.get("cache-control") ?? "")?.[1];
  return {
    json: json as Record<string, unknown>,
    maxAgeSeconds: maxAge === undefined ? undefined : Number(maxAge),
  };
}

/** The text of an answer. @throws {Error} where it is longer than so many bytes. */
export async function readBounded(response: Response, most: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength;
    if (length > most) throw new Error(`The answer is longer than ${most} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
