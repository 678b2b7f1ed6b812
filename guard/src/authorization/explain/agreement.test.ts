/**
 * What `explain` answers is what the guard does, and what the guard has recorded is what it answers again: over random
 * contracts, principals, rows and writes.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { questionOf, readDecisionRecord } from "../../recording/read-record.ts";
import { contractRoles, createExplain } from "./explain.ts";
import { createGuardedQuestions } from "./testing/guarded-question.ts";
import { contractParts, createContract, question, roleChanges } from "./testing/random-contract.ts";

test("explain answers what the whole guard answers, with the grants that say so", async () => {
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(
      contractParts,
      roleChanges,
      fc.array(question, { minLength: 8, maxLength: 8 }),
      async (parts, changes, questions) => {
        const security = createContract(parts);
        const roles = contractRoles(security);
        roles.apply(changes);
        const explain = createExplain(security, { roles });
        const guarded = createGuardedQuestions(security, changes);
        try {
          for (const one of questions) {
            const { record, passed } = await guarded.ask(one);
            const explained = await explain(one);
            const { effect, code, by, policy } = explained;
            assert.deepEqual(
              { effect, code, by },
              { effect: record.effect, code: record.code, by: record.by },
            );
            assert.equal(passed, effect === "allow");
            const counts = explained.grants.some(
              ({ outcome }) => outcome === "covers" || outcome === "grants",
            );
            const readsFirst = one.row !== undefined && one.permission !== "thing:read";
            const reads = !readsFirst || explained.reading.some(({ outcome }) => outcome === "covers");
            if (effect === "allow") assert.ok(counts && reads, "a grant allows it");
            // What a route itself demands is no grant's doing.
            else if (by === "policy")
              assert.ok(policy?.outcome === "denies" || policy?.outcome === "unavailable");
            else if (code !== "step_up_needed") assert.ok(!(counts && reads), "no grant allows it");
            assert.notEqual(explained.reason, "");
            const replayed = questionOf(
              security,
              readDecisionRecord(JSON.parse(JSON.stringify(record)), "record"),
            );
            assert.ok(replayed);
            const again = await explain(replayed);
            assert.deepEqual([again.effect, again.code, again.by], [effect, code, by], "replayed");
            seen.set(`${code} by ${by}`, (seen.get(`${code} by ${by}`) ?? 0) + 1);
          }
        } finally {
          guarded.close();
        }
      },
    ),
    { numRuns: 300 },
  );
  // The worlds are wide enough only if every way to decide is met.
  for (const way of [
    "allowed by row",
    "permission_denied by permission",
    "step_up_needed by assurance",
    "not_found by row",
    "row_denied by row",
    "fields_denied by row",
    "allowed by policy",
    "policy_denied by policy",
    "not_found by policy",
    "unavailable by policy",
  ]) {
    assert.ok((seen.get(way) ?? 0) > 2, `${way}: ${JSON.stringify([...seen])}`);
  }
});
