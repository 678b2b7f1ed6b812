/** `bulwark policy diff`: who gains and who loses what, if a candidate becomes the contract. */
import type { Security } from "@bulwark/guard";
import { type Asker, claimNames, questionOf } from "@bulwark/guard/explain";
import { defineCommand, type Output, UserMistake } from "../command.ts";
import { contractOption, loadContract } from "../contract-file.ts";
import { type Comparison, createComparison, readForBoth, type Side } from "../policy-diff/compare.ts";
import { readDecisions, readPrincipalsFile, readRowsFile, rowQuestion } from "../policy-diff/questions.ts";
import { type Compared, differencesText } from "../policy-diff/report.ts";
import { readTime } from "../question-options.ts";
import { loadRoles, policyOption, rolesOption } from "../roles-file.ts";

/** Principals times rows times permissions. */
const mostQuestions = 1_000_000;
/** Principals that are taken from recorded decisions. */
const mostPrincipals = 10_000;
const different = 2;

export const policyDiff = defineCommand({
  name: "policy diff",
  summary: "Lists who gains and who loses what, if a candidate becomes the contract.",
  positionals: "<candidate>",
  options: {
    ...contractOption,
    ...rolesOption,
    ...policyOption,
    decisions: {
      type: "string",
      value: "<file>",
      help: "decisions that a guard has recorded, one line of JSON each",
    },
    rows: {
      type: "string",
      value: "<file>",
      help: 'sample rows as JSON, by resource: { "order": [ { … } ] }',
    },
    principals: {
      type: "string",
      value: "<file>",
      help: "who asks for the rows, as JSON: [ { id, kind, roles, claims } ]; default who is in the decisions",
    },
    at: {
      type: "string",
      value: "<time>",
      help: "the time at which the rows are asked for, by RFC 3339; default now",
    },
    json: { type: "boolean", help: "print the differences as JSON" },
  },
  notes: [
    "Recorded decisions are decided again, by both contracts. Rows are decided for every principal and permission.",
    "Exit codes: 0 nothing is decided differently; 2 something is.",
    "",
    "  bulwark policy diff next/security.ts --decisions decisions.jsonl --rows rows.json",
  ].join("\n"),
  async run({ values, positionals, out, note }) {
    const [file, ...others] = positionals;
    if (file === undefined || others.length > 0)
      throw new UserMistake("Give one candidate: the module of a contract.");
    const { decisions, rows, principals, at } = values;
    if (decisions === undefined && rows === undefined) {
      throw new UserMistake("Nothing to compare over: give --decisions, --rows, or both.");
    }
    const current = await loadSide(values.contract, values.roles, { out, note });
    const candidate = await loadSide(file, values.roles, { out, note });
    const comparison = createComparison(current, candidate, { withoutPolicy: values["without-policy"] });
    const replayed =
      decisions === undefined
        ? noneReplayed
        : await replay(decisions, comparison, current, candidate, { note });
    const askers =
      principals === undefined ? [...replayed.principals.values()] : readPrincipalsFile(principals);
    const nowMs = at === undefined ? Date.now() : readTime(at, "--at");
    const asked = rows === undefined ? 0 : await askRows(rows, askers, nowMs, comparison, current, candidate);
    const compared: Compared = {
      recorded: replayed.count,
      undecidable: replayed.undecidable,
      drifted: Object.fromEntries(replayed.drifted),
      rows: asked,
      differences: await comparison.differences(),
    };
    out(values.json ? JSON.stringify(compared, null, 2) : differencesText(compared));
    return compared.differences.length > 0 ? different : 0;
  },
});

async function loadSide(file: string | undefined, roles: string | undefined, output: Output): Promise<Side> {
  const security = await loadContract(file);
  return { security, roles: loadRoles(security, roles, output) };
}

interface Replayed {
  readonly count: number;
  /** Records of what no rule can decide again. */
  readonly undecidable: number;
  /** What was recorded, and is decided otherwise by the contract in force: how often, by `recorded -> now`. */
  readonly drifted: ReadonlyMap<string, number>;
  readonly principals: ReadonlyMap<string, Asker>;
}

const noneReplayed: Replayed = { count: 0, undecidable: 0, drifted: new Map(), principals: new Map() };

async function replay(
  file: string,
  comparison: Comparison,
  current: Side,
  candidate: Side,
  { note }: Pick<Output, "note">,
): Promise<Replayed> {
  let count = 0;
  let undecidable = 0;
  const drifted = new Map<string, number>();
  const principals = new Map<string, Asker>();
  for await (const record of readDecisions(file, { note })) {
    count += 1;
    if (principals.size < mostPrincipals) principals.set(JSON.stringify(record.principal), record.principal);
    const asked = readForBoth((security) => questionOf(security, record), current, candidate);
    if (asked === undefined) {
      undecidable += 1;
      continue;
    }
    const { code } = await comparison.add(asked);
    if (code !== record.code) {
      const way = `${record.code} -> ${code}`;
      drifted.set(way, (drifted.get(way) ?? 0) + 1);
    }
  }
  const known = claimNames(current.security, current.roles);
  const unknown = [...claimNames(candidate.security, candidate.roles)].filter((name) => !known.has(name));
  if (unknown.length > 0) {
    // A record keeps only the claims that some rule named then.
    note(`bulwark: the candidate looks at claims that the records do not hold: ${unknown.join(", ")}.`);
  }
  return { count, undecidable, drifted, principals };
}

async function askRows(
  file: string,
  principals: readonly Asker[],
  nowMs: number,
  comparison: Comparison,
  current: Side,
  candidate: Side,
): Promise<number> {
  if (principals.length === 0) {
    throw new UserMistake(
      "Nobody asks for the rows: give --principals, or --decisions with somebody in them.",
    );
  }
  const questions = [...readRowsFile(file)].flatMap(([resource, rows]) => {
    const permissions = permissionsOver(resource, [current.security, candidate.security]);
    if (permissions.length === 0) {
      throw new UserMistake(
        `${file}: neither contract has a resource ${JSON.stringify(resource)} whose rows are decided.`,
      );
    }
    return rows.flatMap((row, at) =>
      permissions.map((permission) => ({ permission, row, place: `${file}: ${resource}[${at}]` })),
    );
  });
  if (questions.length * principals.length > mostQuestions) {
    throw new UserMistake(
      `These are ${questions.length * principals.length} questions: ${mostQuestions} are the most.`,
    );
  }
  let asked = 0;
  for (const question of questions) {
    // Its mistakes are told by the contract in force, where that has the resource.
    const [resource = ""] = question.permission.split(":");
    const strict = current.security.resources.has(resource) ? current.security : candidate.security;
    for (const principal of principals) {
      const both = readForBoth(
        (security) => rowQuestion({ ...question, principal, nowMs }, security, security === strict),
        current,
        candidate,
      );
      if (both === undefined) continue;
      await comparison.add(both);
      asked += 1;
    }
  }
  return asked;
}

/** What can be done with a row of the resource; a row that is there is not created. */
function permissionsOver(resource: string, contracts: readonly Security[]): readonly string[] {
  const actions = contracts.flatMap((security) => security.resources.get(resource)?.actions ?? []);
  return [...new Set(actions)]
    .filter((action) => action !== "create")
    .map((action) => `${resource}:${action}`);
}
