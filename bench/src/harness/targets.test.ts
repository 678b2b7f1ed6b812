import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { BenchmarkFailure } from "./failure.ts";
import { checkTargets, describeMiss, readTargets } from "./targets.ts";

const targets = { toBare: 0.7, toExpress: 8 };

describe("checkTargets", () => {
  const rows = [
    { name: "passes a ratio exactly on its target", given: { toBare: 0.7, toExpress: 8 }, expect: [] },
    { name: "names the ratio just below", given: { toBare: 0.699, toExpress: 8 }, expect: ["toBare"] },
    {
      name: "names every ratio that misses",
      given: { toBare: 0.1, toExpress: 1 },
      expect: ["toBare", "toExpress"],
    },
    { name: "counts a missing ratio as a miss", given: { toBare: 0.9 }, expect: ["toExpress"] },
    { name: "counts NaN as a miss", given: { toBare: Number.NaN, toExpress: 9 }, expect: ["toBare"] },
    { name: "ignores a ratio without a target", given: { toBare: 1, toExpress: 9, toOther: 0 }, expect: [] },
  ];
  for (const { name, given, expect } of rows) {
    test(name, () => {
      const missed = checkTargets(given, targets).map(({ ratio }) => ratio);
      assert.deepEqual(missed, expect);
    });
  }

  const most = { flat: { most: 1.2 } };
  const bounded = [
    { name: "passes a ratio exactly on what it may be at most", given: { flat: 1.2 }, expect: [] },
    { name: "names the ratio just above", given: { flat: 1.201 }, expect: ["flat"] },
    { name: "counts NaN as above", given: { flat: Number.NaN }, expect: ["flat"] },
    { name: "counts what was not measured as above", given: {}, expect: ["flat"] },
  ];
  for (const { name, given, expect } of bounded) {
    test(name, () => {
      const missed = checkTargets(given, most).map(({ ratio }) => ratio);
      assert.deepEqual(missed, expect);
    });
  }

  test("tells a miss from a ratio that was not measured", () => {
    const [low, absent] = checkTargets({ toBare: 0.5 }, targets).map(describeMiss);
    assert.match(low ?? "", /^toBare is 0\.500/);
    assert.match(absent ?? "", /^toExpress was not measured/);
  });
});

describe("readTargets", () => {
  test("reads the targets of one benchmark, and refuses one without any", async (context) => {
    const folder = await mkdtemp(join(tmpdir(), "bench-targets-"));
    context.after(() => rm(folder, { recursive: true }));
    const file = pathToFileURL(join(folder, "targets.json"));
    await writeFile(file, JSON.stringify({ request: targets, empty: {}, text: { toBare: "0.7" } }));

    assert.deepEqual(await readTargets(file, "request"), targets);
    for (const benchmark of ["absent", "empty", "text", "constructor"]) {
      await assert.rejects(readTargets(file, benchmark), BenchmarkFailure);
    }
  });

  test("the committed targets can be read", async () => {
    const committed = await readTargets(new URL("../../targets.json", import.meta.url), "request");
    assert.deepEqual(Object.keys(committed), ["toBare", "toFastifyPlugins", "toExpress"]);
  });
});
