/**
 * How an API key is spelt: `bw_<public id>_<secret>_<checksum>`, letters and digits only between the underscores.
 *
 * The prefix lets secret scanners find a leaked key; the checksum (CRC-32) tells a key from a typing error, and from
 * most guesses, before anything is looked up. The checksum proves nothing: the secret does.
 */
import { crc32 } from "node:zlib";

export interface ApiKeyParts {
  /** 16 letters and digits; safe to show and to log. */
  readonly id: string;
  /** 43 letters and digits: 256 random bits. */
  readonly secret: string;
}

export const apiKeyPrefix = "bw_";

const pattern = /^bw_([0-9A-Za-z]{16})_([0-9A-Za-z]{43})_([0-9A-Za-z]{6})$/;
const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Spells a key. */
export function formatApiKey({ id, secret }: ApiKeyParts): string {
  const unchecked = `${apiKeyPrefix}${id}_${secret}`;
  return `${unchecked}_${checksumOf(unchecked)}`;
}

/** The parts of a key, or `undefined` where the text is not one, to the last character. */
export function parseApiKey(text: string): ApiKeyParts | undefined {
  const [, id, secret, checksum] = pattern.exec(text) ?? [];
  if (id === undefined || secret === undefined) return undefined;
  return checksumOf(text.slice(0, text.lastIndexOf("_"))) === checksum ? { id, secret } : undefined;
}

function checksumOf(text: string): string {
  let rest = crc32(text);
  let encoded = "";
  for (let place = 0; place < 6; place += 1) {
    encoded = digits[rest % 62] + encoded;
    rest = Math.floor(rest / 62);
  }
  return encoded;
}
