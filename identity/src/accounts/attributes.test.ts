/** What may go into tokens. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseClaims, requireRoles, serializeClaims } from "./attributes.ts";

describe("roles", () => {
  it("are sorted, each once", () => {
    assert.deepEqual(requireRoles(["user", "admin", "user"], "account.roles"), ["admin", "user"]);
  });
  for (const role of ["", " ", "a b", "1st", "-a", "a,b", "r\u00f4le", "a".repeat(64), "a\n"]) {
    it(`refuses ${JSON.stringify(role)}`, () => {
      assert.throws(() => requireRoles(["user", role], "account.roles"), { code: "role_invalid" });
    });
  }
});

describe("claims", () => {
  it("come back as they were given, frozen", () => {
    const claims = parseClaims(serializeClaims({ team: "blue", level: 2 }, "account.claims"));
    assert.deepEqual(claims, { team: "blue", level: 2 });
    assert.ok(Object.isFrozen(claims));
  });
  for (const name of [
    "sub",
    "iss",
    "roles",
    "sid",
    "scope",
    "client_id",
    "cnf",
    "act",
    "acr",
    "email",
    "constructor",
  ]) {
    it(`may not be named ${name}`, () => {
      assert.throws(() => serializeClaims({ [name]: "x" }, "account.claims"), { code: "claims_invalid" });
    });
  }
  it("may not be named __proto__", () => {
    assert.throws(() => serializeClaims(JSON.parse('{"__proto__":1}'), "account.claims"), {
      code: "claims_invalid",
    });
  });
  it("may fill 4096 characters, and no more", () => {
    const text = "a".repeat(4_096 - '{"a":""}'.length);
    assert.ok(serializeClaims({ a: text }, "account.claims"));
    assert.throws(() => serializeClaims({ a: `${text}a` }, "account.claims"), { code: "claims_invalid" });
  });
});
