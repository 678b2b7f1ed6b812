/**
 * What `opa build -t wasm` makes: a gzipped tar archive with the compiled policy and its data.
 *
 * Only as much of tar is read as such a bundle has (POSIX.1-1988 ustar), within bounds; anything else in it is refused
 * rather than skipped: data that is left out would change what the policy decides.
 */
import { gunzipSync } from "node:zlib";

export interface PolicyBundle {
  readonly wasm: Uint8Array<ArrayBuffer>;
  /** The data document, as JSON text; `undefined` where there is none. */
  readonly data: string | undefined;
}

const mostBytes = 64 * 1024 * 1024;
const blockSize = 512;

/**
 * Reads a bundle, or a bare `policy.wasm`.
 *
 * @throws {Error} where it is neither.
 */
export function readBundle(bytes: Uint8Array): PolicyBundle {
  if (startsWith(bytes, [0x00, 0x61, 0x73, 0x6d])) return { wasm: new Uint8Array(bytes), data: undefined };
  if (!startsWith(bytes, [0x1f, 0x8b])) throw new Error("It is neither a bundle nor WebAssembly.");
  const files = readArchive(gunzipSync(bytes, { maxOutputLength: mostBytes }));
  const wasm = files.get("policy.wasm");
  if (wasm === undefined) throw new Error("The bundle has no `policy.wasm`: build it with `-t wasm`.");
  const extra = [...files.keys()].find((name) => !isRead(name));
  if (extra !== undefined) throw new Error(`The bundle has \`${extra}\` beside its policy and data.`);
  const data = files.get("data.json");
  return {
    wasm: new Uint8Array(wasm),
    data: data === undefined ? undefined : Buffer.from(data).toString("utf8"),
  };
}

/** The sources and the manifest say nothing that the compiled policy does not. */
function isRead(name: string): boolean {
  return name === "policy.wasm" || name === "data.json" || name === ".manifest" || name.endsWith(".rego");
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, index) => bytes[index] === byte);
}

function readArchive(archive: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  let at = 0;
  while (at + blockSize <= archive.length) {
    const header = archive.subarray(at, at + blockSize);
    if (header.every((byte) => byte === 0)) return files;
    const type = String.fromCharCode(header[156] ?? 0);
    const name = textAt(header, 0, 100).replace(/^\.?\//, "");
    const size = Number.parseInt(textAt(header, 124, 12).trim() || "x", 8);
    const start = at + blockSize;
    if (!Number.isInteger(size) || start + size > archive.length) throw new Error("The bundle is damaged.");
    // Files and folders; long names and links are nothing that is built there.
    if (type !== "0" && type !== "\0" && type !== "5")
      throw new Error("The bundle has entries of another kind.");
    if (type !== "5") {
      if (textAt(header, 345, 155) !== "" || files.has(name)) throw new Error("The bundle is damaged.");
      files.set(name, archive.subarray(start, start + size));
    }
    at = start + Math.ceil(size / blockSize) * blockSize;
  }
  throw new Error("The bundle is cut off.");
}

function textAt(header: Uint8Array, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString("utf8");
}
