/** Explanations, as a person reads them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ContractError } from "../../contract/refusal.ts";
import { decidingStages, type Question } from "../../pipeline/decide.ts";
import { stages } from "../../pipeline/stages.ts";
import { contractRoles, type Explanation, explain } from "./explain.ts";
import { adam, alice, asker, mona, row, security } from "./testing/orders.ts";

const nowMs = Date.UTC(2026, 0, 1);
const ask = (question: Question) => explain(security, { nowMs, ...question });
const outcomes = ({ grants }: Explanation) => grants.map(({ role, outcome }) => `${role}: ${outcome}`);

test("explain runs every stage of the pipeline that decides what a caller may do", () => {
  // Before them: who calls, and how often. Beside them: whether what is sent is valid.
  const others = ["transport", "cors", "limit-address", "authenticate", "limit-principal", "validate"];
  const deciding = stages.filter(({ name }) => !others.includes(name));
  assert.deepEqual(
    decidingStages.map(({ name, compile }) => ({ name, compile })),
    deciding.map(({ name, compile }) => ({ name, compile })),
  );
});

describe("an explanation", () => {
  const cases: readonly {
    readonly name: string;
    readonly question: Question;
    readonly code: string;
    readonly outcomes: readonly string[];
    readonly because: readonly string[];
  }[] = [
    {
      name: "names the grant that covers the row, and what was compared",
      question: { principal: alice, permission: "order:read", row: row() },
      code: "allowed",
      outcomes: ["user: covers"],
      because: ['ownerId = principal.id: true (the row has "alice", compared with "alice")'],
    },
    {
      name: "says of another's row why no grant covers it",
      question: { principal: alice, permission: "order:read", row: row({ ownerId: "bob" }) },
      code: "not_found",
      outcomes: ["user: row"],
      because: ['ownerId = principal.id: false (the row has "bob", compared with "alice")'],
    },
    {
      name: "names the inherited grant that covers the row",
      question: { principal: mona, permission: "order:read", row: row({ ownerId: "bob" }) },
      code: "allowed",
      outcomes: ["user: row", "manager: covers"],
      because: ['team = claim team: true (the row has "red", compared with "red")'],
    },
    {
      name: "shows a claim that is not there as null",
      question: { principal: asker("mona", ["manager"], {}), permission: "order:read", row: row() },
      code: "not_found",
      outcomes: ["user: row", "manager: row"],
      because: [
        'ownerId = principal.id: false (the row has "alice", compared with "mona")',
        'team = claim team: false (the row has "red", compared with null)',
      ],
    },
    {
      name: "names only the branch that was false",
      question: { principal: alice, permission: "order:update", row: row({ status: "paid" }), changes: {} },
      code: "row_denied",
      outcomes: ["user: row"],
      because: ['status in ("draft", "open"): false (the row has "paid", compared with ("draft", "open"))'],
    },
    {
      name: "tells a row that is covered before, and not after",
      question: { principal: alice, permission: "order:update", row: row(), changes: { status: "paid" } },
      code: "row_denied",
      outcomes: ["user: after"],
      because: ['status in ("draft", "open"): false (the row has "paid", compared with ("draft", "open"))'],
    },
    {
      name: "tells the fields that no grant lets be set",
      question: {
        principal: alice,
        permission: "order:update",
        row: row(),
        changes: { team: "blue", total: 1 },
      },
      code: "fields_denied",
      outcomes: ["user: fields"],
      because: [
        'ownerId = principal.id: true (the row has "alice", compared with "alice")',
        'status in ("draft", "open"): true (the row has "open", compared with ("draft", "open"))',
      ],
    },
    {
      name: "tells a claim that a write would set and that is missing",
      question: {
        principal: asker("alice", ["user"], {}),
        permission: "order:create",
        changes: { status: "draft" },
      },
      code: "row_denied",
      outcomes: ["user: claim"],
      because: [],
    },
    {
      name: "tells a row that cannot be decided",
      question: { principal: alice, permission: "order:read", row: { id: "7" } },
      code: "not_found",
      outcomes: ["user: undecidable"],
      because: ["ownerId = principal.id: The row's `ownerId` is not a string."],
    },
    {
      name: "tells a demand that the sign-in does not meet",
      question: { principal: adam, permission: "order:delete", row: row(), acr: "password" },
      code: "step_up_needed",
      outcomes: ["admin: demand", "admin: spares"],
      because: [],
    },
    {
      name: "tells the same demand met",
      question: {
        principal: adam,
        permission: "order:delete",
        row: row(),
        acr: "mfa",
        authenticatedAtMs: nowMs - 60_000,
      },
      code: "allowed",
      outcomes: ["admin: covers", "admin: spares"],
      because: [],
    },
    {
      name: "names the denial that bars what a grant would allow",
      question: {
        principal: adam,
        permission: "order:delete",
        row: row({ status: "paid" }),
        acr: "mfa",
        authenticatedAtMs: nowMs,
      },
      code: "row_denied",
      outcomes: ["admin: barred", "admin: bars"],
      because: ['status = "paid": true (the row has "paid", compared with "paid")'],
    },
    {
      name: "names the denial that bars every row",
      question: { principal: asker("eve", ["admin", "suspended"]), permission: "order:read", row: row() },
      code: "permission_denied",
      outcomes: ["user: row", "manager: barred", "admin: barred", "suspended: bars"],
      because: [],
    },
    {
      name: "tells a permission that the credential's scopes leave out",
      question: { principal: adam, permission: "order:read", row: row(), scopes: ["order:update"] },
      code: "permission_denied",
      outcomes: ["user: scope", "manager: scope", "admin: scope"],
      because: [],
    },
    {
      name: "tells a permission that nothing grants",
      question: { principal: alice, permission: "order:delete", row: row() },
      code: "permission_denied",
      outcomes: [],
      because: [],
    },
    {
      name: "of a list tells what grants it at all",
      question: { principal: alice, permission: "order:read" },
      code: "allowed",
      outcomes: ["user: grants"],
      because: [],
    },
  ];
  for (const { name, question, code, outcomes: expected, because } of cases) {
    test(name, async () => {
      const explanation = await ask(question);
      assert.equal(explanation.code, code);
      assert.equal(explanation.effect, code === "allowed" ? "allow" : "deny");
      assert.deepEqual(outcomes(explanation), expected);
      assert.deepEqual(explanation.because, because);
    });
  }

  test("tells how a role is held through others", async () => {
    const { grants } = await ask({
      principal: adam,
      permission: "order:read",
      row: row({ ownerId: "adam" }),
    });
    assert.deepEqual(
      grants.map(({ via }) => via),
      [["admin", "manager", "user"], ["admin", "manager"], ["admin"]],
    );
  });

  test("tells why the row may not be read, where another permission was asked for", async () => {
    const foreign = {
      principal: alice,
      permission: "order:update",
      row: row({ ownerId: "bob" }),
      changes: {},
    };
    const { code, reading } = await ask(foreign);
    assert.equal(code, "not_found");
    assert.deepEqual(
      reading.map(({ permission, outcome }) => `${permission} ${outcome}`),
      ["order:read row"],
    );
    const { code: found, reading: own } = await ask({ ...foreign, row: row() });
    assert.equal(found, "allowed");
    assert.deepEqual(
      own.map(({ outcome }) => outcome),
      ["covers"],
    );
  });

  test("traces every branch with its value", async () => {
    const { grants } = await ask({ principal: alice, permission: "order:update", row: row(), changes: {} });
    const { trace } = grants[0] ?? {};
    assert.equal(trace?.text, 'ownerId = principal.id and status in ("draft", "open")');
    assert.equal(trace?.value, true);
    assert.deepEqual(
      trace?.children.map(({ text, value, compared }) => [text, value, compared?.row]),
      [
        ["ownerId = principal.id", true, '"alice"'],
        ['status in ("draft", "open")', true, '"open"'],
      ],
    );
  });

  test("gives what a write may write, the grant's own values among them", async () => {
    const question = { principal: alice, permission: "order:create", changes: { status: "draft", total: 5 } };
    assert.deepEqual((await ask(question)).values, {
      status: "draft",
      total: 5,
      ownerId: "alice",
      team: "red",
    });
    const foreign = await ask({ ...question, changes: { status: "draft", ownerId: "bob" } });
    assert.deepEqual(
      [foreign.code, foreign.fields, foreign.values],
      ["fields_denied", ["ownerId"], undefined],
    );
  });

  test("counts custom roles and direct grants, and names roles that nobody knows", async () => {
    const roles = contractRoles(security);
    roles.apply({
      since: 0,
      version: 1,
      complete: true,
      roles: {
        auditor: { extends: [], grants: [{ effect: "allow", permission: "order:read", where: "isPaid" }] },
      },
      subjects: [
        { kind: "account", id: "bob", grants: [{ effect: "deny", permission: "order:read", where: "own" }] },
        { kind: "client", id: "bob", grants: [{ effect: "allow", permission: "order:read" }] },
      ],
    });
    const read = (principal: Question["principal"], changes = {}) =>
      explain(security, { principal, permission: "order:read", row: row(changes), nowMs }, { roles });
    const audited = await read(asker("eve", ["auditor", "ghost"]), { status: "paid" });
    assert.deepEqual([audited.code, audited.unknownRoles], ["allowed", ["ghost"]]);
    assert.equal((await read(asker("eve", ["auditor"]))).code, "not_found");

    const barred = await read(asker("bob", ["admin"]), { ownerId: "bob" });
    assert.equal(barred.code, "not_found");
    assert.deepEqual(
      barred.grants.map(({ role, outcome }) => `${role}: ${outcome}`),
      ["user: barred", "manager: barred", "admin: barred", "undefined: bars"],
    );
    assert.equal((await read({ ...asker("bob", []), kind: "client" })).code, "allowed");
  });

  const impossible: readonly { readonly name: string; readonly question: Question; readonly code: string }[] =
    [
      {
        name: "a permission that is none",
        question: { principal: alice, permission: "order:burn" },
        code: "permission_unknown",
      },
      {
        name: "a resource that is none",
        question: { principal: alice, permission: "toString:read" },
        code: "permission_unknown",
      },
      {
        name: "a row for what is to be created",
        question: { principal: alice, permission: "order:create", row: row() },
        code: "option_invalid",
      },
      {
        name: "changes of no row",
        question: { principal: alice, permission: "order:update", changes: {} },
        code: "option_invalid",
      },
      {
        name: "a level that is none",
        question: { principal: alice, permission: "order:read", demand: { assurance: "blood" } },
        code: "assurance_unknown",
      },
    ];
  for (const { name, question, code } of impossible) {
    test(`is refused for ${name}`, async () => {
      await assert.rejects(ask(question), (error) => error instanceof ContractError && error.code === code);
    });
  }
});
