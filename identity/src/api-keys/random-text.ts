/** Random letters and digits. */
import { randomBytes } from "node:crypto";

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** Bytes from here on are drawn anew: taken modulo 62 they would make the first letters likelier than the rest. */
const firstUnused = 256 - (256 % alphabet.length);

/** Uniformly random base62 text: 5.95 bits a character. */
export function createRandomText(length: number): string {
  let text = "";
  while (text.length < length) {
    for (const byte of randomBytes(length)) {
      if (byte < firstUnused && text.length < length) text += alphabet[byte % alphabet.length];
    }
  }
  return text;
}
