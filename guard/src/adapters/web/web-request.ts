/** A Fetch request as the guard reads it. */
import type { IncomingRequest } from "../../pipeline/exchange.ts";

/** What a Fetch request does not carry, where the platform knows it. */
export interface Peer {
  /** The peer's address. Without it all callers are one address, and share its limit. */
  readonly address?: string | undefined;
  /** The client's TLS certificate in DER. */
  readonly clientCertificate?: (() => Uint8Array | undefined) | undefined;
}

/** A class, so that every request has one shape. */
export class WebRequest implements IncomingRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingRequest["headers"];
  readonly address: string;
  readonly rawHeaders: readonly string[] | undefined;
  readonly #certificate: (() => Uint8Array | undefined) | undefined;

  constructor(request: Request, { address = "", clientCertificate }: Peer) {
    this.method = request.method;
    this.url = pathOf(request.url);
    this.headers = Object.fromEntries(request.headers);
    this.address = address;
    this.rawHeaders = doubled(request.headers.get("authorization"));
    this.#certificate = clientCertificate;
  }

  clientCertificate(): Uint8Array | undefined {
    return this.#certificate?.();
  }
}

/** Path and query: what follows the origin. */
function pathOf(url: string): string {
  const slash = url.indexOf("/", url.indexOf("://") + 3);
  return slash < 0 ? "/" : url.slice(slash);
}

/** Fetch joins doubled fields with a comma, which no credential that a guard takes contains. Told apart again here. */
function doubled(authorization: string | null): readonly string[] | undefined {
  if (authorization === null || !authorization.includes(",")) return undefined;
  return authorization.split(",").flatMap((value) => ["authorization", value.trim()]);
}
