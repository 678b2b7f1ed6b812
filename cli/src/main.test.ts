/** The command by its transcripts. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, describe, test } from "node:test";
import { contractFile, launcher, run } from "./testing/command-line.ts";

const current = contractFile("current");
const folder = mkdtempSync(join(tmpdir(), "bulwark-cli-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const fileOf = (name: string, content: unknown) => {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
};

const row = { id: "7", ownerId: "alice", team: "red", status: "open", total: 10, paidAt: null };
const rowFile = fileOf("row.json", row);
const ask = (args: readonly string[], of = rowFile) =>
  run([...args, "--contract", current, "--row", `@${of}`]);

describe("bulwark", () => {
  test("tells its commands, and is wrong to call without one", async () => {
    const help = await run(["--help"]);
    assert.equal(help.exitCode, 0);
    for (const name of ["contract", "explain", "who-can", "what-can", "policy test", "policy diff"]) {
      assert.match(help.stdout, new RegExp(`^ {2}${name} `, "m"));
    }
    assert.equal((await run([])).exitCode, 64);
  });

  test("tells each command's options", async () => {
    const { exitCode, stdout } = await run(["policy", "diff", "--help"]);
    assert.equal(exitCode, 0);
    assert.match(stdout, /^bulwark policy diff <candidate> \[options\]\n/);
    assert.match(stdout, /^ {2}--decisions <file> /m);
  });

  const mistakes: readonly (readonly [name: string, args: readonly string[]])[] = [
    ["a command that is none", ["policies"]],
    ["half a command", ["policy"]],
    ["an option that is none", ["contract", "--contract", current, "--pretty"]],
    ["an option without its value", ["contract", "--contract"]],
    ["what the command does not take", ["contract", "extra", "--contract", current]],
    ["a contract that is not there", ["contract", "--contract", "nowhere.ts"]],
    ["no contract in the folder", ["contract"]],
    ["a module that exports no contract", ["contract", "--contract", contractFile("nothing")]],
    ["a contract that is refused", ["contract", "--contract", contractFile("refused")]],
    ["a module that cannot be read", ["contract", "--contract", rowFile]],
    ["no principal", ["explain", "--contract", current, "--permission", "order:read"]],
    [
      "a permission that is none",
      ["explain", "--contract", current, "--principal", "a", "--permission", "order:burn"],
    ],
    [
      "a kind that is none",
      ["explain", "--contract", current, "--principal", "a", "--kind", "robot", "--permission", "order:read"],
    ],
    ["a claim without a value", ["what-can", "--contract", current, "--principal", "a", "--claim", "team"]],
    ["a level that is none", ["what-can", "--contract", current, "--principal", "a", "--acr", "blood"]],
    ["a time that is none", ["what-can", "--contract", current, "--principal", "a", "--at", "yesterday"]],
    ["a row that is no JSON", ["who-can", "--contract", current, "--permission", "order:read", "--row", "{"]],
    [
      "a row that is not there",
      ["who-can", "--contract", current, "--permission", "order:read", "--row", "@nowhere"],
    ],
    [
      "an unknown attribute",
      ["who-can", "--contract", current, "--permission", "order:read", "--row", '{"owner":"a"}'],
    ],
    [
      "an attribute of another type",
      ["who-can", "--contract", current, "--permission", "order:read", "--row", '{"total":true}'],
    ],
    [
      "changes of no row",
      ["who-can", "--contract", current, "--permission", "order:update", "--changes", "{}"],
    ],
    ["roles that are none", ["what-can", "--contract", current, "--principal", "a", "--roles", rowFile]],
    ["no candidate", ["policy", "diff", "--contract", current]],
    ["nothing to compare over", ["policy", "diff", contractFile("candidate"), "--contract", current]],
    ["a table that is not there", ["policy", "test", "nowhere.yaml"]],
  ];
  for (const [name, args] of mistakes) {
    test(`answers ${name} with one line and exit code 64`, async () => {
      const { exitCode, stdout, stderr } = await run(args, { cwd: folder });
      assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
      assert.match(stderr, /^bulwark: .+\n$/);
      assert.equal(stdout, "");
      assert.equal(exitCode, 64);
    });
  }

  test("finds the contract in its folder", async () => {
    const here = mkdtempSync(join(folder, "here-"));
    cpSync(contractFile("nothing"), join(here, "security.ts"));
    assert.match(
      (await run(["contract"], { cwd: here })).stderr,
      /^bulwark: security\.ts exports no contract/,
    );
  });

  test("does not mind a reader that stops reading", async () => {
    const child = spawn(process.execPath, [launcher, "contract", "--contract", current], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.destroy();
    let errors = "";
    child.stderr.on("data", (text) => {
      errors += text;
    });
    const [exitCode] = await once(child, "close");
    assert.deepEqual([exitCode, errors], [0, ""]);
  });

  test("leaves an older Node for the one beside it", async (t) => {
    const older = (process.env.PATH ?? "")
      .split(delimiter)
      .map((path) => join(path, "node"))
      .filter((path) => existsSync(path))
      .find(
        (path) =>
          Number.parseInt(execFileSync(path, ["-p", "process.versions.node"], { encoding: "utf8" }), 10) < 24,
      );
    if (older === undefined) return t.skip("there is no older Node on PATH");
    assert.deepEqual(await run(["--help"], { node: older }), await run(["--help"]));
    assert.equal((await run(["policies"], { node: older })).exitCode, 64);
  });
});

describe("bulwark contract", () => {
  test("prints the contract as JSON, the same each time", async () => {
    const first = await run(["contract", "--contract", current]);
    assert.equal(first.exitCode, 0);
    const { roles, version } = JSON.parse(first.stdout);
    assert.equal(version, 1);
    assert.equal(roles.user.grants[1].where.text, "ownerId = principal.id");
    assert.equal((await run(["contract", "--contract", current])).stdout, first.stdout);
  });
});

describe("bulwark explain", () => {
  const alice = ["explain", "--principal", "alice", "--role", "user", "--permission"];

  test("says who allows, and what was compared", async () => {
    const { exitCode, stdout } = await ask([...alice, "order:read"]);
    assert.equal(
      stdout,
      `allow (allowed, by the stage row)
role user allows order:read on ownerId = principal.id.
  - ownerId = principal.id: true (the row has "alice", compared with "alice")

  order:read
    covers      allow user: ownerId = principal.id
`,
    );
    assert.equal(exitCode, 0);
  });

  test("says why not, with every branch if it is asked to", async () => {
    const { exitCode, stdout } = await ask([
      ...alice,
      "order:update",
      "--changes",
      '{"status":"paid"}',
      "--trace",
    ]);
    assert.equal(
      stdout,
      `deny (row_denied, by the stage row)
order:update is not allowed on the row: role user (ownerId = principal.id and status in ("draft", "open")) does not cover it as the write would leave it.
  - status in ("draft", "open"): false (the row has "paid", compared with ("draft", "open"))

  order:update
    after       allow user: ownerId = principal.id and status in ("draft", "open")
                  true  ownerId = principal.id and status in ("draft", "open")
                    true  ownerId = principal.id (the row has "alice", compared with "alice")
                    true  status in ("draft", "open") (the row has "open", compared with ("draft", "open"))
                after the write
                  false  ownerId = principal.id and status in ("draft", "open")
                    true  ownerId = principal.id (the row has "alice", compared with "alice")
                    false  status in ("draft", "open") (the row has "paid", compared with ("draft", "open"))

  order:read, for the row must be readable
    covers      allow user: ownerId = principal.id
                  true  ownerId = principal.id (the row has "alice", compared with "alice")
`,
    );
    assert.equal(exitCode, 0, "whatever the decision is");
  });

  test("counts sign-ins, scopes, custom roles and direct grants", async () => {
    const codeOf = async (args: readonly string[]) => {
      const { stdout, stderr } = await ask(["explain", "--json", ...args]);
      assert.equal(stderr, "");
      return JSON.parse(stdout).code;
    };
    const adam = ["--principal", "adam", "--role", "admin", "--permission", "order:delete"];
    assert.equal(await codeOf(adam), "step_up_needed");
    assert.equal(await codeOf([...adam, "--acr", "mfa"]), "allowed");
    assert.equal(await codeOf([...adam, "--acr", "mfa", "--scope", "orders.see"]), "permission_denied");
    const roles = fileOf("roles.json", {
      roles: { reader: { extends: [], grants: [{ effect: "allow", permission: "order:read" }] } },
      subjects: [
        { kind: "account", id: "eve", grants: [{ effect: "deny", permission: "order:read", where: "own" }] },
      ],
    });
    const read = ["--permission", "order:read", "--roles", roles, "--role", "reader", "--principal"];
    assert.equal(await codeOf([...read, "zoe"]), "allowed");
    const hers = fileOf("hers.json", { ...row, ownerId: "eve" });
    const barred = await ask(["explain", "--json", ...read, "eve"], hers);
    assert.equal(JSON.parse(barred.stdout).code, "not_found");
  });

  test("notes a stored grant that the contract does not know, and goes on", async () => {
    const roles = fileOf("old-roles.json", {
      roles: { old: { grants: [{ effect: "allow", permission: "order:burn" }] } },
    });
    const { exitCode, stdout, stderr } = await ask([
      ...alice,
      "order:read",
      "--role",
      "old",
      "--roles",
      roles,
    ]);
    assert.match(stderr, /^bulwark: permission_unknown at roles\.old\.grants\[0\]\.permission: .*\n$/);
    assert.match(stdout, /^allow /);
    assert.equal(exitCode, 0);
  });

  test("says what the policy came to, and leaves it out where it is told to", async () => {
    const explain = (...more: readonly string[]) =>
      run([
        ...["explain", "--contract", contractFile("governed"), "--principal", "carl", "--role", "clerk"],
        ...[
          "--permission",
          "order:delete",
          "--row",
          '{"id":"1","total":5}',
          "--at",
          "2026-01-01T20:00:00Z",
          ...more,
        ],
      ]);
    const { stdout } = await explain();
    assert.match(
      stdout,
      /^deny \(policy_denied, by the stage policy\)\nThe policy "office hours" denies it: it is closed\.\n/,
    );
    assert.match(stdout, /^ {2}policy "office hours": denies \(outside_office_hours\): it is closed$/m);
    assert.match((await explain("--without-policy")).stdout, /^allow /);
  });

  test("lets nothing of a row or a claim move the terminal's cursor", async () => {
    const hostile = "\u001b[2J\u202egnp.exe\u009b31m";
    const evil = fileOf("evil.json", { ...row, ownerId: hostile });
    const { stdout } = await ask(
      [
        "explain",
        "--principal",
        hostile,
        "--role",
        hostile,
        "--trace",
        "--permission",
        "order:read",
        "--claim",
        `team=${hostile}`,
      ],
      evil,
    );
    const named = await ask(["who-can", "--permission", "order:read"], evil);
    for (const text of [stdout, named.stdout]) assert.match(text, /^[\n\x20-\x7e→]+$/);
  });
});

describe("bulwark who-can", () => {
  test("names the principals that a row leaves to each role", async () => {
    const roles = fileOf("direct.json", {
      roles: { reader: { grants: [{ effect: "allow", permission: "order:read" }] } },
      subjects: [
        {
          kind: "client",
          id: "report",
          grants: [{ effect: "allow", permission: "order:read", where: "own" }],
        },
      ],
    });
    const { exitCode, stdout } = await ask(["who-can", "--permission", "order:read", "--roles", roles]);
    assert.equal(
      stdout,
      `role user             principal.id = "alice"
role manager          principal.id = "alice" or claim team = "red"
role admin            anyone
role reader (custom)  anyone
client report         no one
`,
    );
    assert.equal(exitCode, 0);
  });

  test("names what is demanded, and answers as JSON", async () => {
    const { stdout } = await ask(["who-can", "--permission", "order:delete"]);
    assert.match(stdout, /^role admin {4}anyone {2}demands mfa$/m);
    const json = JSON.parse((await ask(["who-can", "--permission", "order:delete", "--json"])).stdout);
    assert.deepEqual(
      json.roles.map(({ role, answer }: { role: string; answer: string }) => `${role} ${answer}`),
      ["user never", "manager never", "admin always"],
    );
  });
});

describe("bulwark what-can", () => {
  test("tells every permission with the principal's values", async () => {
    const mona = ["--principal", "mona", "--role", "manager", "--claim", "team=red"];
    const { exitCode, stdout } = await run(["what-can", "--contract", current, ...mona]);
    assert.equal(
      stdout,
      `order:create            sometimes
  allow manager → user  status = "draft"                                  sets ownerId = "mona"
order:read              sometimes
  allow manager → user  ownerId = "mona"
  allow manager         team = "red"
order:update            sometimes
  allow manager → user  ownerId = "mona" and status in ("draft", "open")  fields status, total
order:delete            never
`,
    );
    assert.equal(exitCode, 0);
  });
});
