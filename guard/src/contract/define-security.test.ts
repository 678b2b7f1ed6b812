import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { principal } from "../authorization/conditions/condition.ts";
import { defineSecurity } from "./define-security.ts";
import { type ContractError, refusals } from "./refusal.ts";
import { resource } from "./resource.ts";
import { checkRoute } from "./route.ts";

const order = resource("order", {
  actions: ["create", "read"],
  attributes: { id: "string", ownerId: "string", total: "number" },
});
const customer = resource("customer", { actions: ["read"], attributes: { id: "string" } });

const sound = {
  issuer: "https://issuer.example",
  audience: "https://api.example",
  resources: [order],
  roles: { user: { grants: [order.allow("read", { where: order.where.ownerId.eq(principal.id) })] } },
} as const;

/** A value that the types would refuse, as a JavaScript caller may pass it. */
const untyped = (value: unknown) => value as never;

const schema = {
  "~standard": { version: 1, vendor: "test", validate: (value: unknown) => ({ value }) },
} as const;

describe("a contract", () => {
  test("that is sound is accepted, and frozen", () => {
    const security = defineSecurity(sound);
    assert.deepEqual(security.permissions, ["order:create", "order:read"]);
    assert.ok(Object.isFrozen(security));
  });

  const refused = [
    { name: "with an option it does not have", change: { origins: [] }, code: "option_unknown" },
    {
      name: "whose issuer is plain http off loopback",
      change: { issuer: "http://issuer.example" },
      code: "issuer_invalid",
    },
    { name: "whose issuer is no URL", change: { issuer: "issuer" }, code: "issuer_invalid" },
    { name: "with a resource twice", change: { resources: [order, order] }, code: "resource_duplicate" },
    { name: "with an unsigned algorithm", change: { algorithms: ["ES256", "none"] }, code: "algorithm_none" },
    {
      name: "with HMAC beside public keys",
      change: { algorithms: ["RS256", "HS256"] },
      code: "algorithm_mixed",
    },
    { name: "with HMAC alone", change: { algorithms: ["HS256"] }, code: "algorithm_unknown" },
    { name: "with no algorithm", change: { algorithms: [] }, code: "algorithm_unknown" },
    {
      name: "with `*` and credentials",
      change: { cors: { origins: ["*"], credentials: true } },
      code: "cors_wildcard_credentials",
    },
    {
      name: "with a path in an origin",
      change: { cors: { origins: ["https://shop.example/"] } },
      code: "cors_origin_invalid",
    },
    {
      name: "with `null` as an origin",
      change: { cors: { origins: ["null"] } },
      code: "cors_origin_invalid",
    },
    {
      name: "with a limit that cannot be read",
      change: { limits: { address: "600 per minute" } },
      code: "rate_invalid",
    },
    { name: "with a limit of nothing", change: { limits: { principal: "0/1m" } }, code: "rate_invalid" },
    { name: "with an unknown layer of limits", change: { limits: { ip: "600/1m" } }, code: "option_unknown" },
    {
      name: "with a role that extends none",
      change: { roles: { a: { extends: ["b"] } } },
      code: "role_unknown",
    },
    {
      name: "with roles in a circle",
      change: { roles: { a: { extends: ["b"] }, b: { extends: ["a"] } } },
      code: "role_cycle",
    },
    {
      name: "with a grant over an unlisted resource",
      change: { roles: { a: { grants: [customer.allow("read")] } } },
      code: "resource_unknown",
    },
    {
      name: "with an hour of clock tolerance",
      change: { clockToleranceSeconds: 3600 },
      code: "option_invalid",
    },
  ];
  for (const { name, change, code } of refused) {
    test(`${name} is refused as ${code}`, () => {
      assert.throws(() => defineSecurity(untyped({ ...sound, ...change })), { name: "ContractError", code });
    });
  }

  test("is refused with code, place and mend in one line", () => {
    assert.throws(
      () => defineSecurity({ ...sound, limits: { address: "many" } }),
      (error: ContractError) =>
        error.message ===
        `rate_invalid at security.limits.address: \`many\` is not a limit. ${refusals.rate_invalid}`,
    );
  });

  test("accepts http on loopback as issuer, for development", () => {
    for (const issuer of ["http://localhost:3000", "http://127.0.0.1:3000", "http://[::1]:3000"]) {
      assert.equal(defineSecurity({ ...sound, issuer }).issuer, issuer);
    }
  });
});

