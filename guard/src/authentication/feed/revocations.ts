/**
 * What a guard knows to be revoked: heard from the feed, kept as long as it can matter, asked on every request.
 *
 * Each change raises `epoch`. A cached credential remembers the epoch it was last found good at: while nothing was
 * revoked since, one integer comparison is the whole check.
 *
 * Bounded: where more is revoked than can be kept, the oldest knowledge is replaced by a moment before which nothing
 * counts any more. That refuses too much, never too little.
 */
import { type FeedEvent, feedRetentionMs, revocationTargets } from "./feed.ts";

type RevokedEvent = Extract<FeedEvent, { readonly kind: "revoked" }>;

/** What of a credential can be revoked. */
export interface Revocable {
  readonly subject: string;
  readonly sessionId: string | undefined;
  readonly tokenId: string | undefined;
  readonly apiKeyId: string | undefined;
}

export interface Revocations {
  /** Rises with everything heard. */
  readonly epoch: number;
  revoke(event: RevokedEvent, nowMs: number): void;
  /** Whatever was looked up before now must be looked up again. */
  forgetLookups(): void;
  /** Was a token issued at that time, or what it hangs on, revoked? */
  isRevoked(token: Revocable, issuedAtMs: number): boolean;
  /** Was anything about something looked up at that epoch revoked since? */
  isStale(lookup: Revocable, epoch: number): boolean;
}

interface Revocation {
  readonly beforeMs: number;
  readonly epoch: number;
  readonly forgetAtMs: number;
}

type Ledger = Map<string, Revocation>;

/** Entries kept for each of subjects, sessions, tokens and API keys. */
const defaultCapacity = 100_000;

export function createRevocations(capacity: number = defaultCapacity): Revocations {
  const ledgers = Object.fromEntries(
    revocationTargets.map((target) => [target, new Map<string, Revocation>()]),
  ) as Readonly<Record<(typeof revocationTargets)[number], Ledger>>;
  let epoch = 0;
  let lookupsSince = 0;
  let nothingBeforeMs = Number.NEGATIVE_INFINITY;

  const since = (ledger: Ledger, id: string | undefined, then: number): boolean =>
    id !== undefined && (ledger.get(id)?.epoch ?? -1) > then;

  return Object.freeze({
    get epoch() {
      return epoch;
    },
    revoke(event: RevokedEvent, nowMs: number) {
      epoch += 1;
      for (const target of revocationTargets) {
        const id = event[target];
        if (id === undefined) continue;
        const ledger = ledgers[target];
        const beforeMs = Math.max(event.beforeMs, ledger.get(id)?.beforeMs ?? 0);
        // Again at the end, so that the oldest stay in front.
        ledger.delete(id);
        ledger.set(id, { beforeMs, epoch, forgetAtMs: nowMs + feedRetentionMs });
        dropOutdated(ledger, nowMs);
        if (ledger.size <= capacity) continue;
        ledger.clear();
        nothingBeforeMs = Math.max(nothingBeforeMs, event.beforeMs, nowMs);
        lookupsSince = epoch;
      }
    },
    forgetLookups() {
      epoch += 1;
      lookupsSince = epoch;
    },
    isRevoked({ subject, sessionId, tokenId }: Revocable, issuedAtMs: number) {
      const before = ledgers.subject.get(subject)?.beforeMs ?? Number.NEGATIVE_INFINITY;
      return (
        issuedAtMs < Math.max(before, nothingBeforeMs) ||
        (sessionId !== undefined && ledgers.session.has(sessionId)) ||
        (tokenId !== undefined && ledgers.token.has(tokenId))
      );
    },
    isStale({ subject, sessionId, apiKeyId }: Revocable, then: number) {
      return (
        then < lookupsSince ||
        since(ledgers.subject, subject, then) ||
        since(ledgers.session, sessionId, then) ||
        since(ledgers.apiKey, apiKeyId, then)
      );
    },
  });
}

function dropOutdated(ledger: Ledger, nowMs: number): void {
  for (const [id, { forgetAtMs }] of ledger) {
    if (forgetAtMs > nowMs) return;
    ledger.delete(id);
  }
}
