/** The contract that the command's tests are about. */
import { all, defineSecurity, principal, resource } from "@bulwark/guard";

const order = resource("order", {
  actions: ["create", "read", "update", "delete"],
  attributes: {
    id: "string",
    ownerId: "string",
    team: "string",
    status: "string",
    total: "number",
    paidAt: "date",
  },
});
const { where } = order;
const own = where.ownerId.eq(principal.id);

export const security = defineSecurity({
  issuer: "http://localhost:3000",
  audience: "http://localhost:3000/api",
  resources: [order],
  roles: {
    user: {
      grants: [
        order.allow("create", { where: where.status.eq("draft"), set: { ownerId: principal.id } }),
        order.allow("read", { where: own }),
        order.allow("update", {
          where: all(own, where.status.in(["draft", "open"])),
          fields: ["status", "total"],
        }),
      ],
    },
    manager: {
      extends: ["user"],
      grants: [order.allow("read", { where: where.team.eq(principal.claim("team")) })],
    },
    admin: {
      extends: ["manager"],
      grants: [order.allow("read"), order.allow("delete", { assurance: "mfa" })],
    },
  },
  conditions: { own },
  scopes: { "orders.see": ["order:read"] },
  database: "sqlite",
});
