/** The administration as resources of a contract. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createIssuer } from "../testing/issuer.ts";
import { administration } from "./administration.ts";
import { defineSecurity, type Security } from "./define-security.ts";
import { resource } from "./resource.ts";

const order = resource("order", { actions: ["read"], attributes: { id: "string" } });
const { contract } = createIssuer();

describe("the administration's resources", () => {
  const security = defineSecurity({
    ...contract,
    resources: [order, ...administration.resources],
    roles: {
      admin: { grants: administration.everything },
      auditor: { grants: [administration.audit.allow("read")] },
    },
  });

  test("are permissions of the contract that lists them", () => {
    assert.deepEqual(security.permissions, [
      "order:read",
      "bulwark_role:create",
      "bulwark_role:read",
      "bulwark_role:update",
      "bulwark_role:delete",
      "bulwark_access:read",
      "bulwark_access:update",
      "bulwark_audit:read",
    ]);
    // The compiler knows each by its name.
    const typed: Security<
      | "order:read"
      | `bulwark_role:${"create" | "read" | "update" | "delete"}`
      | `bulwark_access:${"read" | "update"}`
      | "bulwark_audit:read"
    > = security;
    assert.equal(typed, security);
  });

  test("are granted whole, or each by itself", () => {
    const permissionsOf = (role: string) =>
      security.roles.grantsOf(role).map(({ resource: name, action }) => `${name}:${action}`);
    assert.deepEqual(permissionsOf("admin"), security.permissions.slice(1));
    assert.deepEqual(permissionsOf("auditor"), ["bulwark_audit:read"]);
  });

  test("are nothing to a contract that does not list them", () => {
    assert.throws(
      () =>
        defineSecurity({
          ...contract,
          resources: [order],
          roles: { admin: { grants: administration.everything } },
        }),
      { code: "resource_unknown" },
    );
  });
});
