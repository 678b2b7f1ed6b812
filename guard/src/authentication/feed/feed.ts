/**
 * The feed: what an identity server tells its guards, so that tokens that verify offline are forgotten at once.
 *
 * It is ordered and resumable. In one process it is a function call; across processes, server-sent events.
 */

/** Something the guards must know. */
export type FeedEvent =
  | {
      /**
       * No longer valid: everything a subject was issued before a moment, one session and its tokens, one token,
       * or one API key. Exactly one of the four is named.
       */
      readonly kind: "revoked";
      /** An account's or client's id. */
      readonly subject?: string;
      /** A session's public handle: `sid` in tokens. */
      readonly session?: string;
      /** A token's id: `jti`. */
      readonly token?: string;
      /** An API key's public id. */
      readonly apiKey?: string;
      /** Issued before this, in milliseconds since the epoch; counts for a subject. */
      readonly beforeMs: number;
    }
  /** The role table, or what someone holds of it, has this version now. */
  | { readonly kind: "roles"; readonly version: number }
  /** The signing keys have changed: fetch them again. */
  | { readonly kind: "keys" };

/** What a subscription calls. It never throws. */
export interface FeedSubscriber {
  event(event: FeedEvent): void;
  /** Everything up to now has been told; from here events come as they happen. */
  synchronised(): void;
  /** Events may be missing from now on, until `synchronised` is called again. */
  lost(): void;
  /** Events were missed for good: whatever was proved before now must be proved again. */
  reset(): void;
}

/** The feed as a guard sees it. */
export type FeedState =
  /** No feed: the guard has no identity server. */
  | "off"
  /** Not yet everything was told. */
  | "connecting"
  | "synchronised"
  /** Events may be missing. */
  | "lost";

/** How long an event is kept and counts, in milliseconds: longer than any token the identity server issues lives. */
export const feedRetentionMs = 3_600_000;

/** Reads an event as it came over the wire; `undefined` if it is not one this guard knows. */
export function readFeedEvent(value: unknown): FeedEvent | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const event = value as Readonly<Record<string, unknown>>;
  if (event.kind === "keys") return { kind: "keys" };
  if (event.kind === "roles") {
    return typeof event.version === "number" ? { kind: "roles", version: event.version } : undefined;
  }
  if (event.kind !== "revoked" || typeof event.beforeMs !== "number") return undefined;
  const targets = revocationTargets.filter((name) => typeof event[name] === "string" && event[name] !== "");
  const [target] = targets;
  if (target === undefined || targets.length > 1) return undefined;
  return { kind: "revoked", [target]: event[target], beforeMs: event.beforeMs };
}

/** What a revocation can name. */
export const revocationTargets = ["subject", "session", "token", "apiKey"] as const;
