/** Who may, answered from the rule that decides. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ContractError } from "../../contract/refusal.ts";
import { contractRoles } from "./explain.ts";
import { adam, alice, asker, mona, row, security } from "./testing/orders.ts";
import { thoseWhoCan } from "./those-who-can.ts";
import { type WhoCan, whoCan } from "./who-can.ts";

const texts = ({ roles }: WhoCan) => Object.fromEntries(roles.map(({ role, text }) => [role, text]));

describe("who can", () => {
  test("names the principals that a known row leaves", () => {
    assert.deepEqual(texts(whoCan(security, "order:read", row())), {
      user: 'principal.id = "alice"',
      manager: 'principal.id = "alice" or claim team = "red"',
      admin: "anyone",
      suspended: "no one",
    });
  });

  test("asks for the row to be read as well as changed", () => {
    assert.deepEqual(texts(whoCan(security, "order:update", row())), {
      user: 'principal.id = "alice"',
      manager: 'principal.id = "alice"',
      admin: 'principal.id = "alice"',
      suspended: "no one",
    });
    assert.deepEqual(texts(whoCan(security, "order:update", row({ status: "paid" }))).user, "no one");
  });

  test("weighs what a write sends, and what it leaves", () => {
    const update = (changes: Readonly<Record<string, unknown>>) =>
      texts(whoCan(security, "order:update", row(), { changes })).user;
    assert.equal(update({ total: 5 }), 'principal.id = "alice"');
    assert.equal(update({ team: "blue" }), "no one");
    assert.equal(update({ status: "paid" }), "no one");
  });

  test("names what a creation's own values ask of the principal", () => {
    const create = (changes: Readonly<Record<string, unknown>>) =>
      texts(whoCan(security, "order:create", undefined, { changes })).user;
    assert.equal(create({ status: "draft" }), "has claim team");
    assert.match(create({ status: "draft", ownerId: "bob" }) ?? "", /principal\.id = "bob"/);
    assert.equal(create({ status: "paid" }), "no one");
  });

  test("tells what a grant demands of the sign-in, and whom a denial bars", () => {
    const admin = whoCan(security, "order:delete", row()).roles.find(({ role }) => role === "admin");
    assert.equal(admin?.answer, "always");
    assert.deepEqual(
      admin?.ways.map(({ role, assurance, maxAge }) => ({ role, assurance, maxAge })),
      [{ role: "admin", assurance: "mfa", maxAge: "15m" }],
    );
    const paid = whoCan(security, "order:delete", row({ status: "paid" })).roles;
    assert.deepEqual(
      paid.filter(({ bars }) => bars !== undefined).map(({ role, answer, bars }) => ({ role, answer, bars })),
      [
        { role: "admin", answer: "never", bars: "anyone" },
        // Whoever holds it may read no row, whatever else they hold.
        { role: "suspended", answer: "never", bars: "anyone" },
      ],
    );
  });

  test("counts custom roles, and what is granted to one account or client", () => {
    const roles = contractRoles(security);
    roles.apply({
      since: 0,
      version: 1,
      complete: true,
      roles: {
        auditor: { extends: [], grants: [{ effect: "allow", permission: "order:read", where: "isPaid" }] },
      },
      subjects: [
        {
          kind: "account",
          id: "alice",
          grants: [{ effect: "deny", permission: "order:read", where: "own" }],
        },
        { kind: "client", id: "billing", grants: [{ effect: "allow", permission: "order:read" }] },
        { kind: "client", id: "other", grants: [{ effect: "allow", permission: "order:create" }] },
      ],
    });
    const answers = whoCan(security, "order:read", row({ status: "paid" }), { roles });
    const auditor = answers.roles.find(({ role }) => role === "auditor");
    assert.deepEqual([auditor?.text, auditor?.custom], ["anyone", true]);
    assert.deepEqual(
      answers.direct.map(({ subject, text, bars }) => ({ id: subject.id, text, bars })),
      [
        { id: "alice", text: "no one", bars: "anyone" },
        { id: "billing", text: "anyone", bars: undefined },
      ],
    );
  });

  test("says who would act if something else let them read the row", () => {
    const roles = contractRoles(security);
    const grants = [{ effect: "allow", permission: "order:update" }] as const;
    roles.apply({
      since: 0,
      version: 1,
      complete: true,
      roles: { editor: { extends: [], grants } },
      subjects: [],
    });
    const editor = whoCan(security, "order:update", row(), { roles }).roles.find(
      ({ role }) => role === "editor",
    );
    assert.deepEqual([editor?.text, editor?.withReading], ["no one", "anyone"]);
  });

  test("covers nothing for a row that cannot be decided", () => {
    assert.deepEqual(texts(whoCan(security, "order:read", { id: "7" })), {
      user: "no one",
      manager: "no one",
      admin: "anyone",
      suspended: "no one",
    });
  });

  test("is refused for a permission that is none", () => {
    assert.throws(
      () => whoCan(security, "order:burn", row()),
      (error) => error instanceof ContractError && error.code === "permission_unknown",
    );
  });
});

describe("of these principals, those who can", () => {
  const people = [alice, mona, adam, asker("bob", ["user"]), asker("eve", ["admin", "suspended"])];

  test("are found by the pipeline's own decision", async () => {
    const found = await thoseWhoCan(security, { permission: "order:read", row: row() }, people);
    assert.deepEqual(
      found.map(({ principal: { id }, needsStepUp }) => [id, needsStepUp]),
      [
        ["alice", false],
        ["mona", false],
        ["adam", false],
      ],
    );
  });

  test("are those who could with the best sign-in, and need to", async () => {
    const found = await thoseWhoCan(security, { permission: "order:delete", row: row() }, people);
    assert.deepEqual(
      found.map(({ principal: { id }, needsStepUp }) => [id, needsStepUp]),
      [["adam", true]],
    );
  });
});
