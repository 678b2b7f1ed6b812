/** When sweeping happens. What it removes is part of the store's contract. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { createFolder } from "../../../testing/folder.ts";
import { openStore } from "./open-store.ts";
import { startSweeping } from "./sweep.ts";

it("sweeps each minute until it is stopped", async (test) => {
  const folder = createFolder();
  const db = await openStore({ dataFolder: folder.path });
  test.after(async () => {
    await db.destroy();
    folder.remove();
  });
  const expire = () => {
    const nothing = { grant_hash: null, uid_hash: null, user_code_hash: null, consumed_at_ms: null };
    const values = { model: "AuthorizationCode", id_hash: "x", sealed: "", expires_at_ms: 1, ...nothing };
    return db.insertInto("oauth_artifacts").values(values).execute();
  };
  const count = async () => (await db.selectFrom("oauth_artifacts").select("id_hash").execute()).length;
  test.mock.timers.enable({ apis: ["setInterval"] });

  await expire();
  const sweeping = startSweeping(db, { now: () => 2, sessionIdleMs: 1, feedRetentionMs: 1 });
  test.mock.timers.tick(59_999);
  assert.equal(await count(), 1);
  test.mock.timers.tick(1);
  await sweeping.stop();
  assert.equal(await count(), 0);

  await expire();
  test.mock.timers.tick(120_000);
  assert.equal(await count(), 1);
});
