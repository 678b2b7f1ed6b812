/** What someone may do, with their own values in the rule. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { compileDecision, RowShapeError } from "../conditions/decide.ts";
import { contractRoles } from "./explain.ts";
import { filled } from "./filled.ts";
import { adam, alice, asker, mona, security } from "./testing/orders.ts";
import { asker as anyone, condition, nowMs, row } from "./testing/random-contract.ts";
import { type WhatAnswer, whatCan } from "./what-can.ts";

const of = (answers: readonly WhatAnswer[], permission: string) => {
  const found = answers.find((answer) => answer.permission === permission);
  assert.ok(found);
  return found;
};
const wheres = ({ grants }: WhatAnswer) => grants.map(({ where }) => where);

describe("what someone can do", () => {
  test("is told for every permission, with their values", () => {
    const answers = whatCan(security, { principal: mona });
    assert.deepEqual(
      answers.map(({ permission, answer }) => `${permission} ${answer}`),
      ["order:create sometimes", "order:read sometimes", "order:update sometimes", "order:delete never"],
    );
    assert.deepEqual(wheres(of(answers, "order:read")), ['ownerId = "mona"', 'team = "red"']);
    const [update] = of(answers, "order:update").grants;
    assert.deepEqual(
      [update?.where, update?.fields, update?.via],
      ['ownerId = "mona" and status in ("draft", "open")', ["status", "total"], ["manager", "user"]],
    );
    assert.deepEqual(of(answers, "order:create").grants[0]?.set, { ownerId: '"mona"', team: '"red"' });
  });

  test("is nothing by a grant that needs a claim they lack", () => {
    const answers = whatCan(security, { principal: asker("mona", ["manager"], {}) });
    assert.deepEqual(wheres(of(answers, "order:read")), ['ownerId = "mona"', "no row"]);
    assert.equal(of(answers, "order:create").answer, "never");
  });

  test("tells whether demands are met, and what is denied", () => {
    const question = { principal: adam, nowMs };
    const bare = of(whatCan(security, question), "order:delete");
    assert.deepEqual([bare.answer, bare.grants[0]?.met], ["sometimes", false]);
    const strong = of(
      whatCan(security, { ...question, acr: "mfa", authenticatedAtMs: nowMs }),
      "order:delete",
    );
    assert.equal(strong.grants[0]?.met, true);
    assert.deepEqual(
      strong.denials.map(({ where }) => where),
      ['status = "paid"'],
    );
    assert.equal(of(whatCan(security, question), "order:read").answer, "always");
    const suspended = whatCan(security, { principal: asker("eve", ["admin", "suspended"]) });
    assert.equal(of(suspended, "order:read").answer, "never");
  });

  test("is narrowed by scopes, and widened by direct grants", () => {
    const scoped = whatCan(security, { principal: alice, scopes: ["order:update"] });
    assert.deepEqual(
      [of(scoped, "order:read").answer, of(scoped, "order:update").answer],
      ["never", "sometimes"],
    );
    const roles = contractRoles(security);
    roles.apply({
      since: 0,
      version: 1,
      complete: true,
      roles: {},
      subjects: [{ kind: "account", id: "alice", grants: [{ effect: "allow", permission: "order:read" }] }],
    });
    const direct = of(whatCan(security, { principal: alice }, { roles }), "order:read");
    assert.equal(direct.answer, "always");
    assert.deepEqual(
      direct.grants.map(({ role }) => role),
      ["user", undefined],
    );
  });

  test("covers, filled in, the same rows as the rule does for this principal", () => {
    const seen = { true: 0, false: 0 };
    fc.assert(
      fc.property(
        condition,
        anyone,
        fc.array(row, { minLength: 5, maxLength: 5 }),
        (rule, principal, rows) => {
          const decide = compileDecision(rule);
          const decideFilled = compileDecision(filled(rule, principal));
          for (const one of rows) {
            let expected: boolean;
            try {
              expected = decide(one, principal, nowMs);
            } catch (error) {
              assert.ok(error instanceof RowShapeError);
              continue;
            }
            assert.equal(decideFilled(one, { id: "nobody", claims: {} }, nowMs), expected);
            seen[`${expected}`] += 1;
          }
        },
      ),
      { numRuns: 1_000 },
    );
    assert.ok(Math.min(seen.true, seen.false) > 500, JSON.stringify(seen));
  });
});
