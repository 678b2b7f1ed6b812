/** The whole security posture of the order API: resources, roles, origins, limits. */
import { administration, all, defineSecurity, type PolicyEngine, principal, resource } from "@bulwark/guard";

export const statuses = ["draft", "open", "paid", "shipped", "cancelled"] as const;

export const order = resource("order", {
  actions: ["create", "read", "update", "delete"],
  attributes: { id: "string", ownerId: "string", team: "string", status: "string", total: "number" },
});

const own = order.where.ownerId.eq(principal.id);
const ofOwnTeam = order.where.team.eq(principal.claim("team"));
const notYetPaid = order.where.status.in(["draft", "open"]);

export interface Origins {
  /** The identity server's. */
  readonly issuer: string;
  /** The order API's. */
  readonly origin: string;
}

/**
 * The contract, whatever framework the API runs on.
 *
 * @param policy Takes away from what it allows: `policy/orders.rego`.
 */
export function createSecurity({ issuer, origin }: Origins, policy?: PolicyEngine) {
  return defineSecurity({
    issuer,
    audience: `${origin}/api`,
    resources: [order, ...administration.resources],
    database: "sqlite",
    ...(policy === undefined ? {} : { policy }),
    roles: {
      user: {
        grants: [
          order.allow("create", {
            where: notYetPaid,
            set: { ownerId: principal.id, team: principal.claim("team") },
          }),
          order.allow("read", { where: own }),
          order.allow("update", { where: all(own, notYetPaid), fields: ["status", "total"] }),
        ],
      },
      manager: {
        extends: ["user"],
        grants: [order.allow("read", { where: ofOwnTeam })],
      },
      admin: {
        extends: ["manager"],
        grants: [
          order.allow("read"),
          order.allow("update"),
          order.allow("delete"),
          ...administration.everything,
        ],
      },
      // The billing service: reads everything, and does nothing but mark an open order paid.
      billing: {
        grants: [
          order.allow("read"),
          order.allow("update", {
            where: order.where.status.in(["open", "paid"]),
            fields: [],
            set: { status: "paid" },
          }),
        ],
      },
    },
    // What administrators make custom roles and direct grants of.
    conditions: { own, ofOwnTeam, notYetPaid },
    cors: { origins: ["https://shop.example"], credentials: true, exposedHeaders: ["Location"] },
    limits: { address: "600/1m", principal: "1200/1m" },
  });
}

declare module "@bulwark/guard" {
  interface Register {
    security: ReturnType<typeof createSecurity>;
  }
}
