/** The example's rules as its owner reviews them: decisions as a table, and what a change of the rules would change. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createFolder, type TestFolder } from "../../../testing/folder.ts";
import { opaMissing, startOpa } from "../../../testing/opa.ts";
import { findFreePort } from "../../../testing/port.ts";
import { asBearer, asSession, machineToken, request, signIn } from "./testing/client.ts";
import { runToEnd, startProgram } from "./testing/program.ts";

const launcher = fileURLToPath(new URL("../../../cli/bin/bulwark.js", import.meta.url));
const example = fileURLToPath(new URL("..", import.meta.url));

interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `npx bulwark …` in the example's folder. */
function bulwark(...args: readonly string[]): Promise<Ended> {
  return bulwarkWith({}, ...args);
}

function bulwarkWith(settings: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { cwd: example, timeout: 30_000, env: { PATH: process.env.PATH, ...settings } };
    const child = execFile(process.execPath, [launcher, ...args], options, (_error, stdout, stderr) =>
      resolve({ exitCode: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

interface TestedFile {
  readonly decisions: readonly { readonly name: string; readonly passed: boolean; readonly effect: string }[];
}

describe("the table of decisions", () => {
  test("is as expected, and holds every role against every action, allowed and refused", async () => {
    const { exitCode, stdout, stderr } = await bulwark("policy", "test", "--json");
    assert.equal(stderr, "");
    const [{ decisions } = { decisions: [] }]: TestedFile[] = JSON.parse(stdout);
    assert.deepEqual(
      decisions.filter(({ passed }) => !passed),
      [],
    );
    assert.equal(exitCode, 0);
    assert.ok(decisions.length >= 30, String(decisions.length));
    for (const effect of ["allow", "deny"]) {
      assert.ok(decisions.filter((one) => one.effect === effect).length >= 12, effect);
    }
    // One principal for each role.
    for (const name of ["alice", "mona", "adam", "billing"]) {
      for (const action of ["create", "read", "update", "delete"]) {
        assert.ok(
          decisions.some((decision) => decision.name.startsWith(`${name} order:${action}`)),
          `${name} ${action}`,
        );
      }
    }
  });
});

describe("the table of decisions, beside the Rego policy,", () => {
  test("holds as well, and explains what the policy takes away", async (t) => {
    const rego = readFileSync(join(example, "policy", "orders.rego"), "utf8");
    const opa = await startOpa({ "orders.rego": rego });
    if (opa === undefined) return t.skip(opaMissing);
    t.after(() => opa.close());
    const settings = { OPA_URL: opa.url };
    const tested = await bulwarkWith(settings, "policy", "test");
    assert.match(tested.stdout, /decisions are as expected\.\n$/);
    assert.equal(tested.exitCode, 0);

    const row = JSON.stringify({ id: "1", ownerId: "adam", team: "red", status: "open", total: 1 });
    const erase = [
      "explain",
      "--principal",
      "adam",
      "--role",
      "admin",
      "--permission",
      "order:delete",
      "--row",
      row,
    ];
    const explain = async (at: string) =>
      JSON.parse((await bulwarkWith(settings, ...erase, "--json", "--at", at)).stdout);
    const evening = await explain("2026-01-05T20:00:00Z");
    assert.deepEqual(
      [evening.code, evening.by, evening.policy.outcome, evening.policy.code],
      ["policy_denied", "policy", "denies", "outside_office_hours"],
    );
    assert.equal((await explain("2026-01-05T10:00:00Z")).code, "allowed");

    const list = [
      "explain",
      "--principal",
      "alice",
      "--role",
      "user",
      "--permission",
      "order:read",
      "--json",
    ];
    const { policy } = JSON.parse((await bulwarkWith(settings, ...list)).stdout);
    assert.equal(policy.leaves, 'not (status = "draft") or ownerId = "alice"');

    await opa.stop();
    assert.equal((await explain("2026-01-05T10:00:00Z")).code, "unavailable", "what does not answer denies");
  });
});

describe("recorded decisions", () => {
  let folder: TestFolder;
  let decisions: string;
  before(async () => {
    folder = createFolder();
    decisions = join(folder.path, "decisions.jsonl");
    const program = await startProgram(join(folder.path, "data"), await findFreePort(), {
      BULWARK_DECISIONS: decisions,
    });
    try {
      const api = `${program.origin}/api/orders`;
      const alice = await signIn(program.origin, "alice");
      const mona = await signIn(program.origin, "mona");
      const billing = await machineToken(program.origin);
      const own = await request(api, asSession(alice, "POST", { total: 5, status: "open" }));
      assert.equal(own.status, 201);
      const path = `${api}/${own.json.id}`;
      const statuses = [
        await request(api, asSession(mona)),
        await request(path, asSession(mona)),
        await request(path, asSession(mona, "PATCH", { total: 6 })),
        await request(path, asSession(alice, "PATCH", { ownerId: "mallory" })),
        await request(path, asSession(alice, "DELETE")),
        await request(path, asBearer(billing, "PATCH", {})),
        await request(path, asBearer(billing, "PATCH", { status: "paid" })),
        await request(`${api}/none`, asSession(alice)),
      ].map(({ status }) => status);
      assert.deepEqual(statuses, [200, 200, 403, 403, 403, 422, 200, 404]);
    } finally {
      await program.stop();
    }
  });
  after(() => folder.remove());

  test("are in the file, one line each, and nothing secret is", () => {
    const text = readFileSync(decisions, "utf8");
    const codes = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).code);
    assert.deepEqual(codes, [
      "allowed",
      "allowed",
      "allowed",
      "row_denied",
      "fields_denied",
      "permission_denied",
      "validation_failed",
      "allowed",
      "not_found",
    ]);
    assert.equal(statSync(decisions).mode & 0o777, 0o600);
    for (const secret of ["eyJ", "mallory@", "example.com", "session"])
      assert.ok(!text.includes(secret), secret);
  });

  test("are decided in the same way again", async () => {
    const { exitCode, stdout, stderr } = await bulwark(
      "policy",
      "diff",
      "bulwark.ts",
      "--decisions",
      decisions,
    );
    assert.equal(stderr, "");
    assert.match(stdout, /^Compared: 9 recorded decisions/);
    assert.doesNotMatch(stdout, /otherwise by the contract in force/);
    assert.match(stdout, /Nothing is decided differently\.\n$/);
    assert.equal(exitCode, 0);
  });

  test("tell who gains and who loses by another contract", async () => {
    const candidate = join(folder.path, "candidate.ts");
    const guard = new URL("../../../guard/src/index.ts", import.meta.url);
    writeFileSync(
      candidate,
      `import { defineSecurity } from ${JSON.stringify(guard.href)};
      import { order } from ${JSON.stringify(new URL("security.ts", import.meta.url).href)};
      export const security = defineSecurity({
        issuer: "http://localhost:3000",
        audience: "http://localhost:3000/api",
        resources: [order],
        database: "sqlite",
        roles: {
          user: { grants: [order.allow("create"), order.allow("read")] },
          manager: { extends: ["user"], grants: [order.allow("update")] },
          billing: { grants: [order.allow("read")] },
        },
      });`,
    );
    const { exitCode, stdout } = await bulwark(
      "policy",
      "diff",
      candidate,
      "--decisions",
      decisions,
      "--json",
    );
    const { differences } = JSON.parse(stdout);
    assert.deepEqual(
      differences
        .map(
          (one: {
            kind: string;
            principal: { roles: string[] };
            permission: string;
            before: { code: string };
            after: { code: string };
          }) =>
            `${one.kind} ${one.principal.roles} ${one.permission} ${one.before.code} -> ${one.after.code}`,
        )
        .sort(),
      [
        // What a user creates is no longer given an owner and a team.
        "changed user order:create allowed -> allowed",
        "changed user order:update fields_denied -> permission_denied",
        "gains manager order:update row_denied -> allowed",
        "loses billing order:update allowed -> permission_denied",
      ],
    );
    assert.equal(exitCode, 2);
  });

  test("that cannot be kept stop the start, in one line", async () => {
    const port = await findFreePort();
    const settings = { BULWARK_DECISIONS: folder.path };
    const { exitCode, stderr } = await runToEnd(join(folder.path, "other"), port, settings);
    assert.match(stderr, /^bulwark: BULWARK_DECISIONS is [^\n]+\n$/);
    assert.equal(exitCode, 1);
  });
});
