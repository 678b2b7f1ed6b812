/** OAuth scopes: what a token's `scope` limits it to, and which declarations are refused. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compileScopes, type ScopeOptions } from "./scopes.ts";

const permissions = new Map(
  ["order:read", "order:update", "invoice:read"].map((name, index) => [name, index]),
);
const compile = (options?: ScopeOptions) => compileScopes(options, permissions, "security.scopes");

describe("scopes, where the contract declares none", () => {
  const { names, permissionsOf } = compile();
  const cases: readonly { readonly claim: unknown; readonly limits: readonly string[] | undefined }[] = [
    { claim: undefined, limits: undefined },
    { claim: "", limits: undefined },
    { claim: "openid email", limits: undefined },
    { claim: "order:read", limits: ["order:read"] },
    { claim: "openid order:read invoice:read", limits: ["order:read", "invoice:read"] },
    { claim: ["order:read", "profile"], limits: ["order:read"] },
    { claim: "order:readx", limits: undefined },
    { claim: "ORDER:READ", limits: undefined },
    { claim: "__proto__ constructor", limits: undefined },
    { claim: 7, limits: undefined },
    { claim: { "order:read": true }, limits: undefined },
    { claim: [7, null, "order:read"], limits: ["order:read"] },
  ];
  for (const { claim, limits } of cases) {
    test(`${JSON.stringify(claim)} limits to ${limits?.join(", ") ?? "nothing less"}`, () => {
      assert.deepEqual(permissionsOf(claim), limits);
    });
  }

  test("are the permissions", () => assert.deepEqual(names, [...permissions.keys()]));
});

describe("scopes that the contract declares", () => {
  const { names, permissionsOf } = compile({
    orders: ["order:read", "order:update"],
    "https://shop.example/all": ["order:read", "invoice:read"],
    profile: [],
  });
  const cases: readonly { readonly claim: unknown; readonly limits: readonly string[] }[] = [
    { claim: undefined, limits: [] },
    { claim: "openid", limits: [] },
    { claim: "profile", limits: [] },
    { claim: "orders", limits: ["order:read", "order:update"] },
    { claim: "order:read", limits: ["order:read"] },
    { claim: "https://shop.example/all", limits: ["order:read", "invoice:read"] },
  ];
  for (const { claim, limits } of cases) {
    test(`are asked for: ${JSON.stringify(claim)} is ${limits.join(", ") || "nothing"}`, () => {
      assert.deepEqual(permissionsOf(claim), limits);
    });
  }

  test("come beside the permissions", () => {
    assert.deepEqual(names, [...permissions.keys(), "orders", "https://shop.example/all", "profile"]);
  });

  const refused: readonly { readonly name: string; readonly options: unknown; readonly code: string }[] = [
    { name: "an unknown permission", options: { all: ["order:own"] }, code: "permission_unknown" },
    { name: "the name of a permission", options: { "order:read": ["order:update"] }, code: "option_invalid" },
    { name: "a name with a space", options: { "two words": [] }, code: "option_invalid" },
    { name: "a name with a quote", options: { 'a"b': [] }, code: "option_invalid" },
    { name: "a name with a backslash", options: { "a\\b": [] }, code: "option_invalid" },
    { name: "an empty name", options: { "": [] }, code: "option_invalid" },
    { name: "no list", options: { all: "order:read" }, code: "option_invalid" },
  ];
  for (const { name, options, code } of refused) {
    test(`are refused: ${name}`, () => {
      assert.throws(() => compile(options as ScopeOptions), { name: "ContractError", code });
    });
  }
});
