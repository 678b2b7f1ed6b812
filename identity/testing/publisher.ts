/** A process of its own that publishes on a store: `node publisher.ts <store options as JSON> <first> <count>`. */
import { createFeed } from "../src/feed/feed.ts";
import { openStore } from "../src/storage/open-store.ts";

const [options = "{}", first = "0", count = "0"] = process.argv.slice(2);
const db = await openStore(JSON.parse(options));
const feed = createFeed({ db, now: Date.now });
for (let index = 0; index < Number(count); index += 1) {
  await feed.transact(async (_transaction, publish) =>
    publish({ kind: "revoked", token: `token-${Number(first) + index}`, beforeMs: 0 }),
  );
}
await feed.close();
await db.destroy();
