/** `bulwark policy test` and `bulwark policy diff`, by their transcripts. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { DecisionRecord } from "@bulwark/guard";
import type { Compared } from "../policy-diff/report.ts";
import { contractFile, run } from "../testing/command-line.ts";

const current = contractFile("current");
const candidate = contractFile("candidate");
const folder = mkdtempSync(join(tmpdir(), "bulwark-policy-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const fileOf = (name: string, content: unknown) => {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
};

describe("bulwark policy test", () => {
  const head = `contract: ${current}
principals:
  alice: { roles: [user] }
rows:
  hers: { ownerId: alice, status: open }
  theirs: { ownerId: bob, status: open }
decisions:
  - { principal: alice, action: order:read, row: hers, expect: allow }
`;

  test("exits 0 where all decisions are as expected", async () => {
    const file = fileOf("good.yaml", head);
    const { exitCode, stdout, stderr } = await run(["policy", "test", file]);
    assert.deepEqual([exitCode, stderr], [0, ""]);
    assert.equal(stdout, `${file}: 1 of 1 decisions are as expected.\n`);
    assert.match(
      (await run(["policy", "test", file, "--all"])).stdout,
      /^ok {4}alice order:read hers: allow\n/,
    );
  });

  test("exits 1 where one is not, with its line and why", async () => {
    const good = fileOf("good.yaml", head);
    const bad = fileOf(
      "bad.yaml",
      `${head}  - { principal: alice, action: order:read, row: theirs, expect: allow }\n`,
    );
    const { exitCode, stdout } = await run(["policy", "test", good, bad]);
    assert.equal(
      stdout,
      `${good}: 1 of 1 decisions are as expected.
FAIL  alice order:read theirs (${bad}:9)
      expected allow, and it is deny not_found
      The row may not be read: role user (ownerId = principal.id) does not cover it.
      - ownerId = principal.id: false (the row has "bob", compared with "alice")
${bad}: 1 of 2 decisions are as expected, 1 not.
`,
    );
    assert.equal(exitCode, 1);
    const json = await run(["policy", "test", bad, "--json"]);
    assert.equal(json.exitCode, 1);
    assert.deepEqual(
      JSON.parse(json.stdout)[0].decisions.map(({ passed, code }: { passed: boolean; code: string }) => [
        passed,
        code,
      ]),
      [
        [true, "allowed"],
        [false, "not_found"],
      ],
    );
  });

  test("exits 64 for a table that cannot be read, before any is run", async () => {
    const good = fileOf("good.yaml", head);
    const wrong = fileOf(
      "wrong.yaml",
      `${head}  - { principal: carol, action: order:read, expect: allow }\n`,
    );
    const { exitCode, stdout, stderr } = await run(["policy", "test", good, wrong]);
    assert.deepEqual([exitCode, stdout], [64, ""]);
    assert.equal(stderr, `bulwark: ${wrong}:9: There is no principal "carol".\n`);
  });
});

describe("bulwark policy diff", () => {
  const order = (changes: object) => ({
    id: "1",
    ownerId: "alice",
    team: "red",
    status: "open",
    total: 1,
    paidAt: null,
    ...changes,
  });
  const alice = { id: "alice", kind: "account", roles: ["user"], claims: {} } as const;
  const mona = { id: "mona", kind: "account", roles: ["manager"], claims: { team: "red" } } as const;
  const record = (parts: Partial<DecisionRecord>): DecisionRecord => ({
    time: "2026-01-01T00:00:00.000Z",
    principal: alice,
    permission: "order:read",
    row: order({}),
    effect: "allow",
    code: "allowed",
    by: "row",
    ...parts,
  });
  const linesOf = (records: readonly DecisionRecord[]) =>
    records.map((one) => `${JSON.stringify(one)}\n`).join("");
  const diff = (args: readonly string[], against = candidate) =>
    run(["policy", "diff", against, "--contract", current, ...args]);
  const decisions = fileOf(
    "decisions.jsonl",
    linesOf([
      record({}),
      record({
        principal: mona,
        permission: "order:update",
        changes: { status: "paid" },
        effect: "deny",
        code: "row_denied",
      }),
      record({
        principal: mona,
        permission: "order:update",
        row: order({ id: "2" }),
        changes: { status: "paid" },
        effect: "deny",
        code: "row_denied",
      }),
      record({ permission: "order:create", row: undefined as never, changes: { status: "draft" } }),
      record({
        permission: "order:update",
        row: order({ status: "paid" }),
        changes: {},
        effect: "deny",
        code: "row_denied",
      }),
      record({ effect: "deny", code: "validation_failed", by: "validate", row: undefined as never }),
      record({ row: null, effect: "deny", code: "not_found" }),
    ]),
  );

  test("exits 0 and says so where nothing is decided differently", async () => {
    const { exitCode, stdout, stderr } = await diff(["--decisions", decisions], current);
    assert.deepEqual([exitCode, stderr], [0, ""]);
    assert.match(stdout, /Nothing is decided differently\.\n$/);
  });

  test("exits 2 and lists who gains and who loses what, with an example and why", async () => {
    const { exitCode, stdout, stderr } = await diff(["--decisions", decisions]);
    assert.equal(stderr, "");
    assert.equal(
      stdout,
      `Compared: 7 recorded decisions, 0 of rows.
2 recorded decisions were about no row that was there, or no valid input.

Gains: denied now, allowed by the candidate
  account mona (manager) order:update: deny row_denied -> allow, 2 times
    as on { id: "1", ownerId: "alice", team: "red", status: "open", total: 1, paidAt: null } with { status: "paid" }
    role manager allows order:update on team = claim team.
    - team = claim team: true (the row has "red", compared with "red")

Loses: allowed now, denied by the candidate
  account alice (user) order:create: allow -> deny row_denied, 1 time
    as on { status: "draft" }
    order:create is not allowed on the row: role user (status = "draft") sets a claim that the principal does not have.

1 gained, 1 lost, 0 otherwise different.
`,
    );
    assert.equal(exitCode, 2);
  });

  test("compares rows for every principal, permissions that are new or gone among them", async () => {
    const rows = fileOf("rows.json", {
      order: [order({}), order({ id: "2", team: "blue", status: "paid", paidAt: "2026-01-01T00:00:00Z" })],
    });
    const principals = fileOf("principals.json", [alice, mona, { id: "adam", roles: ["admin"] }]);
    const { exitCode, stdout } = await diff(["--rows", rows, "--principals", principals, "--json"]);
    assert.equal(exitCode, 2);
    const { differences, rows: count }: Compared = JSON.parse(stdout);
    assert.equal(count, 2 * 3 * 4);
    const texts = differences.map(
      ({ kind, principal, permission, before, after, count: times }) =>
        `${kind} ${principal.id} ${permission} ${before.code} -> ${after.code} ${times}`,
    );
    assert.deepEqual(texts.sort(), [
      "changed adam order:delete step_up_needed -> permission_denied 2",
      "changed adam order:refund permission_denied -> row_denied 1",
      "gains adam order:refund permission_denied -> allowed 1",
      "gains mona order:update row_denied -> allowed 1",
    ]);
  });

  test("tells what was recorded otherwise than the contract in force decides", async () => {
    const drifted = fileOf(
      "drifted.jsonl",
      linesOf([record({ principal: { ...alice, roles: ["reader"] } })]),
    );
    const { exitCode, stdout } = await diff(["--decisions", drifted]);
    assert.match(
      stdout,
      /^1 recorded decisions are otherwise by the contract in force already: "allowed -> permission_denied"\.$/m,
    );
    assert.equal(exitCode, 0);
    const roles = fileOf("roles.json", {
      roles: { reader: { grants: [{ effect: "allow", permission: "order:read" }] } },
    });
    assert.doesNotMatch((await diff(["--decisions", drifted, "--roles", roles])).stdout, /otherwise by/);
  });

  test("leaves out a last line that was cut off, and refuses any other", async () => {
    const whole = linesOf([record({}), record({})]);
    const cut = fileOf("cut.jsonl", whole + whole.slice(0, 40));
    const { exitCode, stdout, stderr } = await diff(["--decisions", cut], current);
    assert.equal(stderr, `bulwark: ${cut}:3 was cut off, and is left out.\n`);
    assert.match(stdout, /^Compared: 2 recorded decisions/);
    assert.equal(exitCode, 0);
    const broken = fileOf("broken.jsonl", `${whole.slice(0, 40)}\n${whole}`);
    assert.deepEqual(await diff(["--decisions", broken]), {
      exitCode: 64,
      stdout: "",
      stderr: `bulwark: ${broken}:1 is no JSON.\n`,
    });
  });

  const mistakes: readonly (readonly [name: string, args: () => readonly string[]])[] = [
    [
      "a record without a principal",
      () => ["--decisions", fileOf("a.jsonl", `${JSON.stringify({ ...record({}), principal: {} })}\n`)],
    ],
    ["a file that is not there", () => ["--decisions", join(folder, "nowhere.jsonl")]],
    ["a folder", () => ["--decisions", folder]],
    ["rows that are no JSON", () => ["--rows", fileOf("b.json", "{")]],
    [
      "rows of no resource",
      () => ["--rows", fileOf("c.json", { invoice: [{}] }), "--principals", fileOf("p.json", [alice])],
    ],
    [
      "a row with an unknown attribute",
      () => [
        "--rows",
        fileOf("d.json", { order: [{ owner: 1 }] }),
        "--principals",
        fileOf("p.json", [alice]),
      ],
    ],
    ["rows that nobody asks for", () => ["--rows", fileOf("e.json", { order: [order({})] })]],
    [
      "principals that are none",
      () => [
        "--rows",
        fileOf("e.json", { order: [order({})] }),
        "--principals",
        fileOf("q.json", [{ name: "alice" }]),
      ],
    ],
  ];
  for (const [name, args] of mistakes) {
    test(`answers ${name} with one line and exit code 64`, async () => {
      const { exitCode, stdout, stderr } = await diff(args());
      assert.match(stderr, /^bulwark: [^\n]+\n$/);
      assert.deepEqual([exitCode, stdout], [64, ""]);
    });
  }
});
