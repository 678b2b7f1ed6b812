/** A guard's subscription to its identity server's feed: what it heard, and whether it still hears. */
import type { FeedRules } from "../../contract/feed-rules.ts";
import type { IdentitySource } from "../identity-source.ts";
import { UnavailableError } from "../security-error.ts";
import type { FeedEvent, FeedState, FeedSubscriber } from "./feed.ts";
import { createRevocations, type Revocations } from "./revocations.ts";

export interface Subscription {
  readonly revocations: Revocations;
  readonly state: FeedState;
  /** When it was lost, in milliseconds since the epoch; `undefined` while it is not. */
  readonly lostAtMs: number | undefined;
  /**
   * Waits until all was told once, where that is still to come: a guard that has just started has not heard what was
   * revoked before. `undefined` where there is nothing to wait for.
   */
  readonly settling: Promise<void> | undefined;
  /** @throws {UnavailableError} where the contract denies while the feed is lost. */
  refuseWhileLost(nowMs: number): void;
  close(): void;
}

export interface SubscriptionOptions {
  readonly rules: FeedRules;
  readonly now: () => number;
  /** Called when the signing keys have changed. */
  readonly keysChanged: () => void;
}

/** How long a request waits for a feed that was never heard yet. */
const settlingMs = 2_000;
const retryAfterSeconds = 5;

/** @param identity `undefined`: there is no feed. */
export function subscribe(identity: IdentitySource | undefined, options: SubscriptionOptions): Subscription {
  const { rules, now, keysChanged } = options;
  const revocations = createRevocations();
  let state: FeedState = identity?.subscribe === undefined ? "off" : "connecting";
  let lostAtMs: number | undefined;
  let settle = () => {};
  let settling: Promise<void> | undefined;
  if (state === "connecting") {
    settling = new Promise((resolve) => {
      const timer = setTimeout(() => settle(), settlingMs);
      timer.unref();
      settle = () => {
        clearTimeout(timer);
        settling = undefined;
        resolve();
      };
    });
  }

  const subscriber: FeedSubscriber = {
    event(event: FeedEvent) {
      if (event.kind === "revoked") revocations.revoke(event, now());
      else if (event.kind === "roles") revocations.forgetLookups();
      else keysChanged();
    },
    synchronised() {
      state = "synchronised";
      lostAtMs = undefined;
      settle();
    },
    lost() {
      // What is looked up while nothing is heard may miss its revocation: ask anew once it is heard again.
      revocations.forgetLookups();
      lostAtMs ??= now();
      if (state === "synchronised") state = "lost";
    },
    reset() {
      revocations.forgetLookups();
      keysChanged();
    },
  };
  const startedAtMs = now();
  const end = identity?.subscribe?.(subscriber);

  return Object.freeze({
    revocations,
    get state() {
      return state;
    },
    get lostAtMs() {
      return lostAtMs;
    },
    get settling() {
      return settling;
    },
    refuseWhileLost(nowMs: number) {
      if (!rules.denyWhenLost || state === "off" || state === "synchronised") return;
      if (nowMs - (lostAtMs ?? startedAtMs) >= rules.graceMs) {
        throw new UnavailableError("The identity server's feed", retryAfterSeconds);
      }
    },
    close() {
      settle();
      end?.();
    },
  });
}
