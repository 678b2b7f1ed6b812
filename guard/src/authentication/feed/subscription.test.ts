/** What a guard knows of its feed where roles change: known only once they are read, lost where they cannot be. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { checkFeed, type FeedOptions } from "../../contract/feed-rules.ts";
import { createClock } from "../../testing/clock.ts";
import type { IdentitySource } from "../identity-source.ts";
import type { FeedSubscriber } from "./feed.ts";
import { type Subscription, subscribe } from "./subscription.ts";

type RolesChanged = (options: { readonly anew: boolean }) => Promise<void>;

/** A subscription whose feed says what the test says. */
function begin(rolesChanged: RolesChanged | undefined, options: FeedOptions = {}) {
  let subscriber: FeedSubscriber | undefined;
  let ended = false;
  const clock = createClock();
  const identity: IdentitySource = {
    issuer: "https://auth.example",
    sessionCookieName: "session",
    keys: async () => ({ keys: [] }),
    findSession: async () => undefined,
    subscribe(given) {
      subscriber = given;
      return () => {
        ended = true;
      };
    },
  };
  const keys = { changed: 0 };
  const subscription = subscribe(identity, {
    rules: checkFeed(options),
    now: clock.now,
    keysChanged: () => {
      keys.changed += 1;
    },
    rolesChanged,
  });
  assert.ok(subscriber);
  return { subscription, feed: subscriber, clock, keys, hasEnded: () => ended };
}

/** Reading that ends when the test says so. */
function controlled() {
  const asked: { readonly anew: boolean; readonly end: PromiseWithResolvers<void> }[] = [];
  const rolesChanged: RolesChanged = ({ anew }) => {
    const end = Promise.withResolvers<void>();
    asked.push({ anew, end });
    return end.promise;
  };
  return { rolesChanged, asked };
}

const until = async (holds: () => boolean) => {
  for (let waitedMs = 0; !holds(); waitedMs += 5) {
    if (waitedMs > 5_000) throw new Error("It does not come to hold.");
    await sleep(5);
  }
};
const isSynchronised = ({ state }: Subscription) => state === "synchronised";
const rolesEvent = { kind: "roles", version: 1 } as const;

describe("a subscription without roles", () => {
  test("is synchronised as soon as the feed is", () => {
    const { subscription, feed } = begin(undefined);
    assert.equal(subscription.state, "connecting");
    feed.synchronised();
    assert.equal(subscription.state, "synchronised");
    assert.equal(subscription.settling, undefined);
  });
});

