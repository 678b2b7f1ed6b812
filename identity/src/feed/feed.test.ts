/** The feed: one order, nothing missing, nothing twice, whoever publishes and whoever listens. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before } from "node:test";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { sql } from "kysely";
import { createClock, type TestClock } from "../../../testing/clock.ts";
import { describeEachStore } from "../../testing/each-store.ts";
import { createFeedRecorder, type FeedRecorder, isSynchronised } from "../../testing/feed-recorder.ts";
import { openStore } from "../storage/open-store.ts";
import type { Database } from "../storage/schema.ts";
import { sweep } from "../storage/sweep.ts";
import { createFeed, type Feed } from "./feed.ts";

const retentionMs = 60_000;

describeEachStore("the feed", ({ options, available, behaves }) => {
  let db: Database;
  let feed: Feed;
  let clock: TestClock;
  before(async () => {
    if (!available()) return;
    db = await openStore(options());
    clock = createClock();
    feed = createFeed({ db, now: clock.now });
  });
  after(async () => {
    await feed?.close();
    await db?.destroy();
  });

  const publish = (token: string, by = feed) =>
    by.transact(async (_transaction, tell) => tell({ kind: "revoked", token, beforeMs: 0 }));
  const tokensOf = ({ events }: FeedRecorder) =>
    events.map((event) => (event.kind === "revoked" ? event.token : event.kind));
  const head = async () => {
    const { sequence } = await db.selectFrom("feed_cursor").select("sequence").executeTakeFirstOrThrow();
    return sequence;
  };
  const sweepAll = () => sweep(db, { now: clock.now, sessionIdleMs: 1, feedRetentionMs: retentionMs });
  const following = async (since?: number) => {
    const recorder = createFeedRecorder();
    const end = feed.subscribe({ after: since }, recorder);
    await recorder.until(isSynchronised);
    return { recorder, end };
  };

  behaves(
    "tells what is retained, then that this is all, then what happens, before the call ends",
    async () => {
      await publish("retained");
      const { recorder, end } = await following();
      await publish("live");
      end();
      await publish("after the end");
      assert.deepEqual(tokensOf(recorder).slice(-2), ["retained", "live"]);
      assert.deepEqual(recorder.calls.slice(-3), ["event", "synchronised", "event"]);
    },
  );

  behaves("goes on from where a subscriber was: also one of another run", async (test) => {
    const since = await head();
    await publish("while away");
    const again = await openStore(options());
    const other = createFeed({ db: again, now: clock.now });
    test.after(async () => {
      await other.close();
      await again.destroy();
    });
    const recorder = createFeedRecorder();
    other.subscribe({ after: since }, recorder);
    await recorder.until(isSynchronised);
    assert.deepEqual(recorder.calls, ["event", "synchronised"]);
    assert.deepEqual(recorder.sequences, [since + 1]);
    const { recorder: upToDate, end } = await following(await head());
    end();
    assert.deepEqual(upToDate.calls, ["synchronised"]);
  });

  behaves("gives a change of roles its sequence for a version, greater each time", async () => {
    const since = await head();
    for (let round = 0; round < 2; round += 1) {
      await feed.transact(async (_transaction, tell) => tell({ kind: "roles" }));
    }
    const { recorder, end } = await following(since);
    end();
    assert.deepEqual(recorder.events, [
      { kind: "roles", version: since + 1 },
      { kind: "roles", version: since + 2 },
    ]);
  });

  behaves("tells nothing of what was rolled back, and leaves no gap", async () => {
    const { recorder, end } = await following(await head());
    const failing = feed.transact(async (transaction, tell) => {
      await transaction.updateTable("feed_cursor").set({ id: 1 }).execute();
      tell({ kind: "keys" });
      throw new Error("changed its mind");
    });
    await assert.rejects(failing, { message: "changed its mind" });
    const before = await head();
    await publish("kept");
    end();
    assert.deepEqual(tokensOf(recorder), ["kept"]);
    assert.deepEqual(recorder.sequences, [before + 1]);
  });

  behaves("tells all events of one transaction, in their order", async () => {
    const { recorder, end } = await following(await head());
    await feed.transact(async (_transaction, tell) => {
      for (let index = 0; index < 1_200; index += 1) {
        tell({ kind: "revoked", token: `${index}`, beforeMs: 0 });
      }
    });
    end();
    assert.deepEqual(
      tokensOf(recorder),
      Array.from({ length: 1_200 }, (_, index) => `${index}`),
    );
  });

  behaves("tells what another process publishes, within a second, mixed with its own", async () => {
    const since = await head();
    const { recorder, end } = await following(since);
    const script = new URL("../../testing/publisher.ts", import.meta.url).pathname;
    const child = promisify(execFile)(process.execPath, [script, JSON.stringify(options()), "0", "50"]);
    for (let index = 50; index < 100; index += 1) {
      await publish(`token-${index}`);
      await setTimeout(5);
    }
    await child;
    const published = Date.now();
    await recorder.until(({ events }) => events.length === 100);
    assert.ok(Date.now() - published < 1_000);
    end();
    assert.deepEqual(
      recorder.sequences,
      Array.from({ length: 100 }, (_, index) => since + 1 + index),
    );
    assert.equal(new Set(tokensOf(recorder)).size, 100);
  });

  behaves("starts anew for a subscriber whose next event was swept, and only for that one", async () => {
    await publish("to be swept");
    const missed = (await head()) - 1;
    const seen = await head();
    clock.advance(retentionMs);
    await sweepAll();
    const { recorder: behind, end } = await following(missed);
    const { recorder: upToDate, end: endOther } = await following(seen);
    assert.deepEqual(behind.calls, ["reset", "synchronised"]);
    assert.deepEqual(upToDate.calls, ["synchronised"]);
    await publish("retained");
    end();
    endOther();
    for (const recorder of [behind, upToDate]) assert.deepEqual(tokensOf(recorder), ["retained"]);
    const { recorder: late, end: endLate } = await following(missed);
    endLate();
    assert.deepEqual(late.calls, ["reset", "event", "synchronised"]);
  });

  behaves("keeps an event that a clock behind wrote after a later one, until both can go", async () => {
    clock.advance(retentionMs);
    await sweepAll();
    await publish("by the clock ahead");
    const slow = createFeed({ db, now: () => clock.now() - 1_000 });
    await publish("by the clock behind", slow);
    clock.advance(retentionMs - 1_000);
    assert.equal(await sweepAll(), 0);
    clock.advance(1_000);
    assert.equal(await sweepAll(), 2);
  });

  behaves("starts anew for a subscriber that knows more than the store: a backup was restored", async () => {
    await publish("restored");
    const { recorder: neverSeen, end } = await following((await head()) + 7);
    assert.deepEqual(neverSeen.calls, ["reset", "event", "synchronised"]);
    // The same while it is connected.
    const before = await head();
    await sql`delete from feed_events where sequence = ${before}`.execute(db);
    await sql`update feed_cursor set sequence = ${before - 1}`.execute(db);
    await neverSeen.until(({ calls }) => calls.length === 5);
    end();
    assert.deepEqual(neverSeen.calls.slice(3), ["reset", "synchronised"]);
  });

  behaves("says that it is lost while the store does not answer, and then misses nothing", async () => {
    const { recorder, end } = await following(await head());
    await sql`alter table feed_events rename to feed_events_away`.execute(db);
    await recorder.until(({ calls }) => calls.at(-1) === "lost");
    await sql`alter table feed_events_away rename to feed_events`.execute(db);
    await publish("as soon as it is back");
    await recorder.until(({ calls }) => calls.length === 4);
    end();
    assert.deepEqual(recorder.calls, ["synchronised", "lost", "event", "synchronised"]);
  });

  behaves("ends with its subscribers told, and tells whoever comes later", async () => {
    const ending = createFeed({ db, now: clock.now });
    const recorder = createFeedRecorder();
    ending.subscribe({ after: await head() }, recorder);
    await recorder.until(isSynchronised);
    await ending.close();
    await publish("to nobody", ending);
    ending.subscribe({}, recorder);
    await setTimeout(300);
    assert.deepEqual(recorder.calls, ["synchronised", "lost", "lost"]);
  });
});
