/** The order API on Hono. The declarations are those of the other frameworks, word for word. */
import type { HonoApi } from "@bulwark/guard/hono";
import { Id, NewOrder, OrderChanges, Page } from "../orders/input.ts";
import type { OrderQueries } from "../orders/queries.ts";
import { order } from "../security.ts";

export function addOrderRoutes(api: HonoApi, orders: OrderQueries): void {
  const { byId } = orders;

  api.get(
    "/orders",
    { permission: "order:read", list: true, query: Page },
    async (context, { query, allowed }) => context.json(await orders.list(allowed(order), query)),
  );

  api.post("/orders", { permission: "order:create", body: NewOrder }, async (context, { values }) => {
    const created = await orders.create(values);
    return context.json(created, 201, { location: `${context.req.path}/${created.id}` });
  });

  api.get("/orders/:id", { permission: "order:read", params: Id, resource: byId }, (context, { resource }) =>
    context.json(resource),
  );

  api.patch(
    "/orders/:id",
    { permission: "order:update", params: Id, body: OrderChanges, resource: byId },
    async (context, { resource, values, allowed }) =>
      context.json(await orders.update(resource.id, values, allowed(order, "update"))),
  );

  api.delete(
    "/orders/:id",
    { permission: "order:delete", params: Id, resource: byId },
    async (context, { resource, allowed }) => {
      await orders.remove(resource.id, allowed(order, "delete"));
      return context.body(null, 204);
    },
  );
}
