/** Where a request comes from, by what its browser says. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { findRequestSource, type RequestSource } from "./request-source.ts";

const own = "https://auth.example";

const rows: { headers: Record<string, string>; expect: RequestSource }[] = [
  { headers: { "sec-fetch-site": "same-origin", origin: own }, expect: "own" },
  { headers: { "sec-fetch-site": "same-origin" }, expect: "own" },
  { headers: { "sec-fetch-site": "none" }, expect: "own" },
  { headers: { origin: own }, expect: "own" },
  { headers: { "sec-fetch-site": "same-origin", origin: "null" }, expect: "own" },
  { headers: { "sec-fetch-site": "cross-site", origin: "null" }, expect: "foreign" },
  { headers: {}, expect: "unknown" },
  { headers: { "sec-fetch-site": "cross-site" }, expect: "foreign" },
  { headers: { "sec-fetch-site": "same-site" }, expect: "foreign" },
  { headers: { "sec-fetch-site": "something-new" }, expect: "foreign" },
  { headers: { "sec-fetch-site": "" }, expect: "foreign" },
  { headers: { "sec-fetch-site": "cross-site", origin: own }, expect: "foreign" },
  { headers: { "sec-fetch-site": "same-origin", origin: "https://evil.example" }, expect: "foreign" },
  { headers: { origin: "null" }, expect: "foreign" },
  { headers: { origin: "" }, expect: "foreign" },
  { headers: { origin: "http://auth.example" }, expect: "foreign" },
  { headers: { origin: "https://auth.example:444" }, expect: "foreign" },
  { headers: { origin: "https://auth.example.evil.example" }, expect: "foreign" },
  { headers: { origin: `${own}/` }, expect: "foreign" },
];

describe("a request's source", () => {
  for (const { headers, expect } of rows) {
    it(`is ${expect} for ${JSON.stringify(headers)}`, () =>
      assert.equal(findRequestSource(headers, own), expect));
  }
});
