/**
 * Asks a server that is configured but not trusted, again and again, over connections that are kept.
 *
 * Everything is bounded: the time from the first byte sent to the last one read, the bytes of an answer, the questions
 * under way at once. Redirects are not followed. `node:http` itself, because it costs half of what `fetch` does here.
 */
import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { isJson } from "../defence/media-type.ts";

export interface JsonClientOptions {
  /** Where paths begin: https, or http on loopback; without query and fragment. */
  readonly url: URL;
  /** Read for each question: a bearer token (RFC 6750). */
  readonly token?: (() => string) | undefined;
  /** For a whole question, from connecting to the last byte. */
  readonly timeoutMs: number;
  /** Questions under way at once; a further one fails at once. */
  readonly mostAtOnce: number;
  /** The largest answer, in bytes. */
  readonly mostBytes: number;
}

export interface JsonAnswer {
  readonly status: number;
  /** What was answered, as text that says it is JSON. */
  readonly text: string;
}

export interface JsonClient {
  /**
   * Posts JSON.
   *
   * @param path Below the client's URL, with a leading slash.
   * @throws {Error} where there is no answer, or none that is JSON; its message holds nothing of question or answer.
   */
  post(path: string, body: string): Promise<JsonAnswer>;
  /** Ends what is open. */
  close(): void;
}

const mostHeaderBytes = 8_192;
const mostIdle = 16;

export function createJsonClient(options: JsonClientOptions): JsonClient {
  const { url, mostAtOnce } = options;
  const secure = url.protocol === "https:";
  const settings = {
    keepAlive: true,
    maxSockets: mostAtOnce,
    maxFreeSockets: Math.min(mostIdle, mostAtOnce),
  };
  const agent = secure ? new HttpsAgent(settings) : new HttpAgent(settings);
  const open = secure ? httpsRequest : httpRequest;
  const prefix = url.pathname.replace(/\/$/, "");
  let underWay = 0;

  const send = (path: string, body: string, connection: typeof agent | false): ClientRequest => {
    const token = options.token?.();
    // RFC 6750 §2.1. What is none would be a header of its own making.
    if (token !== undefined && !/^[A-Za-z0-9._~+/-]+=*$/.test(token))
      throw new Error("the token is no bearer token");
    return open({
      agent: connection,
      protocol: url.protocol,
      hostname: url.hostname.replace(/^\[|\]$/g, ""),
      port: url.port,
      method: "POST",
      path: prefix + path,
      maxHeaderSize: mostHeaderBytes,
      headers: {
        accept: "application/json",
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
    });
  };

  return Object.freeze({
    async post(path: string, body: string): Promise<JsonAnswer> {
      if (underWay >= mostAtOnce) throw new Error(`${mostAtOnce} questions are under way`);
      underWay += 1;
      const deadlineMs = performance.now() + options.timeoutMs;
      try {
        return await ask(send(path, body, agent), body, deadlineMs, options);
      } catch (error) {
        // A connection that was kept turned out to be closed. The others may be too: on a new one.
        if (!(error instanceof StaleConnection)) throw error;
        return await ask(send(path, body, false), body, deadlineMs, options);
      } finally {
        underWay -= 1;
      }
    },
    close: () => agent.destroy(),
  });
}

class StaleConnection extends Error {}

function ask(
  request: ClientRequest,
  body: string,
  deadlineMs: number,
  { timeoutMs, mostBytes }: JsonClientOptions,
): Promise<JsonAnswer> {
  return new Promise((resolve, reject) => {
    let begun = false;
    const late = () => fail(new Error(`no answer within ${timeoutMs} ms`));
    const timer = setTimeout(late, Math.max(deadlineMs - performance.now(), 0));
    const fail = (error: Error): void => {
      clearTimeout(timer);
      request.destroy();
      const { code } = error as NodeJS.ErrnoException;
      const stale = !begun && request.reusedSocket && (code === "ECONNRESET" || code === "EPIPE");
      reject(stale ? new StaleConnection(error.message) : error);
    };
    request.once("error", fail);
    // After the first failure, later ones tell nothing new.
    request.on("error", () => {});
    request.once("response", (response) => {
      begun = true;
      read(response, mostBytes).then((answer) => {
        clearTimeout(timer);
        resolve(answer);
      }, fail);
    });
    request.end(body);
  });
}

async function read(response: IncomingMessage, mostBytes: number): Promise<JsonAnswer> {
  const { statusCode = 0, headers } = response;
  if (statusCode >= 300 && statusCode < 400) throw new Error(`the answer is a redirection (${statusCode})`);
  if (!isJson(headers["content-type"])) throw new Error(`the answer (${statusCode}) is not JSON`);
  if (headers["content-encoding"] !== undefined) throw new Error("the answer is encoded");
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.byteLength;
    if (length > mostBytes) throw new Error(`the answer is longer than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  if (!response.complete) throw new Error("the answer was cut off");
  return { status: statusCode, text: Buffer.concat(chunks).toString("utf8") };
}
