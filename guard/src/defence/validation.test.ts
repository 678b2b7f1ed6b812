import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { z } from "zod";
import { createValidator } from "./validation.ts";

const Order = z.object({
  total: z.number(),
  note: z.string().optional(),
  lines: z.array(z.object({ item: z.string() })).default([]),
});
const validate = createValidator(Order, "body");
const pointersOf = (value: unknown) => {
  const result = validate(value);
  assert.ok(!(result instanceof Promise));
  return result.problems?.map(({ pointer }) => pointer);
};

describe("validation", () => {
  test("passes what fits, with defaults filled in", () => {
    assert.deepEqual(validate({ total: 1 }), { value: { total: 1, lines: [] } });
  });

  const refused = [
    { name: "a field that is not declared", value: { total: 1, admin: true }, pointers: ["/admin"] },
    {
      name: "one within a list",
      value: { total: 1, lines: [{ item: "a" }, { item: "b", price: 0 }] },
      pointers: ["/lines/1/price"],
    },
    {
      name: "one that looks like a prototype",
      value: JSON.parse('{"total":1,"__proto__":{}}'),
      pointers: ["/__proto__"],
    },
    { name: "one with a slash in its name", value: { total: 1, "a/b~c": 1 }, pointers: ["/a~1b~0c"] },
    { name: "wrong types, each by its place", value: { total: "1", note: 2 }, pointers: ["/total", "/note"] },
    { name: "a list for an object", value: [], pointers: [""] },
    { name: "nothing", value: undefined, pointers: [""] },
  ];
  for (const { name, value, pointers } of refused) {
    test(`refuses ${name}`, () => {
      assert.deepEqual(pointersOf(value), pointers);
    });
  }

  test("refuses a value nested ten thousand deep, whatever its schema", () => {
    const deep = JSON.parse("[".repeat(10_000) + "]".repeat(10_000));
    const any = createValidator(z.any(), "body");
    assert.equal((any(deep) as { problems?: unknown[] }).problems?.length, 1);
    assert.deepEqual(any(JSON.parse("[".repeat(60) + "]".repeat(60))), {
      value: JSON.parse("[".repeat(60) + "]".repeat(60)),
    });
  });

  test("tells of at most twenty problems", () => {
    const wide = createValidator(z.array(z.string()), "body");
    const result = wide(Array.from({ length: 1_000 }, () => 1));
    assert.ok(!(result instanceof Promise));
    assert.equal(result.problems?.length, 20);
  });

  test("waits for a schema that must", async () => {
    const slow = createValidator(z.object({ id: z.string().refine(async (id) => id === "1") }), "params");
    assert.deepEqual(await slow({ id: "1" }), { value: { id: "1" } });
    assert.equal((await slow({ id: "2" })).problems?.length, 1);
  });

  test("lets nothing through where nothing is declared", () => {
    const closed = createValidator(undefined, "query");
    assert.deepEqual(closed({}), { value: undefined });
    assert.deepEqual(closed(undefined), { value: undefined });
    for (const value of [{ a: 1 }, [1], "text", 0]) assert.ok("problems" in closed(value), String(value));
  });
});
