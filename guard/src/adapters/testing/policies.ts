/** What every adapter makes of a contract's policy, over real HTTP. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { PolicyEngine } from "../../authorization/policy/engine.ts";
import type { Resource } from "../../contract/resource.ts";
import { withToken } from "../../testing/http.ts";
import { createIssuer } from "../../testing/issuer.ts";
import { type Build, createCall } from "./behaviour.ts";
import { createTestSecurity, order as ordered, type TestRoute, testRoutes } from "./behaviour-routes.ts";

/** Refuses to change what is dear, lists only what is cheap, and cannot be asked on Sundays. */
const engine: PolicyEngine = {
  name: "test",
  permissions: ["order:update", "order:read"],
  async decide({ action, after, principal }) {
    if (principal.roles.includes("manager")) throw new Error("It is Sunday.");
    const dear = action === "update" && Number(after?.total) > 100;
    return dear ? { effect: "deny", reason: "secret", code: "too_dear" } : { effect: "allow", reason: "" };
  },
  filter: async () => ordered.where.total.eq(10),
};

export function describePolicies(framework: string, build: Build): void {
  describe(`a policy under ${framework}`, () => {
    const issuer = createIssuer();
    const security = createTestSecurity(issuer, { policy: engine, database: "sqlite" });
    const order = security.resources.get("order") as Resource;
    const listed: TestRoute = {
      method: "GET",
      path: "/filter",
      declaration: { permission: "order:read", list: true },
      handler: (call) => ({ body: call.allowed(order).toSql() }),
    };
    const mint = (role: string) => issuer.mint({ roles: [role], claims: { team: "red" } });

    test("denies with its word, in time, and narrows lists", async (t) => {
      const server = await build({ security, now: issuer.clock.now }, [...testRoutes, listed]);
      t.after(() => server.close());
      const call = createCall(server);
      const patch = (total: number) => call("/orders/1", withToken(mint("user"), "PATCH", { total }));
      assert.equal((await patch(50)).status, 200);
      const dear = await patch(500);
      assert.deepEqual(
        [dear.status, dear.json().code, dear.json().policy],
        [403, "policy_denied", "too_dear"],
      );
      assert.doesNotMatch(dear.text, /secret/);

      const failed = await call("/orders/1", withToken(mint("manager")));
      assert.deepEqual([failed.status, failed.headers.get("retry-after")], [503, "1"]);

      const { sql, params } = (await call("/filter", withToken(mint("user")))).json();
      assert.deepEqual([sql, params], ['("ownerId" = ? and "total" = ?)', ["alice", 10]]);
    });
  });
}
