import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { readJsonBody } from "./json-body.ts";

const json = "application/json";

/** A body in pieces of `size` bytes. */
async function* pieces(body: string | Uint8Array, size = 3): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(body);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const read = (body: string | Uint8Array, contentType: string | undefined = json, maxBytes = 1_000) =>
  readJsonBody(pieces(body), { contentType, maxBytes });

describe("a JSON body", () => {
  // What it refuses for its keys has tests of its own.
  const harmless = fc.jsonValue().filter((value) => !/__proto__|constructor/.test(JSON.stringify(value)));
  test("is read whatever pieces it comes in, also where they cut a character", async () => {
    await fc.assert(
      fc.asyncProperty(harmless, fc.integer({ min: 1, max: 9 }), async (value, size) => {
        const text = JSON.stringify(value);
        const options = { contentType: json, maxBytes: 1_000_000 };
        assert.deepEqual(await readJsonBody(pieces(text, size), options), { value: JSON.parse(text) });
      }),
    );
  });

  const refused: readonly { name: string; body: string | Uint8Array; type?: string; code: string }[] = [
    { name: "of no JSON", body: "{", code: "body_malformed" },
    { name: "that is empty", body: "", code: "body_malformed" },
    { name: "of bytes that are not UTF-8", body: Buffer.from([34, 0xff, 34]), code: "body_malformed" },
    { name: "of an overlong slash", body: Buffer.from([34, 0xc0, 0xaf, 34]), code: "body_malformed" },
    { name: "of UTF-16", body: Buffer.from('"a"', "utf16le"), code: "body_malformed" },
    { name: "with `__proto__`", body: '{"a":[{"__proto__":1}]}', code: "body_malformed" },
    { name: "with `__proto__` in escapes", body: '{"\\u005f_proto_\\u005F":1}', code: "body_malformed" },
    { name: "with `constructor.prototype`", body: '{"constructor":{"prototype":1}}', code: "body_malformed" },
    { name: "of another media type", body: "{}", type: "text/plain", code: "media_type_unsupported" },
    {
      name: "of a type that only begins alike",
      body: "{}",
      type: "application/jsonx",
      code: "media_type_unsupported",
    },
    { name: "a byte too long", body: `"${"x".repeat(999)}"`, code: "body_too_large" },
  ];
  for (const { name, body, type, code } of refused) {
    test(`is refused ${name}`, async () => {
      assert.equal((await read(body, type)).code, code);
    });
  }

  const accepted: readonly { name: string; body: string; type?: string; value: unknown }[] = [
    { name: "of exactly the most bytes", body: `"${"x".repeat(998)}"`, value: "x".repeat(998) },
    { name: "with parameters in its type", body: "{}", type: "Application/JSON; charset=utf-8", value: {} },
    { name: "with `constructor` as a plain field", body: '{"constructor":"x"}', value: { constructor: "x" } },
    { name: "with `__proto__` in a value", body: '"__proto__"', value: "__proto__" },
    { name: "with a byte order mark", body: "\ufeff1", value: 1 },
    { name: "of null", body: "null", value: null },
  ];
  for (const { name, body, type, value } of accepted) {
    test(`is read ${name}`, async () => {
      assert.deepEqual(await read(body, type), { value });
    });
  }

  test("is not there where nothing came and no type promised it; without a type, something is refused", async () => {
    const options = { contentType: undefined, maxBytes: 10 };
    assert.deepEqual(await readJsonBody(pieces(""), options), { value: undefined });
    assert.equal((await readJsonBody(pieces("{}"), options)).code, "media_type_unsupported");
  });

  test("is refused when it breaks off", async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("{");
      throw new Error("The peer is gone.");
    }
    assert.equal((await readJsonBody(broken(), { contentType: json, maxBytes: 10 })).code, "body_malformed");
  });

  test("is read no further than its bound", async () => {
    let sent = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        sent += 100;
        yield Buffer.alloc(100, 32);
      }
    }
    const refusal = await readJsonBody(endless(), { contentType: json, maxBytes: 1_000 });
    assert.deepEqual([refusal.code, sent], ["body_too_large", 1_100]);
  });

  test("is walked in bounded time, however deep", async () => {
    const text = `${'{"a":'.repeat(20_000)}{"\\u0062":1}${"}".repeat(20_000)}`;
    const startMs = performance.now();
    const result = await readJsonBody(pieces(text, 65_536), { contentType: json, maxBytes: 1_000_000 });
    assert.equal(result.code, undefined);
    assert.ok(performance.now() - startMs < 1_000);
  });
});
