/** A guard's subscription to its identity server's feed: what it heard, and whether it still hears. */
import { setTimeout as sleep } from "node:timers/promises";
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
  /** Brings the roles up to date; resolves once they are. `undefined`: nothing changes them. */
  readonly rolesChanged?: ((options: { readonly anew: boolean }) => Promise<void>) | undefined;
}

/** How long a request waits for a feed that was never heard yet. */
const settlingMs = 2_000;
const retryAfterSeconds = 5;
/** How soon the roles are asked for again where they could not be read. */
const roleRetryMs = 250;

/** @param identity `undefined`: there is no feed. */
export function subscribe(identity: IdentitySource | undefined, options: SubscriptionOptions): Subscription {
  const { rules, now, keysChanged, rolesChanged } = options;
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

  /** Does the feed itself speak? */
  let heard = false;
  /** How often the roles were said to have changed; those of the last call count. */
  let changes = 0;
  let rolesAreKnown = rolesChanged === undefined;
  let mustBeginAnew = true;
  let closed = false;

  const conclude = () => {
    if (!heard || !rolesAreKnown) return;
    state = "synchronised";
    lostAtMs = undefined;
    settle();
  };
  const loseSight = () => {
    lostAtMs ??= now();
    if (state === "synchronised") state = "lost";
  };
  const refreshRoles = async (): Promise<void> => {
    if (rolesChanged === undefined) return;
    changes += 1;
    const mine = changes;
    while (!closed && mine === changes) {
      try {
        const anew = mustBeginAnew;
        await rolesChanged({ anew });
        if (mine !== changes) return;
        mustBeginAnew = false;
        rolesAreKnown = true;
        return conclude();
      } catch {
        // A guard that cannot read what was changed says so, as one that does not hear of it: what then counts is in
        // the contract.
        rolesAreKnown = false;
        loseSight();
        await sleep(roleRetryMs, undefined, { ref: false });
      }
    }
  };

  const subscriber: FeedSubscriber = {
    event(event: FeedEvent) {
      if (event.kind === "revoked") revocations.revoke(event, now());
      else if (event.kind === "roles") {
        revocations.forgetLookups();
        // Until all was told once, one reading at its end is enough.
        if (heard) void refreshRoles();
      } else keysChanged();
    },
    synchronised() {
      heard = true;
      if (rolesChanged === undefined) conclude();
      else void refreshRoles();
    },
    lost() {
      // What is looked up while nothing is heard may miss its revocation: ask anew once it is heard again.
      revocations.forgetLookups();
      heard = false;
      loseSight();
    },
    reset() {
      revocations.forgetLookups();
      keysChanged();
      rolesAreKnown = rolesChanged === undefined;
      mustBeginAnew = true;
      // A reading under way is of the history that was left.
      changes += 1;
      if (heard) void refreshRoles();
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
      closed = true;
      settle();
      end?.();
    },
  });
}
