/**
 * Reads the answers on one keep-alive connection without pipelining: at most one answer is due at a time.
 *
 * A load generator must cost less than what it loads, so only what proves the answer is read: the status line and
 * `Content-Length` (RFC 9112 §6.2). An answer framed in another way (chunked, or until close) is refused aloud:
 * guessing where it ends would count answers that were never given.
 */

export interface Answer {
  readonly status: number;
  readonly bodyBytes: number;
  /** Head and body. A view into the receive buffer: copy what is kept beyond the callback. */
  readonly bytes: Uint8Array;
}

export interface ResponseReader {
  /**
   * Takes what arrived; returns the answer once it is complete, else `undefined`.
   *
   * @throws {ResponseError} an answer this reader does not count
   */
  push(chunk: Uint8Array): Answer | undefined;
}

export class ResponseError extends Error {
  override readonly name = "ResponseError";
}

/** No server here answers with more; beyond it the framing has been misread. */
const maxAnswerBytes = 1_048_576;

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const contentLength = lowerCaseBytes("content-length:");
const transferEncoding = lowerCaseBytes("transfer-encoding:");
const httpVersion = Buffer.from("HTTP/1.1 ", "latin1");

/** One reader per connection. */
export function createResponseReader(): ResponseReader {
  let pending: Uint8Array | undefined;

  return {
    push(chunk) {
      const bytes = pending === undefined ? chunk : Buffer.concat([pending, chunk]);
      const head = parseHead(bytes);
      const total = head === undefined ? undefined : head.headBytes + head.bodyBytes;
      if (head === undefined || total === undefined || bytes.length < total) {
        if (bytes.length > maxAnswerBytes)
          throw new ResponseError(`An answer is longer than ${maxAnswerBytes} bytes.`);
        // Copied: the chunk is a view into a buffer that the next read overwrites.
        pending = pending === undefined ? Buffer.from(bytes) : bytes;
        return undefined;
      }
      if (bytes.length > total) {
        throw new ResponseError(
          `${bytes.length - total} bytes follow an answer, though nothing more was asked.`,
        );
      }
      pending = undefined;
      return { status: head.status, bodyBytes: head.bodyBytes, bytes };
    },
  };
}

interface Head {
  readonly status: number;
  readonly headBytes: number;
  readonly bodyBytes: number;
}

/** The head of an answer, or `undefined` while the empty line that ends it has not arrived. */
function parseHead(bytes: Uint8Array): Head | undefined {
  let bodyBytes = -1;
  let lineStart = 0;
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] !== lineFeed) continue;
    const lineEnd = bytes[at - 1] === carriageReturn ? at - 1 : at;
    if (lineEnd === lineStart) {
      const status = parseStatus(bytes);
      if (bodyBytes === -1 && !isBodiless(status)) {
        throw new ResponseError(`A ${status} answer has no Content-Length; it cannot be told where it ends.`);
      }
      return { status, headBytes: at + 1, bodyBytes: isBodiless(status) ? 0 : bodyBytes };
    }
    if (startsWith(bytes, lineStart, lineEnd, contentLength)) {
      bodyBytes = parseLength(bytes, lineStart + contentLength.length, lineEnd, bodyBytes);
    } else if (startsWith(bytes, lineStart, lineEnd, transferEncoding)) {
      throw new ResponseError(
        "An answer has Transfer-Encoding (chunked); this generator counts Content-Length only.",
      );
    }
    lineStart = at + 1;
  }
  return undefined;
}

/** Answers that never have a body, whatever their headers say (RFC 9112 §6.3). */
function isBodiless(status: number): boolean {
  return status === 204 || status === 304;
}

function parseStatus(bytes: Uint8Array): number {
  for (let index = 0; index < httpVersion.length; index++) {
    if (bytes[index] !== httpVersion[index])
      throw new ResponseError("An answer does not begin with `HTTP/1.1`.");
  }
  return parseDigits(bytes, httpVersion.length, httpVersion.length + 3, "status");
}

function parseLength(bytes: Uint8Array, from: number, lineEnd: number, earlier: number): number {
  let start = from;
  let end = lineEnd;
  while (start < end && isBlank(bytes[start])) start++;
  while (end > start && isBlank(bytes[end - 1])) end--;
  const length = parseDigits(bytes, start, end, "Content-Length");
  if (earlier !== -1 && earlier !== length)
    throw new ResponseError("An answer has two different Content-Lengths.");
  if (length > maxAnswerBytes) throw new ResponseError(`An answer is longer than ${maxAnswerBytes} bytes.`);
  return length;
}

function parseDigits(bytes: Uint8Array, start: number, end: number, name: string): number {
  let value = 0;
  for (let index = start; index < end; index++) {
    const digit = (bytes[index] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) throw new ResponseError(`An answer has a ${name} that is no number.`);
    value = value * 10 + digit;
  }
  if (start >= end) throw new ResponseError(`An answer has an empty ${name}.`);
  return value;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09;
}

/** `name` is lower case; header names are ASCII letters and `-`, which `| 0x20` leaves or lowers. */
function startsWith(bytes: Uint8Array, start: number, end: number, name: Uint8Array): boolean {
  if (end - start < name.length) return false;
  for (let index = 0; index < name.length; index++) {
    if (((bytes[start + index] ?? 0) | 0x20) !== name[index]) return false;
  }
  return true;
}

function lowerCaseBytes(name: string): Uint8Array {
  return Buffer.from(name, "latin1");
}
