/** A contract as the tests of administration need it: who may do everything, who may do little, and who may hand it on. */
import { administration, all, defineSecurity, principal, resource, type Security } from "@bulwark/guard";

const order = resource("order", {
  actions: ["create", "read", "update", "delete"],
  attributes: { id: "string", ownerId: "string", team: "string", status: "string", total: "number" },
});

const own = order.where.ownerId.eq(principal.id);
const ofOwnTeam = order.where.team.eq(principal.claim("team"));
const notYetPaid = order.where.status.in(["draft", "open"]);

export function createShopContract({
  issuer,
  audience,
}: {
  readonly issuer: string;
  readonly audience: string;
}): Security {
  return defineSecurity({
    issuer,
    audience,
    resources: [order, ...administration.resources],
    conditions: { own, ofOwnTeam, notYetPaid, ownNotYetPaid: all(own, notYetPaid) },
    database: "sqlite",
    roles: {
      user: {
        grants: [
          order.allow("create", { where: notYetPaid, set: { ownerId: principal.id } }),
          order.allow("read", { where: own }),
        ],
      },
      viewer: { grants: [order.allow("read")] },
      // May manage roles and access, and holds little else to hand on.
      steward: {
        extends: ["user"],
        grants: [
          order.allow("read"),
          order.allow("update", { where: notYetPaid, fields: ["status", "total"], set: { team: "red" } }),
          ...administration.role.actions.map((action) => administration.role.allow(action)),
          ...administration.access.actions.map((action) => administration.access.allow(action)),
        ],
      },
      auditor: { grants: [administration.audit.allow("read")] },
      admin: {
        extends: ["steward", "viewer", "auditor"],
        grants: [
          order.allow("update"),
          order.allow("delete", { assurance: "mfa", maxAge: "15m" }),
          ...administration.everything,
        ],
      },
    },
    cors: { origins: ["https://shop.example"], credentials: true },
  });
}
