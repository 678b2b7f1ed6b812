import assert from "node:assert/strict";
import { test } from "node:test";
import { isJson } from "./media-type.ts";

const rows: readonly { type: string | undefined; expect: boolean }[] = [
  { type: "application/json", expect: true },
  { type: "Application/JSON; charset=UTF-8", expect: true },
  { type: 'application/json;charset="utf-8"', expect: true },
  { type: "application/json; charset=utf-16", expect: false },
  { type: "application/json; charset=utf-8; charset=utf-7", expect: false },
  { type: "application/jsonp", expect: false },
  { type: "text/plain; application/json", expect: false },
  { type: "", expect: false },
  { type: undefined, expect: false },
];

for (const { type, expect } of rows) {
  test(`${JSON.stringify(type)} is ${expect ? "" : "not "}JSON`, () => assert.equal(isJson(type), expect));
}
