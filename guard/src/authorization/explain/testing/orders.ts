/** A contract that reads like an API's, for examples of explanations. */
import { defineSecurity } from "../../../contract/define-security.ts";
import { resource } from "../../../contract/resource.ts";
import type { Asker } from "../../../pipeline/decide.ts";
import { all, principal } from "../../conditions/condition.ts";

const order = resource("order", {
  actions: ["create", "read", "update", "delete"],
  attributes: { id: "string", ownerId: "string", team: "string", status: "string", total: "number" },
});
const own = order.where.ownerId.eq(principal.id);
const ofOwnTeam = order.where.team.eq(principal.claim("team"));
const notYetPaid = order.where.status.in(["draft", "open"]);
const isPaid = order.where.status.eq("paid");

export const security = defineSecurity({
  issuer: "http://localhost:3000",
  audience: "http://localhost:3000/api",
  resources: [order],
  database: "sqlite",
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
    manager: { extends: ["user"], grants: [order.allow("read", { where: ofOwnTeam })] },
    admin: {
      extends: ["manager"],
      grants: [
        order.allow("read"),
        order.allow("delete", { assurance: "mfa", maxAge: "15m" }),
        order.deny("delete", { where: isPaid }),
      ],
    },
    suspended: { grants: [order.deny("read"), order.deny("update")] },
  },
  conditions: { own, isPaid },
  scopes: { "orders.see": ["order:read"] },
});

export const asker = (
  id: string,
  roles: readonly string[],
  claims: Asker["claims"] = { team: "red" },
): Asker => ({
  id,
  kind: "account",
  roles,
  claims,
});
export const alice = asker("alice", ["user"]);
export const mona = asker("mona", ["manager"]);
export const adam = asker("adam", ["admin"], { team: "green" });

export const row = (changes: Readonly<Record<string, unknown>> = {}) => ({
  id: "7",
  ownerId: "alice",
  team: "red",
  status: "open",
  total: 10,
  ...changes,
});
