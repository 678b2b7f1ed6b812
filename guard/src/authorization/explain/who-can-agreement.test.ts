/** Who may, by partial evaluation, is who the pipeline lets: over random contracts, roles, rows and principals. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createDecider } from "../../pipeline/decide.ts";
import { contractRoles } from "./explain.ts";
import { isAmong } from "./principal-condition.ts";
import {
  asker,
  changes,
  contractParts,
  createContract,
  nowMs,
  oddRow,
  roleChanges,
} from "./testing/random-contract.ts";
import { principalsOf, whoCan } from "./who-can.ts";

const asked = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      permission: fc.constantFrom("thing:read", "thing:update", "thing:delete", "thing:approve"),
      row: oddRow,
      changes: fc.option(changes, { nil: undefined }),
    }),
  },
  fc.record({ permission: fc.constant("thing:create"), row: fc.constant(undefined), changes }),
);

const bestSignIn = { acr: "mfa", authenticatedAtMs: nowMs };

test("the principals left over by partial evaluation are those that the pipeline lets act", async () => {
  const seen = { allow: 0, deny: 0, named: 0 };
  await fc.assert(
    fc.asyncProperty(
      contractParts,
      roleChanges,
      fc.array(asked, { minLength: 4, maxLength: 4 }),
      fc.array(asker, { minLength: 4, maxLength: 4 }),
      async (parts, stored, questions, askers) => {
        const security = createContract(parts);
        const roles = contractRoles(security);
        roles.apply(stored);
        const decider = createDecider(security, roles, { withoutPolicy: true });
        for (const one of questions) {
          for (const principal of askers) {
            const { verdict } = await decider.decide({ ...one, ...bestSignIn, principal, nowMs });
            const when = principalsOf(security, one.permission, one.row, roles.grantsOf(principal), {
              changes: one.changes,
              nowMs,
            });
            assert.equal(isAmong(when, principal, nowMs), verdict.effect === "allow");
            seen[verdict.effect] += 1;
            if (when.kind !== "always" && when.kind !== "never") seen.named += 1;
          }
        }
      },
    ),
    { numRuns: 400 },
  );
  assert.ok(Math.min(seen.allow, seen.deny, seen.named) > 100, JSON.stringify(seen));
});

test("each role's answer, and each direct one, is about those who hold only that", async () => {
  await fc.assert(
    fc.asyncProperty(contractParts, roleChanges, asked, asker, async (parts, stored, one, someone) => {
      const security = createContract(parts);
      const roles = contractRoles(security);
      roles.apply(stored);
      const decider = createDecider(security, roles, { withoutPolicy: true });
      const { permission, row, changes: given } = one;
      const answers = whoCan(security, permission, row, { roles, changes: given, nowMs });
      for (const { role, when } of answers.roles) {
        const principal = { ...someone, kind: "client" as const, roles: [role] };
        const { verdict } = await decider.decide({ ...one, ...bestSignIn, principal, nowMs });
        assert.equal(isAmong(when, principal, nowMs), verdict.effect === "allow", role);
      }
      for (const { subject, when } of answers.direct) {
        const principal = { ...someone, ...subject, roles: [] };
        const { verdict } = await decider.decide({ ...one, ...bestSignIn, principal, nowMs });
        assert.equal(isAmong(when, principal, nowMs), verdict.effect === "allow", subject.id);
      }
    }),
    { numRuns: 400 },
  );
});
