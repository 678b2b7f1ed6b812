/** A contract whose rules are put into PostgreSQL. */
import { defineSecurity, principal, resource } from "@bulwark/guard";

const order = resource("order", {
  actions: ["create", "read", "update", "delete"],
  attributes: { id: "string", ownerId: "string", total: "number" },
  table: "orders",
  columns: { ownerId: "owner_id" },
});
const own = order.where.ownerId.eq(principal.id);

export const security = defineSecurity({
  issuer: "http://localhost:3000",
  audience: "http://localhost:3000/api",
  resources: [order],
  roles: { user: { grants: [order.allow("read", { where: own }), order.allow("create", { where: own })] } },
  database: "postgresql",
});
