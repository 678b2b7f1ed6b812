/**
 * Keeps what verified credentials proved, so that a token's signature is checked once.
 *
 * Only successes are kept: a flood of bad tokens costs memory nothing. A credential is looked up by its last
 * characters, the end of a signature, which tell tokens apart as well as the whole does (hashing the whole of it on
 * each request is dear, bench `request`), and is then compared whole: another token with a known ending is unknown.
 * Bounded in entries and characters by two generations: when the young one is full it becomes the old one, and the
 * old one is dropped; a hit in the old one moves to the young.
 */

export interface TokenCache<T> {
  /** What the credential proved, unless that has expired. */
  get(credential: string, nowMs: number): T | undefined;
  /** @param weight The characters that the value takes beyond the credential's own, about; default none worth counting. */
  set(credential: string, value: T, expiresAtMs: number, weight?: number): void;
}

interface Entry<T> {
  readonly credential: string;
  readonly value: T;
  readonly expiresAtMs: number;
  readonly weight: number;
}

export interface TokenCacheBounds {
  /** Entries a generation holds; the cache holds at most two generations. */
  readonly entries: number;
  /** Characters of credentials, and of what was answered about them, that a generation holds. */
  readonly characters: number;
}

const defaultBounds: TokenCacheBounds = { entries: 10_000, characters: 8 * 1024 * 1024 };

/** 43 characters of base64url are 258 bits: no two signatures end alike by chance. */
const endingLength = 43;

export function createTokenCache<T>(bounds: TokenCacheBounds = defaultBounds): TokenCache<T> {
  let young = new Map<string, Entry<T>>();
  let old = new Map<string, Entry<T>>();
  let characters = 0;

  const insert = (ending: string, entry: Entry<T>) => {
    const length = entry.credential.length + entry.weight;
    if (young.size >= bounds.entries || characters + length > bounds.characters) {
      old = young;
      young = new Map();
      characters = 0;
    }
    young.set(ending, entry);
    characters += length;
  };

  return Object.freeze({
    get(credential: string, nowMs: number): T | undefined {
      const ending = credential.slice(-endingLength);
      let entry = young.get(ending);
      if (entry === undefined) {
        entry = old.get(ending);
        if (entry === undefined) return undefined;
        old.delete(ending);
        insert(ending, entry);
      }
      return entry.credential === credential && nowMs < entry.expiresAtMs ? entry.value : undefined;
    },
    set(credential: string, value: T, expiresAtMs: number, weight = 0) {
      // One that takes more than the room is proved anew each time.
      if (credential.length + weight > bounds.characters) return;
      insert(credential.slice(-endingLength), { credential, value, expiresAtMs, weight });
    },
  });
}
