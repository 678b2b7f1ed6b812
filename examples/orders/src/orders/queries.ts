/** The order API's queries. Each that reads or changes many rows, or changes one, carries the caller's filter. */
import { randomUUID } from "node:crypto";
import type { RowFilter } from "@bulwark/guard";
import type { z } from "zod";
import type { Id, Page } from "./input.ts";
import type { Order, OrderStore } from "./store.ts";

interface OrderPage {
  readonly items: readonly Order[];
  /** The cursor of the next page. */
  readonly next: string | null;
}

/** What a write may write, as the guard hands it over. */
type Values = Readonly<Record<string, unknown>>;

export interface OrderQueries {
  /** Loads the row that a route acts on: the guard decides about it. */
  readonly byId: (request: { readonly params: z.output<typeof Id> }) => Promise<Order | undefined>;
  list(allowed: RowFilter, page: z.output<typeof Page>): Promise<OrderPage>;
  create(values: Values): Promise<Order>;
  update(id: string, values: Values, allowed: RowFilter): Promise<Order>;
  remove(id: string, allowed: RowFilter): Promise<void>;
}

export function createQueries(db: OrderStore): OrderQueries {
  return {
    byId: ({ params }) => db.selectFrom("order").selectAll().where("id", "=", params.id).executeTakeFirst(),

    async list(allowed, { status, limit, cursor }) {
      let query = db.selectFrom("order").selectAll().where(allowed);
      if (status !== undefined) query = query.where("status", "=", status);
      if (cursor !== undefined) query = query.where("id", ">", cursor);
      // One row more than asked for tells whether there is a next page.
      const rows = await query
        .orderBy("id")
        .limit(limit + 1)
        .execute();
      const items = rows.slice(0, limit);
      return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
    },

    async create(values) {
      const created = { id: randomUUID(), ...values } as unknown as Order;
      await db.insertInto("order").values(created).execute();
      return created;
    },

    async update(id, values, allowed) {
      const updated = await db
        .updateTable("order")
        .set(values)
        .where("id", "=", id)
        .where(allowed)
        .returningAll()
        .executeTakeFirst();
      return updated ?? refuseStale();
    },

    async remove(id, allowed) {
      const { numDeletedRows } = await db
        .deleteFrom("order")
        .where("id", "=", id)
        .where(allowed)
        .executeTakeFirst();
      if (numDeletedRows !== 1n) refuseStale();
    },
  };
}

/** Between the decision on the loaded row and the write, another write came first. */
function refuseStale(): never {
  throw Object.assign(new Error("The order has changed meanwhile. Read it again."), { statusCode: 409 });
}
