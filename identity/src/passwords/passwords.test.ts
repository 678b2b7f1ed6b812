/** Hashing, comparing, and what happens when too many come at once. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createHashingQueue } from "./hashing-queue.ts";
import { createPasswords, type Passwords } from "./passwords.ts";

describe("passwords", () => {
  let passwords: Passwords;
  before(async () => {
    passwords = await createPasswords();
  });

  it("are hashed with argon2id at 19 MiB, two passes, one lane, each with its own salt", async () => {
    const [first, second] = await Promise.all([
      passwords.hash("correct horse"),
      passwords.hash("correct horse"),
    ]);
    assert.match(first, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    assert.notEqual(first, second);
    assert.equal(await passwords.verify("correct horse", first), true);
    assert.equal(await passwords.verify("correct horse", second), true);
    assert.equal(await passwords.verify("correct horsf", first), false);
  });

  it("never match where there is no hash, whatever is tried", async () => {
    for (const tried of ["", "correct horse battery"]) {
      assert.equal(await passwords.verify(tried, undefined), false);
    }
  });

  it("are one password in two Unicode spellings, and two where they look different", async () => {
    const composed = await passwords.hash("caf\u00e9 caf\u00e9 caf\u00e9");
    assert.equal(await passwords.verify("cafe\u0301 cafe\u0301 cafe\u0301", composed), true);
    const squared = await passwords.hash("x\u00b2 + y\u00b2 = z\u00b2 ...");
    assert.equal(await passwords.verify("x2 + y2 = z2 ...", squared), false);
  });

  const lengths = [
    { name: "11 characters", password: "a".repeat(11), accepted: false },
    { name: "12 characters", password: "a".repeat(12), accepted: true },
    { name: "128 characters", password: "a".repeat(128), accepted: true },
    { name: "129 characters", password: "a".repeat(129), accepted: false },
    { name: "12 characters outside the basic plane", password: "\u{1f511}".repeat(12), accepted: true },
    { name: "11 characters outside the basic plane", password: "\u{1f511}".repeat(11), accepted: false },
    { name: "128 characters outside the basic plane", password: "\u{1f511}".repeat(128), accepted: true },
    { name: "half a character", password: `${"a".repeat(12)}\ud83d`, accepted: false },
  ];
  for (const { name, password, accepted } of lengths) {
    it(`${accepted ? "may" : "may not"} have ${name}`, async () => {
      if (!accepted) return assert.rejects(passwords.hash(password), { code: "password_length" });
      const hash = await passwords.hash(password);
      assert.equal(await passwords.verify(password, hash), true);
      assert.equal(await passwords.verify(`${password}a`, hash), false);
    });
  }

  it("cost as much to refuse without a hash as with one", async () => {
    const hash = await passwords.hash("correct horse battery");
    const measure = async (stored: string | undefined) => {
      const times: number[] = [];
      for (let round = 0; round < 7; round += 1) {
        const start = performance.now();
        await passwords.verify("wrong horse battery", stored);
        times.push(performance.now() - start);
      }
      return times.sort((a, b) => a - b)[3] ?? 0;
    };
    const [known, unknown] = [await measure(hash), await measure(undefined)];
    // Loose, for a shared machine: what must not happen is an answer without any hashing at all.
    assert.ok(unknown > known / 3, `${unknown} ms against ${known} ms`);
  });
});

describe("the hashing queue", () => {
  it("runs a few, lets a few wait in order, and refuses the next", async () => {
    const queue = createHashingQueue({ running: 2, waiting: 2 });
    const started: number[] = [];
    const finish: (() => void)[] = [];
    const job = (number: number) => () => {
      started.push(number);
      return new Promise<number>((resolve) => finish.push(() => resolve(number)));
    };
    const results = [1, 2, 3, 4].map((number) => queue.run(job(number)));
    await assert.rejects(queue.run(job(5)), { code: "hashing_busy" });
    assert.deepEqual(started, [1, 2]);

    finish.shift()?.();
    await results[0];
    await setImmediate();
    assert.deepEqual(started, [1, 2, 3]);
    results.push(queue.run(job(6)));
    for (let count = 0; count < 4; count += 1) {
      finish.shift()?.();
      await setImmediate();
    }
    assert.deepEqual(await Promise.all(results), [1, 2, 3, 4, 6]);
    assert.deepEqual(started, [1, 2, 3, 4, 6]);
  });

  it("gives a failed job's place to the next", async () => {
    const queue = createHashingQueue({ running: 1, waiting: 1 });
    const failing = queue.run(async () => {
      throw new Error("failed");
    });
    const next = queue.run(async () => "next");
    await assert.rejects(failing);
    assert.equal(await next, "next");
    assert.equal(await queue.run(async () => "after"), "after");
  });
});