describe("a subscription with roles", () => {
  test("is synchronised once they are read, and keeps requests waiting until then", async () => {
    const { rolesChanged, asked } = controlled();
    const { subscription, feed } = begin(rolesChanged);
    const { settling } = subscription;
    assert.ok(settling);
    feed.synchronised();
    await sleep(10);
    assert.equal(subscription.state, "connecting");
    assert.deepEqual(
      asked.map(({ anew }) => anew),
      [true],
    );
    asked[0]?.end.resolve();
    await settling;
    assert.equal(subscription.state, "synchronised");
  });

  test("reads once for all that was told before it was synchronised, and again for each later change", async () => {
    const { rolesChanged, asked } = controlled();
    const { subscription, feed } = begin(rolesChanged);
    for (let count = 0; count < 5; count += 1) feed.event(rolesEvent);
    assert.equal(asked.length, 0);
    feed.synchronised();
    asked[0]?.end.resolve();
    await until(() => isSynchronised(subscription));
    feed.event(rolesEvent);
    assert.deepEqual(
      asked.map(({ anew }) => anew),
      [true, false],
    );
    assert.equal(subscription.state, "synchronised", "what was known goes on meanwhile");
  });

  test("says that it is lost while they cannot be read, tries again, and finds back", async () => {
    let failing = false;
    let reads = 0;
    const { subscription, feed, clock } = begin(async () => {
      reads += 1;
      if (failing) throw new Error("It is away.");
    });
    feed.synchronised();
    await until(() => isSynchronised(subscription));
    failing = true;
    feed.event(rolesEvent);
    await until(() => subscription.state === "lost");
    assert.equal(subscription.lostAtMs, clock.now());
    const before = reads;
    await until(() => reads > before + 1);
    assert.equal(subscription.state, "lost");
    failing = false;
    await until(() => isSynchronised(subscription));
    assert.equal(subscription.lostAtMs, undefined);
  });

  test("refuses after the grace where the contract says so, also where they could never be read", async () => {
    const { subscription, feed, clock } = begin(
      async () => {
        throw new Error("It is away.");
      },
      { whenLost: "deny", grace: "10s" },
    );
    feed.synchronised();
    await sleep(10);
    assert.equal(subscription.state, "connecting");
    clock.advance(9_999);
    subscription.refuseWhileLost(clock.now());
    clock.advance(1);
    assert.throws(() => subscription.refuseWhileLost(clock.now()), { name: "UnavailableError" });
  });

  test("is not taken for synchronised by a reading that a later change has overtaken", async () => {
    const { rolesChanged, asked } = controlled();
    const { subscription, feed } = begin(rolesChanged);
    feed.synchronised();
    feed.event(rolesEvent);
    assert.equal(asked.length, 2);
    asked[0]?.end.resolve();
    await sleep(10);
    assert.equal(subscription.state, "connecting");
    asked[1]?.end.resolve();
    await until(() => isSynchronised(subscription));
  });

  test("reads everything anew after events were missed for good", async () => {
    const { rolesChanged, asked } = controlled();
    const { subscription, feed, keys } = begin(rolesChanged);
    feed.synchronised();
    asked[0]?.end.resolve();
    await until(() => isSynchronised(subscription));
    feed.lost();
    assert.equal(subscription.state, "lost");
    feed.reset();
    assert.equal(keys.changed, 1);
    feed.synchronised();
    await sleep(10);
    assert.equal(subscription.state, "lost", "until they are read");
    assert.equal(asked.at(-1)?.anew, true);
    for (const { end } of asked) end.resolve();
    await until(() => isSynchronised(subscription));
    feed.event(rolesEvent);
    assert.equal(asked.at(-1)?.anew, false);
  });

  test("begins anew even where a reading of before ends only then", async () => {
    const { rolesChanged, asked } = controlled();
    const { subscription, feed } = begin(rolesChanged);
    feed.synchronised();
    asked[0]?.end.resolve();
    await until(() => isSynchronised(subscription));
    feed.event(rolesEvent);
    feed.lost();
    feed.reset();
    asked[1]?.end.resolve();
    await sleep(10);
    feed.synchronised();
    assert.equal(asked.at(-1)?.anew, true);
    assert.equal(subscription.state, "lost");
  });

  test("reads again after the feed was lost: what changed meanwhile may not have been told", async () => {
    const { rolesChanged, asked } = controlled();
    const { subscription, feed } = begin(rolesChanged);
    feed.synchronised();
    asked[0]?.end.resolve();
    await until(() => isSynchronised(subscription));
    feed.lost();
    feed.event(rolesEvent);
    assert.equal(asked.length, 1, "not before it is heard again");
    feed.synchronised();
    assert.equal(asked.length, 2);
    assert.equal(subscription.state, "lost");
    asked[1]?.end.resolve();
    await until(() => isSynchronised(subscription));
  });

  test("looks up anew whatever was looked up before roles changed", async () => {
    const { subscription, feed } = begin(async () => {});
    feed.synchronised();
    await until(() => isSynchronised(subscription));
    const { epoch } = subscription.revocations;
    const session = { subject: "alice", sessionId: "s", tokenId: undefined, apiKeyId: undefined };
    assert.equal(subscription.revocations.isStale(session, epoch), false);
    feed.event(rolesEvent);
    assert.equal(subscription.revocations.isStale(session, epoch), true);
  });

  test("tries no more once it is closed", async () => {
    let reads = 0;
    const { subscription, feed, hasEnded } = begin(async () => {
      reads += 1;
      throw new Error("It is away.");
    });
    feed.synchronised();
    await until(() => reads === 1);
    subscription.close();
    assert.ok(hasEnded());
    await sleep(400);
    assert.equal(reads, 1);
  });
});
