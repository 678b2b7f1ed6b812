/** A contract with a policy engine of its own: office hours for deletions, and one that fails. */
import { defineSecurity, type PolicyEngine, resource } from "@bulwark/guard";

const order = resource("order", {
  actions: ["read", "update", "delete"],
  attributes: { id: "string", total: "number" },
});

const officeHours: PolicyEngine = {
  name: "office hours",
  permissions: ["order:delete", "order:update"],
  decide({ permission, nowMs }) {
    if (permission === "order:update") throw new Error("It does not answer.");
    const hour = new Date(nowMs).getUTCHours();
    return hour >= 8 && hour < 18
      ? { effect: "allow", reason: "it is open" }
      : { effect: "deny", reason: "it is closed", code: "outside_office_hours" };
  },
  filter: () => "all",
};

export const security = defineSecurity({
  issuer: "http://localhost:3000",
  audience: "http://localhost:3000/api",
  resources: [order],
  roles: { clerk: { grants: [order.allow("read"), order.allow("update"), order.allow("delete")] } },
  database: "sqlite",
  policy: officeHours,
});
