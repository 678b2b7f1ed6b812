/** The order API on Fastify: create, read, update, delete, list. Who may do what is in `security.ts`. */
import type { FastifyInstance } from "fastify";
import { Id, NewOrder, OrderChanges, Page } from "../orders/input.ts";
import type { OrderQueries } from "../orders/queries.ts";
import { order } from "../security.ts";

export function addOrderRoutes(api: FastifyInstance, orders: OrderQueries): void {
  const { byId } = orders;

  api.get("/orders", { security: { permission: "order:read", list: true, query: Page } }, (request) =>
    orders.list(request.allowed(order), request.query),
  );

  api.post(
    "/orders",
    { security: { permission: "order:create", body: NewOrder } },
    async (request, reply) => {
      const created = await orders.create(request.values);
      return reply.code(201).header("location", `${api.prefix}/orders/${created.id}`).send(created);
    },
  );

  api.get(
    "/orders/:id",
    { security: { permission: "order:read", params: Id, resource: byId } },
    (request) => request.resource,
  );

  api.patch(
    "/orders/:id",
    { security: { permission: "order:update", params: Id, body: OrderChanges, resource: byId } },
    (request) => orders.update(request.resource.id, request.values, request.allowed(order, "update")),
  );

  api.delete(
    "/orders/:id",
    { security: { permission: "order:delete", params: Id, resource: byId } },
    async (request, reply) => {
      await orders.remove(request.resource.id, request.allowed(order, "delete"));
      return reply.code(204).send();
    },
  );
}
