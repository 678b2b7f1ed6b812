/**
 * Reads a JSON body (RFC 8259), for the frameworks that leave that to the guard.
 *
 * Bounded while it arrives: an announced length proves nothing. The bytes are UTF-8 or nothing, and keys that reach an
 * object's prototype once they are copied (`__proto__`, `constructor.prototype`) are refused, not dropped.
 */
import { isJson } from "./media-type.ts";

export interface JsonBodyOptions {
  /** The `Content-Type` field. */
  readonly contentType: string | undefined;
  /** The most bytes that are read. */
  readonly maxBytes: number;
}

export type JsonBody =
  | { readonly value: unknown; readonly code?: undefined }
  | {
      readonly code: "body_malformed" | "body_too_large" | "media_type_unsupported";
      /** For the log. */
      readonly reason: string;
    };

/**
 * Reads a body to its end, or until it is refused; what is left is then still in the stream.
 *
 * @returns `value: undefined` where there is no body, and no media type promised one.
 */
export async function readJsonBody(
  chunks: AsyncIterable<Uint8Array>,
  { contentType, maxBytes }: JsonBodyOptions,
): Promise<JsonBody> {
  if (contentType !== undefined && !isJson(contentType)) return notJson;
  const bytes = await readBytes(chunks, maxBytes);
  if (!(bytes instanceof Uint8Array)) return bytes;
  if (bytes.length === 0) return contentType === undefined ? nothing : malformed("empty");
  return contentType === undefined ? notJson : parse(bytes);
}

const nothing: JsonBody = Object.freeze({ value: undefined });
const notJson: JsonBody = Object.freeze({
  code: "media_type_unsupported",
  reason: "the body is not application/json",
});

function malformed(reason: string): JsonBody {
  return { code: "body_malformed", reason };
}

async function readBytes(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array | JsonBody> {
  const read: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of chunks) {
      length += chunk.length;
      if (length > maxBytes) return { code: "body_too_large", reason: `more than ${maxBytes} bytes` };
      read.push(chunk);
    }
  } catch {
    return malformed("it broke off");
  }
  return Buffer.concat(read, length);
}

function parse(bytes: Uint8Array): JsonBody {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    value = JSON.parse(text);
  } catch {
    return malformed("not JSON in UTF-8");
  }
  // Only a text that spells one of the keys, or could by an escape, is worth the walk.
  const isSuspect = /__proto__|constructor|\\u/.test(text);
  return isSuspect && reachesPrototype(value) ? malformed("a key that reaches a prototype") : { value };
}

function reachesPrototype(value: unknown): boolean {
  const open: unknown[] = [value];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (typeof node !== "object" || node === null) continue;
    if (Object.hasOwn(node, "__proto__")) return true;
    const own = Object.hasOwn(node, "constructor") ? node.constructor : undefined;
    if (isObject(own) && Object.hasOwn(own, "prototype")) return true;
    for (const inner of Object.values(node)) if (isObject(inner)) open.push(inner);
  }
  return false;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
