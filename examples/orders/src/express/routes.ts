/** The order API on Express. The declarations are those of the other frameworks, word for word. */
import type { ExpressApi } from "@bulwark/guard/express";
import { Id, NewOrder, OrderChanges, Page } from "../orders/input.ts";
import type { OrderQueries } from "../orders/queries.ts";
import { order } from "../security.ts";

export function addOrderRoutes(api: ExpressApi, orders: OrderQueries): void {
  const { byId } = orders;

  api.get("/orders", { permission: "order:read", list: true, query: Page }, async (request, response) => {
    response.json(await orders.list(request.allowed(order), request.query));
  });

  api.post("/orders", { permission: "order:create", body: NewOrder }, async (request, response) => {
    const created = await orders.create(request.values);
    response.status(201).location(`${request.path}/${created.id}`).json(created);
  });

  api.get("/orders/:id", { permission: "order:read", params: Id, resource: byId }, (request, response) =>
    response.json(request.resource),
  );

  api.patch(
    "/orders/:id",
    { permission: "order:update", params: Id, body: OrderChanges, resource: byId },
    async (request, response) => {
      const { resource, values } = request;
      response.json(await orders.update(resource.id, values, request.allowed(order, "update")));
    },
  );

  api.delete(
    "/orders/:id",
    { permission: "order:delete", params: Id, resource: byId },
    async (request, response) => {
      await orders.remove(request.resource.id, request.allowed(order, "delete"));
      response.status(204).end();
    },
  );
}
