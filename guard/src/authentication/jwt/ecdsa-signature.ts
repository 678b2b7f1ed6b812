/**
 * ECDSA signatures as JWS has them, the two numbers side by side (RFC 7518 §3.4), in the DER that OpenSSL verifies.
 *
 * `node:crypto` can be told to take the first form, but a key in an options object costs it two thrown and caught
 * errors per call: a quarter of the whole verification (bench `credentials`).
 */

/**
 * Converts a signature; `undefined` where it has not exactly the length of its curve.
 *
 * @param coordinateBytes 32 for P-256, 48 for P-384, 66 for P-521.
 * @see https://www.rfc-editor.org/rfc/rfc3279#section-2.2.3
 */
export function toDer(signature: Buffer, coordinateBytes: number): Buffer | undefined {
  if (signature.length !== 2 * coordinateBytes) return undefined;
  const r = integerAt(signature, 0, coordinateBytes);
  const s = integerAt(signature, coordinateBytes, coordinateBytes);
  const length = r.length + s.length + 4;
  // Lengths of 128 and more take a byte that says how long the length is: only P-521 comes to that.
  const header = length < 128 ? [0x30, length] : [0x30, 0x81, length];
  const der = Buffer.allocUnsafe(header.length + length);
  let at = 0;
  for (const byte of header) der[at++] = byte;
  for (const integer of [r, s]) {
    der[at++] = 0x02;
    der[at++] = integer.length;
    if (integer.signed) der[at++] = 0;
    signature.copy(der, at, integer.start, integer.end);
    at += integer.end - integer.start;
  }
  return der;
}

/** Where a number's significant bytes are. A leading zero byte keeps one that begins with a set bit positive. */
interface Integer {
  readonly start: number;
  readonly end: number;
  readonly signed: boolean;
  readonly length: number;
}

function integerAt(bytes: Buffer, from: number, size: number): Integer {
  const end = from + size;
  let start = from;
  // DER allows no other leading zeros; of zero itself one byte stays.
  while (start < end - 1 && bytes[start] === 0) start += 1;
  const signed = (bytes[start] ?? 0) >= 0x80;
  return { start, end, signed, length: end - start + (signed ? 1 : 0) };
}
