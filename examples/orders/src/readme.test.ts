/** The README's walk, pasted as a reader would: every command runs, and prints what the README says. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { createFolder, type TestFolder } from "../../../testing/folder.ts";
import { findFreePort } from "../../../testing/port.ts";
import { clientSecret, type Program, password, startProgram } from "./testing/program.ts";

const readme = readFileSync(new URL("../../../README.md", import.meta.url), "utf8");
const walk = readme.slice(readme.indexOf("\n## A walk\n"), readme.indexOf("\n## Your own API\n"));
const marker = "--- next ---";

/** Each block of commands with the block of output that follows it; `…` stands for anything on the line. */
const block = /\n\*\*([^*]+)\*\*(?:(?!```)[\s\S])*```sh\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/g;
const steps = [...walk.matchAll(block)].map(([, title = "", commands = "", output = ""]) => ({
  title: title.replace(/\.$/, ""),
  commands,
  output,
}));

describe("the README's walk", () => {
  let folder: TestFolder;
  let program: Program;
  let printed: readonly string[];

  before(async () => {
    folder = createFolder();
    program = await startProgram(folder.path, await findFreePort());
    const script = steps.map(({ commands }) => `${commands}\necho '${marker}'`).join("\n");
    const run = spawnSync("bash", ["-c", script.replaceAll("http://localhost:3000", program.origin)], {
      cwd: folder.path,
      env: { PATH: process.env.PATH, PASSWORD: password, SECRET: clientSecret },
      encoding: "utf8",
      timeout: 60_000,
    });
    assert.equal(run.status, 0, run.stderr);
    printed = run.stdout.replaceAll(program.origin, "http://localhost:3000").split(`${marker}\n`);
  });
  after(async () => {
    await program.stop();
    folder.remove();
  });

  test("has every step", () => {
    assert.equal(steps.length, walk.split("```sh").length - 1);
    assert.ok(steps.length >= 7);
  });

  for (const [index, { title, output }] of steps.entries()) {
    test(title, () => {
      const literal = output
        .trim()
        .split("…")
        .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
      assert.match(printed[index]?.trim() ?? "", new RegExp(`^${literal.join("[^\\n]*")}$`));
    });
  }
});
