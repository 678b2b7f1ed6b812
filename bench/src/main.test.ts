import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("./main.ts", import.meta.url));

describe("a call that measures nothing", () => {
  const rows = [
    {
      name: "an unknown benchmark lists those there are",
      given: ["absent"],
      code: 2,
      expect: /"absent".*request/,
    },
    {
      name: "a name every object has is no benchmark",
      given: ["constructor"],
      code: 2,
      expect: /no benchmark/,
    },
    { name: "no benchmark", given: [], code: 2, expect: /Name one benchmark/ },
    { name: "an unknown option", given: ["request", "--fast"], code: 2, expect: /--fast/ },
    { name: "no rounds", given: ["request", "--rounds", "0"], code: 2, expect: /--rounds 0/ },
    { name: "half a round", given: ["request", "--rounds", "1.5"], code: 2, expect: /--rounds 1\.5/ },
    {
      name: "no number of seconds",
      given: ["request", "--seconds", "soon"],
      code: 2,
      expect: /--seconds soon/,
    },
    {
      name: "an unknown server",
      given: ["request", "--servers", "koa"],
      code: 1,
      expect: /"koa".*fastifyPlugins/,
    },
    { name: "help", given: ["--help"], code: 0, expect: /--check/ },
  ];
  for (const { name, given, code, expect } of rows) {
    test(name, () => {
      const { status, stderr } = spawnSync(process.execPath, [main, ...given], { encoding: "utf8" });
      assert.match(stderr, expect);
      assert.equal(status, code);
    });
  }
});
