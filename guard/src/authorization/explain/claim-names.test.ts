import assert from "node:assert/strict";
import { test } from "node:test";
import { defineSecurity } from "../../contract/define-security.ts";
import { resource } from "../../contract/resource.ts";
import { all, not, principal } from "../conditions/condition.ts";
import { claimNames } from "./claim-names.ts";
import { contractRoles } from "./explain.ts";

const order = resource("order", {
  actions: ["create", "read"],
  attributes: { id: "string", team: "string", region: "string" },
});
const { where } = order;

test("the claims that rules name are those of conditions, of what writes set, and of grants that are kept elsewhere", () => {
  const security = defineSecurity({
    issuer: "http://localhost:3000",
    audience: "http://localhost:3000/api",
    resources: [order],
    database: "sqlite",
    roles: {
      user: {
        grants: [
          order.allow("read", {
            where: all(where.id.eq(principal.id), not(where.team.in(principal.claim("teams")))),
          }),
          order.allow("create", { set: { region: principal.claim("region") } }),
          order.deny("read", { where: where.team.in(["a", principal.claim("blocked")]) }),
        ],
      },
    },
    conditions: { named: where.team.startsWith(principal.claim("prefix")) },
  });
  const roles = contractRoles(security);
  const ofContract = ["teams", "region", "blocked", "prefix"];
  assert.deepEqual([...claimNames(security, roles)].sort(), ofContract.toSorted());
  const set = (claim: string) =>
    ({ effect: "allow", permission: "order:create", set: { region: { claim } } }) as const;
  roles.apply({
    since: 0,
    version: 1,
    complete: true,
    roles: { custom: { extends: [], grants: [set("ofCustom")] } },
    subjects: [{ kind: "client", id: "shop", grants: [set("ofDirect")] }],
  });
  assert.deepEqual(
    [...claimNames(security, roles)].sort(),
    [...ofContract, "ofCustom", "ofDirect"].toSorted(),
  );
});
