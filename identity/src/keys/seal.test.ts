/** What a sealed value withstands. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createKeyRing } from "./key-ring.ts";
import { open, seal } from "./seal.ts";

const aSecret = () => randomBytes(32).toString("base64url");
const old = aSecret();
const ring = createKeyRing([old], "test");
const context = { purpose: "session", recordId: "one" };

describe("sealing", () => {
  it("gives back any text, under the same record only", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string(), fc.string(), (text, purpose, recordId) => {
        const sealed = seal(ring, { purpose, recordId }, text);
        assert.equal(open(ring, { purpose, recordId }, sealed), text);
        assert.throws(() => open(ring, { purpose, recordId: `${recordId}.` }, sealed), {
          code: "sealed_damaged",
        });
        assert.throws(() => open(ring, { purpose: `${purpose}.`, recordId }, sealed), {
          code: "sealed_damaged",
        });
      }),
    );
  });

  it("never seals the same text to the same value", () => {
    const values = new Set(Array.from({ length: 100 }, () => seal(ring, context, "text")));
    assert.equal(values.size, 100);
  });

  it("opens what an older secret sealed, and seals with the newest", () => {
    const sealed = seal(ring, context, "text");
    const rotated = createKeyRing([aSecret(), old], "test");
    assert.equal(open(rotated, context, sealed), "text");
    assert.throws(() => open(ring, context, seal(rotated, context, "text")), { code: "secret_missing" });
  });

  it("refuses a value with any one byte changed", () => {
    const sealed = seal(ring, context, "text");
    const [version, id, body = ""] = sealed.split(".");
    const bytes = Buffer.from(body, "base64url");
    for (let index = 0; index < bytes.length; index += 1) {
      const changed = Buffer.from(bytes);
      changed[index] = (changed[index] ?? 0) ^ 1;
      const value = `${version}.${id}.${changed.toString("base64url")}`;
      assert.throws(() => open(ring, context, value), { code: "sealed_damaged" });
    }
  });

  const refused = [
    "",
    "text",
    "v1",
    "v1.",
    `v1.${ring.newest.id}.`,
    `v2.${ring.newest.id}.AAAA`,
    `v1.${ring.newest.id}.AAAA.x`,
  ];
  for (const value of refused) {
    it(`refuses ${JSON.stringify(value).replaceAll(ring.newest.id, "<id>")}`, () => {
      assert.throws(() => open(ring, context, value), { code: "sealed_damaged" });
    });
  }

  it("refuses every shortening of a value", () => {
    const sealed = seal(ring, context, "text");
    for (let length = sealed.length - 1; length > sealed.lastIndexOf("."); length -= 1) {
      assert.throws(() => open(ring, context, sealed.slice(0, length)), { code: "sealed_damaged" });
    }
  });
});

describe("a key ring", () => {
  it("derives a different key for each purpose and each secret", () => {
    const two = createKeyRing([aSecret(), aSecret()], "test");
    const keys = [...two.derive("a"), ...two.derive("b")].map((key) => key.toString("hex"));
    assert.equal(new Set(keys).size, 4);
    assert.deepEqual(two.derive("a"), two.derive("a"));
  });

  const refused = [
    { name: "no secret", secrets: [] },
    { name: "a short one", secrets: [randomBytes(31).toString("base64url")] },
    { name: "a sentence", secrets: ["this is a long sentence, but it is not base64url"] },
    { name: "padding", secrets: [`${randomBytes(32).toString("base64url")}=`] },
    { name: "standard base64", secrets: [`+/${Buffer.alloc(32, 1).toString("base64").slice(2)}`] },
    { name: "a good one and an empty one", secrets: [aSecret(), ""] },
  ];
  for (const { name, secrets } of refused) {
    it(`refuses ${name}, and does not repeat it`, () => {
      assert.throws(
        () => createKeyRing(secrets, "identity.secrets"),
        (error: Error & { code?: string }) =>
          error.code === "secrets_invalid" &&
          secrets.every((one) => one === "" || !error.message.includes(one)),
      );
    });
  }
});
