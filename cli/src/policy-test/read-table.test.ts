/** Tables of decisions are read strictly: a mistake has its line. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { contractRoles, createExplain } from "@bulwark/guard/explain";
import { UserMistake } from "../command.ts";
import { security } from "../testing/contracts/current.ts";
import { security as governed } from "../testing/contracts/governed.ts";
import { parseTable } from "./read-table.ts";
import { runTable } from "./run-table.ts";

const roles = contractRoles(security);
const decisionsOf = (text: string) => parseTable(text, "table.yaml").decisions(security, roles);
const runAll = (text: string) => runTable(decisionsOf(text), createExplain(security, { roles }));

const head = `at: "2026-01-01T00:00:00Z"
principals:
  alice: { roles: [user] }
  adam: { roles: [admin], claims: { team: red } }
  robot: { kind: client, id: "robot-1", roles: [user] }
rows:
  hers: { id: "1", ownerId: alice, team: red, status: open, total: 1, paidAt: null }
  theirs: { id: "2", ownerId: robot-1, team: red, status: open, total: 1, paidAt: "2025-12-31T00:00:00Z" }
decisions:
`;
const table = (...decisions: readonly string[]) => head + decisions.map((line) => `  - ${line}\n`).join("");
const good = "{ principal: alice, action: order:read, row: hers, expect: allow }";

describe("a table of decisions", () => {
  test("holds what each principal is expected to be answered", async () => {
    const results = await runAll(
      table(
        good,
        "{ principal: alice, action: order:read, row: hers, expect: allow, role: user }",
        "{ principal: alice, action: order:read, row: theirs, expect: deny, code: not_found }",
        "{ principal: robot, action: order:read, row: theirs, expect: allow }",
        "{ principal: alice, action: order:read, row: { ownerId: alice }, expect: allow }",
        "{ principal: alice, action: order:update, row: hers, changes: { total: 5 }, expect: allow }",
        "{ principal: alice, action: order:update, row: hers, changes: { team: blue }, expect: deny, code: fields_denied, fields: [team] }",
        "{ principal: alice, action: order:create, row: { status: draft }, expect: allow }",
        "{ principal: alice, action: order:create, changes: { status: draft }, expect: allow }",
        "{ principal: adam, action: order:delete, row: hers, expect: deny, code: step_up_needed }",
        "{ principal: adam, action: order:delete, row: hers, acr: mfa, signedInAgo: 5m, expect: allow }",
        "{ principal: adam, action: order:delete, row: hers, acr: mfa, scope: orders.see, expect: deny, code: permission_denied }",
        "{ principal: alice, action: order:read, expect: allow }",
        "{ name: the name it has, principal: alice, action: order:delete, expect: deny, code: permission_denied }",
      ),
    );
    assert.deepEqual(
      results.flatMap(({ difference }) => difference ?? []),
      [],
    );
    assert.deepEqual(
      results
        .map(({ decision: { name, line } }) => `${line} ${name}`)
        .slice(4, 8)
        .concat(results.at(-1)?.decision.name ?? ""),
      [
        '14 alice order:read { ownerId: "alice" }',
        "15 alice order:update hers { total: 5 }",
        '16 alice order:update hers { team: "blue" }',
        '17 alice order:create { status: "draft" }',
        "the name it has",
      ],
    );
  });

  const failures: readonly (readonly [decision: string, difference: RegExp])[] = [
    [
      "{ principal: alice, action: order:read, row: theirs, expect: allow }",
      /^expected allow, and it is deny not_found$/,
    ],
    [
      "{ principal: alice, action: order:read, row: hers, expect: deny, code: not_found }",
      /^expected deny not_found, and it is allow$/,
    ],
    [
      "{ principal: alice, action: order:read, row: theirs, expect: deny, code: row_denied }",
      /^expected deny row_denied, and it is deny not_found$/,
    ],
    [
      "{ principal: adam, action: order:read, row: hers, expect: allow, role: user }",
      /by the role user, and it is by manager, admin$/,
    ],
    [
      "{ principal: alice, action: order:update, row: hers, changes: { team: blue }, expect: deny, code: fields_denied, fields: [id] }",
      /^expected the fields id to be refused, and it is team$/,
    ],
  ];
  for (const [decision, difference] of failures) {
    test(`fails where a decision is otherwise: ${decision}`, async () => {
      const [tested] = await runAll(table(decision));
      assert.match(tested?.difference ?? "", difference);
    });
  }

  const mistakes: readonly (readonly [name: string, text: string, line: number])[] = [
    ["text that is no YAML", "decisions: [", 1],
    ["a key twice", `${head}  - ${good}\nat: "2026-01-01T00:00:00Z"\n`, 11],
    ["an unknown key of the table", `${head}  - ${good}\nprincipal: {}\n`, 11],
    [
      "an unknown key of a decision",
      table(good, "{ principal: alice, action: order:read, rows: hers, expect: allow }"),
      11,
    ],
    ["an unknown key of a principal", `principals:\n  alice: { role: user }\ndecisions:\n  - ${good}\n`, 2],
    ["an unknown principal", table("{ principal: bob, action: order:read, expect: allow }"), 10],
    ["an unknown role", `principals:\n  alice: { roles: [usr] }\ndecisions:\n  - ${good}\n`, 2],
    ["an unknown kind", `principals:\n  alice: { kind: person }\ndecisions:\n  - ${good}\n`, 2],
    [
      "an unknown permission",
      table(good, good, "{ principal: alice, action: order:raed, expect: allow }"),
      12,
    ],
    ["an unknown row", table("{ principal: alice, action: order:read, row: his, expect: allow }"), 10],
    [
      "an unknown attribute",
      table("{ principal: alice, action: order:read, row: { owner: alice }, expect: allow }"),
      10,
    ],
    [
      "an attribute of another type",
      table("{ principal: alice, action: order:read, row: { total: high }, expect: allow }"),
      10,
    ],
    [
      "a date that is none",
      table("{ principal: alice, action: order:read, row: { paidAt: 2026-01-01 }, expect: allow }"),
      10,
    ],
    ["an attribute of another type in a named row", `${head.replace('id: "1"', "id: 1")}  - ${good}\n`, 7],
    [
      "changes of no row",
      table(
        "{ principal: alice, action: order:update, changes: { total: 1 }, expect: deny, code: row_denied }",
      ),
      10,
    ],
    [
      "a creation given twice",
      table("{ principal: alice, action: order:create, row: hers, changes: { total: 1 }, expect: allow }"),
      10,
    ],
    ["no expectation", table("{ principal: alice, action: order:read, row: hers }"), 10],
    [
      "an expectation that is none",
      table("{ principal: alice, action: order:read, row: hers, expect: maybe }"),
      10,
    ],
    [
      "a denial without its reason",
      table("{ principal: alice, action: order:read, row: theirs, expect: deny }"),
      10,
    ],
    [
      "a reason that is none",
      table("{ principal: alice, action: order:read, row: theirs, expect: deny, code: no }"),
      10,
    ],
    [
      "a reason that no rule gives",
      table("{ principal: alice, action: order:read, row: theirs, expect: deny, code: rate_limited }"),
      10,
    ],
    [
      "a reason for what is allowed",
      table("{ principal: alice, action: order:read, row: hers, expect: allow, code: not_found }"),
      10,
    ],
    [
      "a role for what is denied",
      table(
        "{ principal: alice, action: order:read, row: theirs, expect: deny, code: not_found, role: user }",
      ),
      10,
    ],
    [
      "fields of another denial",
      table(
        "{ principal: alice, action: order:read, row: theirs, expect: deny, code: not_found, fields: [id] }",
      ),
      10,
    ],
    [
      "a level that is none",
      table("{ principal: alice, action: order:read, acr: blood, expect: allow }"),
      10,
    ],
    [
      "a duration that is none",
      table("{ principal: alice, action: order:read, signedInAgo: soon, expect: allow }"),
      10,
    ],
    ["a time that is none", `at: today\ndecisions:\n  - ${good}\n`, 1],
    [
      "an alias",
      table(
        "&one { principal: alice, action: order:read, row: &row { id: x }, expect: allow }",
        "{ principal: alice, action: order:read, row: *row, expect: allow }",
      ),
      11,
    ],
    ["a tag of its own", table("{ principal: alice, action: !secret order:read, expect: allow }"), 10],
    ["no decisions", "principals: {}\n", 1],
    ["an empty list of decisions", "decisions: []\n", 1],
    ["decisions that are no list", "decisions: {}\n", 1],
  ];
  for (const [name, text, line] of mistakes) {
    test(`is refused for ${name}, with the line`, () => {
      assert.throws(
        () => decisionsOf(text),
        (error) => {
          assert.ok(error instanceof UserMistake, String(error));
          assert.match(error.message, new RegExp(`^table\\.yaml:${line}: [^\\n]+$`));
          return true;
        },
      );
    });
  }

  test("asks the policy engine, and can be run without it", async () => {
    const text = `at: "2026-01-01T10:00:00Z"
principals: { carl: { roles: [clerk] } }
rows: { one: { id: "1", total: 5 } }
decisions:
  - { principal: carl, action: order:delete, row: one, expect: allow }
  - { principal: carl, action: order:delete, row: one, at: "2026-01-01T20:00:00Z", expect: deny, code: policy_denied, policy: outside_office_hours }
  - { principal: carl, action: order:delete, row: one, at: "2026-01-01T20:00:00Z", expect: deny, code: policy_denied, policy: another_word }
  - { principal: carl, action: order:update, row: one, changes: { total: 6 }, expect: deny, code: unavailable }
`;
    const roles = contractRoles(governed);
    const decisions = parseTable(text, "table.yaml").decisions(governed, roles);
    const run = async (withoutPolicy: boolean) =>
      (await runTable(decisions, createExplain(governed, { roles, withoutPolicy }))).map(
        ({ difference }) => difference,
      );
    const wrongWord = "expected the policy to say another_word, and it says outside_office_hours";
    assert.deepEqual(await run(false), [undefined, undefined, wrongWord, undefined]);
    assert.deepEqual((await run(true)).slice(1), [
      "expected deny policy_denied, and it is allow",
      "expected deny policy_denied, and it is allow",
      "expected deny unavailable, and it is allow",
    ]);
  });

  test("is refused where it is empty", () => assert.throws(() => decisionsOf(""), UserMistake));
});
