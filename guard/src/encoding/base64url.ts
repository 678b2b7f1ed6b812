/**
 * Canonical base64url (RFC 4648 §5, without padding as RFC 7515 §2 has it).
 *
 * Bytes have exactly one canonical spelling. Decoders commonly accept others (padding, white space, set unused
 * bits), so one signed token would have many spellings, and a cache or a revocation list that knows one would
 * miss the rest.
 */

const alphabet = /^[A-Za-z0-9_-]*$/;
/** Last characters whose unused bits are zero, by length modulo 4. */
const lastOfTwo = /[AQgw]$/;
const lastOfThree = /[AEIMQUYcgkosw048]$/;

/** Is this the one spelling of the bytes it stands for? */
export function isCanonicalBase64url(text: string): boolean {
  if (!alphabet.test(text)) return false;
  switch (text.length % 4) {
    case 0:
      return true;
    case 2:
      return lastOfTwo.test(text);
    case 3:
      return lastOfThree.test(text);
    default:
      return false;
  }
}
