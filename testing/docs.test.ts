/** The tables of codes in the code and in the documentation are the same, row by row. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { rejections } from "../guard/src/authentication/security-error.ts";
import { refusals } from "../guard/src/contract/refusal.ts";
import { denials } from "../guard/src/pipeline/verdict.ts";
import { identityProblems } from "../identity/src/errors.ts";
import { administrationProblems } from "../identity/src/http/admin/answer.ts";
import { problems } from "../identity/src/http/problem.ts";

const rowsOf = (name: string) =>
  readFileSync(new URL(`../docs/${name}`, import.meta.url), "utf8")
    .split("\n")
    .filter((line) => /^\| `[a-z]+_[a-z_]+` \||^\| `(unauthenticated|unavailable|internal)` \|/.test(line));

const textRow = ([code, text]: readonly [string, string]) => `| \`${code}\` | ${text} |`;

test("docs/contract.md lists every refusal at start, with its mend", () => {
  assert.deepEqual(rowsOf("contract.md"), Object.entries(refusals).map(textRow));
});

test("docs/answers.md lists every denial, every rejection, and every refusal of the identity server", () => {
  assert.deepEqual(rowsOf("answers.md"), [
    ...Object.entries(denials).map(([code, { status, title }]) => `| \`${code}\` | ${status} | ${title} |`),
    ...Object.entries(rejections).map(textRow),
    ...Object.entries(identityProblems).map(textRow),
  ]);
});

test("docs/administration.md lists every refusal of the administration", () => {
  const rows = administrationProblems.map((code) => {
    const { status, title } = problems[code];
    return `| \`${code}\` | ${status} | ${title} |`;
  });
  assert.deepEqual(rowsOf("administration.md"), rows);
});
