import assert from "node:assert/strict";
import { test } from "node:test";
import { formatTable } from "./table.ts";

test("names stand left, numbers right, and a short row stays short", () => {
  const table = formatTable(["server", "rate"], [["bare", "40,000"], ["express", "9"], ["none"]]);
  assert.deepEqual(table.split("\n"), [
    "server     rate",
    "-------  ------",
    "bare     40,000",
    "express       9",
    "none",
  ]);
});