describe("a resource", () => {
  const refused = [
    {
      name: "an attribute with a quote in its name",
      make: () => resource("x", { actions: [], attributes: { 'a"b': "string" } }),
      code: "option_invalid",
    },
    {
      name: "an attribute of unknown type",
      make: () => resource("x", untyped({ actions: [], attributes: { a: "instant" } })),
      code: "option_invalid",
    },
    {
      name: "a grant of an unknown action",
      make: () => order.allow(untyped("destroy")),
      code: "action_unknown",
    },
    {
      name: "a grant that sets an unknown attribute",
      make: () => order.allow("create", untyped({ set: { nobody: "x" } })),
      code: "attribute_unknown",
    },
    {
      name: "a grant of unknown fields",
      make: () => order.allow("create", untyped({ fields: ["toString"] })),
      code: "attribute_unknown",
    },
    {
      name: "a grant with another resource's condition",
      make: () => order.allow("read", { where: customer.where.id.eq("x") }),
      code: "condition_foreign",
    },
    {
      name: "a grant with a misspelt option",
      make: () => order.allow("read", untyped({ when: 1 })),
      code: "option_unknown",
    },
    {
      name: "a comparison with another type",
      make: () => order.where.total.eq(untyped("5")),
      code: "condition_invalid",
    },
    {
      name: "a comparison with NaN",
      make: () => order.where.total.lt(Number.NaN),
      code: "condition_invalid",
    },
    { name: "membership in nothing", make: () => order.where.id.in([]), code: "condition_invalid" },
  ];
  for (const { name, make, code } of refused) {
    test(`refuses ${name} as ${code}`, () => {
      assert.throws(make, { name: "ContractError", code });
    });
  }
});

describe("a route", () => {
  const security = defineSecurity(sound);
  const check = (url: string, declaration: unknown) =>
    checkRoute({ method: "GET", url }, untyped(declaration), security);

  test("with a permission and a place for its rows is accepted", () => {
    assert.deepEqual(check("/orders", { permission: "order:read", list: true }).access, {
      permission: "order:read",
      index: 1,
    });
  });

  const refused = [
    { name: "that declares nothing", url: "/x", declaration: undefined, code: "route_undeclared" },
    {
      name: "that does not say who may call",
      url: "/x",
      declaration: { query: schema },
      code: "route_undeclared",
    },
    {
      name: "that declares a word other than public",
      url: "/x",
      declaration: "open",
      code: "option_invalid",
    },
    {
      name: "that is public and protected",
      url: "/x",
      declaration: { public: true, permission: "order:read" },
      code: "route_conflict",
    },
    {
      name: "with an unknown permission",
      url: "/x",
      declaration: { permission: "order:destroy", list: true },
      code: "permission_unknown",
    },
    {
      name: "with an unknown option",
      url: "/x",
      declaration: { authenticated: true, role: "admin" },
      code: "option_unknown",
    },
    {
      name: "that neither loads nor filters rows",
      url: "/x",
      declaration: { permission: "order:read" },
      code: "route_rows_undeclared",
    },
    {
      name: "that loads and lists",
      url: "/x",
      declaration: { permission: "order:read", list: true, resource: () => 1 },
      code: "route_conflict",
    },
    {
      name: "that creates from an undeclared body",
      url: "/x",
      declaration: { permission: "order:create" },
      code: "schema_missing",
    },
    {
      name: "with path parameters nothing validates",
      url: "/x/:id",
      declaration: { authenticated: true },
      code: "schema_missing",
    },
    {
      name: "with a schema of another kind",
      url: "/x",
      declaration: { authenticated: true, query: { type: "object" } },
      code: "schema_unsupported",
    },
    {
      name: "that is public and limits principals",
      url: "/x",
      declaration: { public: true, limits: { principal: "1/1s" } },
      code: "route_conflict",
    },
    {
      name: "with a limit that cannot be read",
      url: "/x",
      declaration: { public: true, limits: { address: "x" } },
      code: "rate_invalid",
    },
  ];
  for (const { name, url, declaration, code } of refused) {
    test(`${name} is refused as ${code}`, () => {
      assert.throws(() => check(url, declaration), { name: "ContractError", code });
    });
  }
});
