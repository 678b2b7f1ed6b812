/** The generated secrets: made once, kept to their owner, never guessed at when damaged. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { promisify } from "node:util";
import { createFolder, type TestFolder } from "../../../testing/folder.ts";
import { createKeyRing } from "./key-ring.ts";
import { readOrCreateSecrets, secretsFileName } from "./secrets-file.ts";

describe("the secrets file", () => {
  let folder: TestFolder;
  let path: string;
  beforeEach(() => {
    folder = createFolder();
    path = join(folder.path, secretsFileName);
  });
  afterEach(() => folder.remove());

  it("is made once, readable by its owner only, and good for a key ring", () => {
    const secrets = readOrCreateSecrets(folder.path);
    assert.ok(createKeyRing(secrets, "test"));
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(readOrCreateSecrets(folder.path), secrets);
    assert.deepEqual(readdirSync(folder.path), [secretsFileName]);
  });

  it("is the same for processes that start at once", async () => {
    const module = JSON.stringify(import.meta.resolve("./secrets-file.ts"));
    const script = `import { readOrCreateSecrets } from ${module};
      process.stdout.write(readOrCreateSecrets(${JSON.stringify(folder.path)})[0]);`;
    const start = () => promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
    const outputs = await Promise.all(Array.from({ length: 4 }, start));
    assert.equal(new Set(outputs.map(({ stdout }) => stdout)).size, 1);
    assert.deepEqual(readdirSync(folder.path), [secretsFileName]);
  });

  it("is refused where others may read it", { skip: process.platform === "win32" }, () => {
    readOrCreateSecrets(folder.path);
    chmodSync(path, 0o640);
    assert.throws(() => readOrCreateSecrets(folder.path), { code: "secrets_exposed" });
    chmodSync(path, 0o600);
    assert.ok(readOrCreateSecrets(folder.path));
  });

  for (const content of [
    "",
    "{",
    "[]",
    "{}",
    '{"secrets":[]}',
    '{"secrets":[1]}',
    '{"secrets":"x"}',
    "null",
  ]) {
    it(`is refused, and left alone, when it holds ${JSON.stringify(content)}`, () => {
      writeFileSync(path, content, { mode: 0o600 });
      assert.throws(() => readOrCreateSecrets(folder.path), { code: "secrets_damaged" });
      assert.equal(readFileSync(path, "utf8"), content);
    });
  }

  it("says so where the folder cannot be made", () => {
    writeFileSync(path, "", { mode: 0o600 });
    assert.throws(() => readOrCreateSecrets(join(path, "data")), { code: "store_unwritable" });
  });
});
