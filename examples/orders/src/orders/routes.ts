/** The order API: create, read, update, delete, list. Who may do what is in `security.ts`. */
import { randomUUID } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { order, statuses } from "../security.ts";
import type { Order, OrderStore } from "./store.ts";

const text = z.string().min(1).max(64);
const status = z.enum(statuses);
const total = z.number().nonnegative().max(1_000_000_000);

const Id = z.object({ id: text });
const NewOrder = z.object({ total, status: status.default("draft") });
const OrderChanges = z
  .object({ ownerId: text, team: text, status, total })
  .partial()
  .refine((changes) => Object.keys(changes).length > 0, "Give at least one field to change.");
const Page = z.object({
  status: status.optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: text.optional(),
});

export function addOrderRoutes(api: FastifyInstance, db: OrderStore): void {
  const byId = ({ params }: { readonly params: { readonly id: string } }): Promise<Order | undefined> =>
    db.selectFrom("order").selectAll().where("id", "=", params.id).executeTakeFirst();

  api.get("/orders", { security: { permission: "order:read", list: true, query: Page } }, async (request) => {
    const { status: wanted, limit, cursor } = request.query;
    let query = db.selectFrom("order").selectAll().where(request.allowed(order));
    if (wanted !== undefined) query = query.where("status", "=", wanted);
    if (cursor !== undefined) query = query.where("id", ">", cursor);
    // One row more than asked for tells whether there is a next page.
    const rows = await query
      .orderBy("id")
      .limit(limit + 1)
      .execute();
    const items = rows.slice(0, limit);
    return { items, next: rows.length > limit ? items.at(-1)?.id : null };
  });

  api.post(
    "/orders",
    { security: { permission: "order:create", body: NewOrder } },
    async (request, reply) => {
      const created = { id: randomUUID(), ...request.values } as unknown as Order;
      await db.insertInto("order").values(created).execute();
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
    async (request) => {
      const { id } = request.resource;
      const updated = await db
        .updateTable("order")
        .set(request.values)
        .where("id", "=", id)
        .where(request.allowed(order, "update"))
        .returningAll()
        .executeTakeFirst();
      return updated ?? refuseStale();
    },
  );

  api.delete(
    "/orders/:id",
    { security: { permission: "order:delete", params: Id, resource: byId } },
    async (request, reply) => {
      const { numDeletedRows } = await db
        .deleteFrom("order")
        .where("id", "=", request.resource.id)
        .where(request.allowed(order, "delete"))
        .executeTakeFirst();
      return numDeletedRows === 1n ? reply.code(204).send() : refuseStale();
    },
  );
}

/** Between the decision on the loaded row and the write, another write came first. */
function refuseStale(): never {
  throw Object.assign(new Error("The order has changed meanwhile. Read it again."), { statusCode: 409 });
}
