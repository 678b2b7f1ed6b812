/** The same with four changes: managers may update, users create in a team, nobody deletes, `order:refund` is new. */
import { all, defineSecurity, principal, resource } from "@bulwark/guard";

const order = resource("order", {
  actions: ["create", "read", "update", "refund"],
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
const ofOwnTeam = where.team.eq(principal.claim("team"));

export const security = defineSecurity({
  issuer: "http://localhost:3000",
  audience: "http://localhost:3000/api",
  resources: [order],
  roles: {
    user: {
      grants: [
        order.allow("create", {
          where: where.status.eq("draft"),
          set: { ownerId: principal.id, team: principal.claim("team") },
        }),
        order.allow("read", { where: own }),
        order.allow("update", {
          where: all(own, where.status.in(["draft", "open"])),
          fields: ["status", "total"],
        }),
      ],
    },
    manager: {
      extends: ["user"],
      grants: [
        order.allow("read", { where: ofOwnTeam }),
        order.allow("update", { where: ofOwnTeam, fields: ["status"] }),
      ],
    },
    admin: {
      extends: ["manager"],
      grants: [order.allow("read"), order.allow("refund", { where: where.paidAt.isNull() })],
    },
  },
  conditions: { own },
  database: "sqlite",
});
