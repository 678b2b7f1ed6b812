/** What callers may send, whatever framework takes it. */
import { z } from "zod";
import { statuses } from "../security.ts";

const text = z.string().min(1).max(64);
const status = z.enum(statuses);
const total = z.number().nonnegative().max(1_000_000_000);

export const Id = z.object({ id: text });
export const NewOrder = z.object({ total, status: status.default("draft") });
export const OrderChanges = z
  .object({ ownerId: text, team: text, status, total })
  .partial()
  .refine((changes) => Object.keys(changes).length > 0, "Give at least one field to change.");
export const Page = z.object({
  status: status.optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: text.optional(),
});
