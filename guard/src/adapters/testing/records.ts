/** What every adapter records of decisions, over real HTTP. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { DecisionRecord } from "../../pipeline/decision-record.ts";
import { withToken } from "../../testing/http.ts";
import { createIssuer } from "../../testing/issuer.ts";
import type { Build } from "./behaviour.ts";
import { createTestSecurity, testRoutes } from "./behaviour-routes.ts";

export function describeRecords(framework: string, build: Build): void {
  describe(`records of decisions under ${framework}`, () => {
    const issuer = createIssuer();
    const mint = (roles: readonly string[], claims = {}) =>
      withToken(issuer.mint({ roles, claims: { team: "red", email: "alice@example.com", ...claims } }));
    const json = (init: RequestInit, method: string, body: unknown): RequestInit => ({
      method,
      headers: { ...(init.headers as Record<string, string>), "content-type": "application/json" },
      body: JSON.stringify(body),
    });

    test("are made once for each decision about a permission, allowed or denied, and of nothing else", async (t) => {
      const records: DecisionRecord[] = [];
      const errors: unknown[] = [];
      const server = await build(
        {
          security: createTestSecurity(issuer),
          now: issuer.clock.now,
          onError: (error) => void errors.push(error),
          onDecision: (record) => void records.push(record),
        },
        testRoutes,
      );
      t.after(() => server.close());
      const user = mint(["user"]);
      const ask = async (path: string, init?: RequestInit) => {
        records.length = 0;
        const signal = AbortSignal.timeout(10_000);
        const { status } = await fetch(`${server.origin}${path}`, { signal, ...init });
        return { status, records: [...records] };
      };
      const decidedAs = async (path: string, init: RequestInit) => {
        const { status, records: made } = await ask(path, init);
        assert.equal(made.length, 1, path);
        const [{ permission, effect, code, by } = {} as DecisionRecord] = made;
        return [status, permission, effect, code, by];
      };

      assert.deepEqual(await decidedAs("/orders/1", user), [200, "order:read", "allow", "allowed", "row"]);
      assert.deepEqual(await decidedAs("/orders/2", user), [404, "order:read", "deny", "not_found", "row"]);
      assert.deepEqual(await decidedAs("/orders/1", { ...user, method: "DELETE" }), [
        403,
        "order:delete",
        "deny",
        "permission_denied",
        "permission",
      ]);
      assert.deepEqual(await decidedAs("/orders", user), [
        200,
        "order:read",
        "allow",
        "allowed",
        "permission",
      ]);
      const patch = (body: unknown) => decidedAs("/orders/1", json(user, "PATCH", body));
      assert.deepEqual(await patch({ total: 5 }), [200, "order:update", "allow", "allowed", "row"]);
      assert.deepEqual(await patch({ ownerId: "bob" }), [
        403,
        "order:update",
        "deny",
        "fields_denied",
        "row",
      ]);
      assert.deepEqual(await patch({ total: -1 }), [
        422,
        "order:update",
        "deny",
        "validation_failed",
        "validate",
      ]);

      const { records: invalid } = await ask("/orders/1", json(user, "PATCH", { total: -1 }));
      assert.deepEqual(
        [invalid[0]?.row, invalid[0]?.changes],
        [undefined, undefined],
        "nothing was asked about",
      );

      for (const path of ["/health", "/nowhere"]) assert.deepEqual((await ask(path)).records, [], path);
      assert.deepEqual((await ask("/me", user)).records, [], "no permission was decided");
      assert.deepEqual((await ask("/orders/1")).records, [], "nobody asked");
      assert.deepEqual((await ask("/orders/1", { ...user, method: "OPTIONS" })).records, [], "a preflight");
      assert.deepEqual(errors, []);
    });

    test("are plain JSON: no token, no claim and no value beyond what the rule names", async (t) => {
      const records: DecisionRecord[] = [];
      const server = await build(
        {
          security: createTestSecurity(issuer),
          now: issuer.clock.now,
          onDecision: (record) => void records.push(record),
        },
        testRoutes,
      );
      t.after(() => server.close());
      const init = json(mint(["manager"]), "PATCH", { total: 7 });
      await fetch(`${server.origin}/orders/1`, init);
      const [record] = records;
      assert.deepEqual(JSON.parse(JSON.stringify(record)), {
        time: new Date(issuer.clock.now()).toISOString(),
        principal: { id: "alice", kind: "account", roles: ["manager"], claims: { team: "red" } },
        permission: "order:update",
        row: { id: "1", ownerId: "alice", team: "red", status: "open", total: 10 },
        changes: { total: 7 },
        effect: "allow",
        code: "allowed",
        by: "row",
      });
    });

    test("that fail change no answer, and are told of as errors", async (t) => {
      const errors: unknown[] = [];
      const server = await build(
        {
          security: createTestSecurity(issuer),
          now: issuer.clock.now,
          onError: (error) => void errors.push(error),
          onDecision() {
            throw new Error("The disk is full.");
          },
        },
        testRoutes,
      );
      t.after(() => server.close());
      const user = mint(["user"]);
      assert.equal((await fetch(`${server.origin}/orders/1`, user)).status, 200);
      assert.equal((await fetch(`${server.origin}/orders/2`, user)).status, 404);
      // Fastify has a log of its own.
      if (framework !== "Fastify") assert.equal(errors.length, 2);
    });
  });
}
