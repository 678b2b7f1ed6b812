/** A request as Node's http server hands it over, for the frameworks that stand on it. */
import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import type { IncomingRequest } from "../../pipeline/exchange.ts";

/** The address is the peer's own: no header changes it. A class, so that every request has one shape. */
export class NodeRequest implements IncomingRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingRequest["headers"];
  readonly address: string;
  readonly rawHeaders: readonly string[];
  readonly #message: IncomingMessage;

  /** @param url Path and query as sent, where the framework has changed the message's own. */
  constructor(message: IncomingMessage, url: string = message.url ?? "") {
    this.method = message.method ?? "";
    this.url = url;
    this.headers = message.headers;
    this.address = message.socket.remoteAddress ?? "";
    this.rawHeaders = message.rawHeaders;
    this.#message = message;
  }

  clientCertificate(): Uint8Array | undefined {
    const { socket } = this.#message;
    if (!(socket instanceof TLSSocket)) return undefined;
    return socket.getPeerX509Certificate()?.raw;
  }
}
