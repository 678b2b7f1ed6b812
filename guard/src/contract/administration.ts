/**
 * Administration: what an identity server's own administration acts on, as resources like any other.
 *
 * A contract that lists them decides who may manage roles in the same way as it decides everything else. Holding such a
 * permission lets nobody give what they do not hold themselves.
 */
import type { Grant, Resource } from "./resource.ts";
import { resource } from "./resource.ts";

/** Custom roles, and what they can be made of. */
const role = resource("bulwark_role", { actions: ["create", "read", "update", "delete"], attributes: {} });
/** Which roles an account or a client holds, and what it is granted or denied directly. */
const access = resource("bulwark_access", { actions: ["read", "update"], attributes: {} });
/** The audit log. */
const audit = resource("bulwark_audit", { actions: ["read"], attributes: {} });

const resources = [role, access, audit] as const;

/**
 * What the identity server's administration acts on.
 *
 * @example
 * defineSecurity({
 *   resources: [order, ...administration.resources],
 *   roles: {
 *     admin: { grants: [order.allow("read"), ...administration.everything] },
 *     auditor: { grants: [administration.audit.allow("read")] },
 *   },
 * });
 */
export const administration = Object.freeze({
  role,
  access,
  audit,
  /** For the contract's `resources`. */
  resources: Object.freeze(resources),
  /** A grant of each of their actions, without conditions. */
  everything: Object.freeze(
    (resources as readonly Resource[]).flatMap(({ actions, allow }): Grant[] =>
      actions.map((action) => allow(action)),
    ),
  ) as readonly Grant[],
});
