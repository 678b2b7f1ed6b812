/** The feed where many write at once: several processes on one PostgreSQL. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { sql } from "kysely";
import { postgresMissing, startPostgres } from "../../../testing/postgres.ts";
import { createFeedRecorder, isSynchronised } from "../../testing/feed-recorder.ts";
import { openStore } from "../storage/open-store.ts";
import { createFeed } from "./feed.ts";

const count = 200;

it("tells every subscriber of two instances 200 concurrent events of both, in order, once", async (test) => {
  const postgres = await startPostgres();
  if (postgres === undefined) return test.skip(postgresMissing);
  test.after(() => postgres.stop());
  const stores = await Promise.all([openStore(optionsOf(postgres.url)), openStore(optionsOf(postgres.url))]);
  const feeds = stores.map((db) => createFeed({ db, now: Date.now }));
  test.after(async () => {
    for (const feed of feeds) await feed.close();
    for (const db of stores) await db.destroy();
  });
  const recorders = feeds.flatMap((feed) =>
    [undefined, 0].map((since) => {
      const recorder = createFeedRecorder();
      feed.subscribe({ after: since }, recorder);
      return recorder;
    }),
  );
  await Promise.all(recorders.map((recorder) => recorder.until(isSynchronised)));

  await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const own = index % 2;
      await feeds[own]?.transact(async (transaction, publish) => {
        // Ends at another moment than it begins: the order of beginnings is not the order of commits.
        await sql`select pg_sleep(${Math.random() / 50})`.execute(transaction);
        publish({ kind: "revoked", token: `${index}`, beforeMs: 0 });
      });
      // Its own process's subscribers know when the call returns.
      for (const recorder of recorders.slice(own * 2, own * 2 + 2)) {
        assert.ok(recorder.events.some((event) => event.kind === "revoked" && event.token === `${index}`));
      }
    }),
  );
  for (const recorder of recorders) {
    await recorder.until(({ events }) => events.length === count);
    assert.deepEqual(
      recorder.sequences,
      Array.from({ length: count }, (_, index) => index + 1),
    );
    assert.deepEqual(recorder.events, recorders[0]?.events);
    assert.deepEqual(new Set(recorder.calls), new Set(["synchronised", "event"]));
  }
});

it("says that it is lost when the store takes too long to answer", async (test) => {
  const postgres = await startPostgres();
  if (postgres === undefined) return test.skip(postgresMissing);
  test.after(() => postgres.stop());
  const db = await openStore(optionsOf(postgres.url));
  const feed = createFeed({ db, now: Date.now });
  test.after(async () => {
    await feed.close();
    await db.destroy();
  });
  const recorder = createFeedRecorder();
  feed.subscribe({}, recorder);
  await recorder.until(isSynchronised);
  await db.transaction().execute(async (transaction) => {
    await sql`lock table feed_events in access exclusive mode`.execute(transaction);
    await recorder.until(({ calls }) => calls.at(-1) === "lost");
  });
  await recorder.until(isSynchronised);
  assert.deepEqual(recorder.calls, ["synchronised", "lost", "synchronised"]);
});

function optionsOf(databaseUrl: string) {
  return { dataFolder: "unused", databaseUrl };
}
