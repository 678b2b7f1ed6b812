/** Records of decisions in a file: whole lines, for the owner alone, and never more than they may be. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ContractError } from "../contract/refusal.ts";
import type { DecisionRecord } from "../pipeline/decision-record.ts";
import { readDecisionRecord } from "./read-record.ts";
import { recordDecisions } from "./record-decisions.ts";

const folder = mkdtempSync(join(tmpdir(), "bulwark-records-"));
after(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const newPath = () => {
  files += 1;
  return join(folder, `decisions-${files}.jsonl`);
};
const record = (id: string): DecisionRecord => ({
  time: "2026-01-01T00:00:00.000Z",
  principal: { id, kind: "account", roles: ["user"], claims: { note: "two\nlines\u2028" } },
  permission: "order:read",
  row: { id: "7" },
  effect: "allow",
  code: "allowed",
  by: "row",
});
const linesOf = (path: string) => readFileSync(path, "utf8").trimEnd().split("\n");
const idsIn = (path: string) =>
  linesOf(path).map((line, at) => readDecisionRecord(JSON.parse(line), `line ${at}`).principal.id);

describe("a recorder of decisions", () => {
  test("writes one line each, in order, after what the file held, for its owner alone", async () => {
    const path = newPath();
    const first = await recordDecisions(path);
    for (let count = 0; count < 500; count += 1) first(record(`a${count}`));
    await first.close();
    const second = await recordDecisions(path);
    second(record("last"));
    await second.close();
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(idsIn(path), [...Array.from({ length: 500 }, (_, count) => `a${count}`), "last"]);
    assert.equal(first.dropped, 0);
  });

  test("takes away others' permission to read a file that was there", async () => {
    const path = newPath();
    writeFileSync(path, "", { mode: 0o644 });
    await (await recordDecisions(path)).close();
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  test("follows no link, and waits for no pipe", async () => {
    const target = newPath();
    const link = newPath();
    symlinkSync(target, link);
    await assert.rejects(recordDecisions(link), { code: "ELOOP" });
    assert.ok(!existsSync(target));
    const pipe = newPath();
    execFileSync("mkfifo", [pipe]);
    await assert.rejects(recordDecisions(pipe), { code: "ENXIO" });
    await assert.rejects(recordDecisions(folder), { code: "EISDIR" });
  });

  test("keeps two files of the size it may have, the newest records among them", async () => {
    const path = newPath();
    const recorder = await recordDecisions(path, { maxBytes: 2_048 });
    for (let count = 0; count < 60; count += 1) {
      recorder(record(`a${count}`));
      // One batch each, or all would be one.
      await sleep(1);
    }
    await recorder.close();
    assert.ok(statSync(path).size <= 2_048);
    assert.ok(statSync(`${path}.1`).size <= 2_048);
    assert.equal(statSync(`${path}.1`).mode & 0o777, 0o600);
    const kept = [...idsIn(`${path}.1`), ...idsIn(path)];
    assert.equal(kept.at(-1), "a59");
    assert.ok(kept.length < 60 && kept.length > 5);
  });

  test("drops what falls too far behind, rather than hold it in memory", async () => {
    const recorder = await recordDecisions(newPath());
    const large = { ...record("a"), row: { id: "x".repeat(1_000_000) } };
    for (let count = 0; count < 20; count += 1) recorder(large);
    assert.ok(recorder.dropped >= 10, String(recorder.dropped));
    await recorder.close();
    const before = recorder.dropped;
    recorder(record("late"));
    assert.equal(recorder.dropped, before + 1, "nothing is written once it is closed");
  });

  test("tells once of a write that failed, and goes on", async () => {
    const path = join(mkdtempSync(join(folder, "gone-")), "decisions.jsonl");
    const recorder = await recordDecisions(path, { maxBytes: 1_024 });
    recorder(record("x".repeat(600)));
    await sleep(50);
    rmSync(path);
    // The next must begin a new file, and there is nothing to rename.
    recorder(record("y".repeat(600)));
    await sleep(50);
    assert.throws(() => recorder(record("z")), { code: "ENOENT" });
    assert.doesNotThrow(() => recorder(record("z")));
    await recorder.close();
    assert.ok(recorder.dropped >= 1);
  });

  const options = [{ maxBytes: 0 }, { maxBytes: 1.5 }, { maxbytes: 2_000 }];
  for (const wrong of options) {
    test(`is refused with ${JSON.stringify(wrong)}`, async () => {
      await assert.rejects(recordDecisions(newPath(), wrong as object), ContractError);
    });
  }
});

describe("a record, read back,", () => {
  const good = JSON.parse(JSON.stringify(record("alice")));
  test("is taken as a guard wrote it", () => assert.deepEqual(readDecisionRecord(good, "file:1"), good));

  const spoiled: readonly (readonly [string, unknown, string])[] = [
    ["no object", 7, "file:1"],
    ["no principal", { ...good, principal: null }, "file:1.principal"],
    [
      "roles that are no list",
      { ...good, principal: { ...good.principal, roles: "admin" } },
      "file:1.principal.roles",
    ],
    ["a time that is none", { ...good, time: "yesterday" }, "file:1.time"],
    ["a row that is a list", { ...good, row: [] }, "file:1.row"],
    ["an effect that is none", { ...good, effect: "maybe" }, "file:1.effect"],
  ];
  for (const [name, value, place] of spoiled) {
    test(`is refused with ${name}, and says where`, () => {
      assert.throws(
        () => readDecisionRecord(value, "file:1"),
        (error) => error instanceof ContractError && error.place === place,
      );
    });
  }
});
