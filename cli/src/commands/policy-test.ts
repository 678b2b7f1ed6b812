/** `bulwark policy test`: decisions as a table, tested against the contract. */
import { globSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { createExplain } from "@bulwark/guard/explain";
import { defineCommand, UserMistake } from "../command.ts";
import { contractOption, loadContract } from "../contract-file.ts";
import { readTextFile } from "../json-input.ts";
import { parseTable } from "../policy-test/read-table.ts";
import { runTable, type TestedDecision } from "../policy-test/run-table.ts";
import { loadRoles, policyOption, rolesOption } from "../roles-file.ts";

const usualFiles = ["policy/*.yaml", "policy/*.yml"];
const mostBytes = 4_194_304;

export const policyTest = defineCommand({
  name: "policy test",
  summary: "Tests decisions that are written down as a table, in YAML.",
  positionals: "[file...]",
  options: {
    ...contractOption,
    ...rolesOption,
    ...policyOption,
    all: { type: "boolean", help: "show every decision, not only those that are otherwise than expected" },
    json: { type: "boolean", help: "print the results as JSON" },
  },
  notes: [
    `Without files: ${usualFiles.join(" and ")}. A table may name its contract, from its own folder: \`contract: ../security.ts\`.`,
    "Exit codes: 0 all decisions are as expected; 1 some are not; 64 a table cannot be read, with the line.",
  ].join("\n"),
  async run({ values, positionals, out, note }) {
    const files = positionals.length > 0 ? positionals : globSync(usualFiles).sort();
    if (files.length === 0) throw new UserMistake(`There are no tables here: ${usualFiles.join(", ")}.`);
    const results: FileResult[] = [];
    // Every table is read before the first is run: a mistake in the last is told at once.
    const tables = [];
    for (const file of files) {
      const table = parseTable(readTextFile(file, mostBytes), file);
      const named = table.contract === undefined ? undefined : resolve(dirname(file), table.contract);
      const security = await loadContract(values.contract ?? named);
      const roles = loadRoles(security, values.roles, { out, note });
      tables.push({
        file,
        decisions: table.decisions(security, roles),
        explain: createExplain(security, { roles, withoutPolicy: values["without-policy"] }),
      });
    }
    for (const { file, decisions, explain } of tables) {
      results.push({ file, tested: await runTable(decisions, explain) });
    }
    out(
      values.json
        ? JSON.stringify(results.map(toData), null, 2)
        : results.map((one) => toText(one, values.all)).join("\n"),
    );
    return results.some(({ tested }) => tested.some(isFailed)) ? 1 : 0;
  },
});

interface FileResult {
  readonly file: string;
  readonly tested: readonly TestedDecision[];
}

function isFailed({ difference }: TestedDecision): boolean {
  return difference !== undefined;
}

function toText({ file, tested }: FileResult, all: boolean): string {
  const failed = tested.filter(isFailed);
  const passed = tested.length - failed.length;
  return [
    ...tested.filter((one) => all || isFailed(one)).flatMap((one) => lines(file, one)),
    `${file}: ${passed} of ${tested.length} decisions are as expected${failed.length === 0 ? "." : `, ${failed.length} not.`}`,
  ].join("\n");
}

function lines(file: string, { decision, explanation, difference }: TestedDecision): readonly string[] {
  const { name, line, expect } = decision;
  if (difference === undefined)
    return [`ok    ${name}: ${expect.effect}${expect.code === undefined ? "" : ` ${expect.code}`}`];
  return [
    `FAIL  ${name} (${file}:${line})`,
    `      ${difference}`,
    `      ${explanation.reason}`,
    ...explanation.because.map((reason) => `      - ${reason}`),
  ];
}

function toData({ file, tested }: FileResult) {
  return {
    file,
    decisions: tested.map(({ decision: { name, line, expect }, explanation, difference }) => {
      const { effect, code, reason, because } = explanation;
      return {
        name,
        line,
        passed: difference === undefined,
        expect,
        effect,
        code,
        reason,
        because,
        difference,
      };
    }),
  };
}
