/** How a store opens, and what it says when it cannot. */
import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { sql } from "kysely";
import { createFolder, type TestFolder } from "../../../testing/folder.ts";
import { findFreePort } from "../../../testing/port.ts";
import { IdentityError } from "../errors.ts";
import { databaseFileName, openStore } from "./open-store.ts";

describe("opening a store", () => {
  let folder: TestFolder;
  let file: string;
  beforeEach(() => {
    folder = createFolder();
    file = join(folder.path, databaseFileName);
  });
  afterEach(() => folder.remove());

  it("makes a missing folder its owner's alone, and each file in it", async () => {
    const dataFolder = join(folder.path, "a", "b");
    const db = await openStore({ dataFolder });
    await sql`create table probe (id text)`.execute(db);
    const modes = ["", "", "-wal", "-shm"].map((suffix, index) =>
      index === 0 ? statSync(dataFolder).mode : statSync(join(dataFolder, databaseFileName + suffix)).mode,
    );
    await db.destroy();
    assert.deepEqual(
      modes.map((mode) => (mode & 0o777).toString(8)),
      ["700", "600", "600", "600"],
    );
  });

  it("takes a file that others could read away from them", async () => {
    writeFileSync(file, "", { mode: 0o644 });
    chmodSync(file, 0o644);
    await openStore({ dataFolder: folder.path }).then((db) => db.destroy());
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  it("writes ahead, waits for the disk, and enforces foreign keys", async () => {
    const db = await openStore({ dataFolder: folder.path });
    const read = async (name: string) =>
      Object.values((await sql.raw<Record<string, unknown>>(`pragma ${name}`).execute(db)).rows[0] ?? {})[0];
    const settings = [await read("journal_mode"), await read("synchronous"), await read("foreign_keys")];
    const timeout = await read("busy_timeout");
    await db.destroy();
    assert.deepEqual(settings, ["wal", 2, 1]);
    assert.equal(timeout, 5_000);
  });

  it("refuses a file that is no database, and leaves it as it is", async () => {
    writeFileSync(file, "these are my notes, not a database".repeat(100));
    await refuses({ dataFolder: folder.path }, "store_damaged", file);
    assert.match(readFileSync(file, "utf8"), /^these are my notes/);
  });

  it("refuses a database that was cut short", async () => {
    await openStore({ dataFolder: folder.path }).then((db) => db.destroy());
    truncateSync(file, statSync(file).size / 2);
    await refuses({ dataFolder: folder.path }, "store_damaged", file);
  });

  it("refuses a database with a page overwritten", async () => {
    const db = await openStore({ dataFolder: folder.path });
    await db.destroy();
    const bytes = readFileSync(file);
    bytes.fill(0xff, 8_192, 8_192 + 2_048);
    writeFileSync(file, bytes);
    await refuses({ dataFolder: folder.path }, "store_damaged", file);
  });

  it("refuses a folder that cannot be made", async () => {
    const blocked = join(folder.path, "file");
    writeFileSync(blocked, "");
    await refuses(
      { dataFolder: join(blocked, "data") },
      "store_unwritable",
      join(blocked, "data", databaseFileName),
    );
  });

  it("refuses a database file that cannot be opened", async () => {
    mkdirSync(file);
    await refuses({ dataFolder: folder.path }, "store_unwritable", file);
  });

  it("refuses a PostgreSQL that does not answer, and shows no password", async () => {
    const port = await findFreePort();
    const databaseUrl = `postgres://bulwark:hunter2@127.0.0.1:${port}/identity`;
    const place = `postgres://127.0.0.1:${port}/identity`;
    const error = await refuses({ dataFolder: folder.path, databaseUrl }, "store_unreachable", place);
    assert.ok(!error.message.includes("hunter2"));
    assert.ok(!existsSync(file));
  });

  it("refuses a PostgreSQL whose name is unknown", async () => {
    const databaseUrl = "postgres://bulwark@no-such-host.invalid/identity";
    await refuses(
      { dataFolder: folder.path, databaseUrl },
      "store_unreachable",
      "postgres://no-such-host.invalid/identity",
    );
  });

  async function refuses(
    options: Parameters<typeof openStore>[0],
    code: string,
    place: string,
  ): Promise<IdentityError> {
    const error = await openStore(options).then(
      (db) => db.destroy(),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof IdentityError, String(error));
    assert.equal(error.code, code);
    assert.equal(error.place, place);
    assert.ok(!error.message.includes("\n"));
    return error;
  }
});
