/** The callers: one account per order, its owner, in the order's team. */
import { createOrder, type Order, orderCount } from "./orders.ts";

export type Role = "user" | "manager" | "admin";

export interface Account {
  readonly id: string;
  readonly role: Role;
  readonly team: string;
  /** The order it owns; the one it asks for. */
  readonly order: Order;
}

export function createAccounts(): readonly Account[] {
  return Array.from({ length: orderCount }, (_, index) => {
    const order = createOrder(index);
    return { id: order.ownerId, role: roleOf(index), team: order.team, order };
  });
}

/** Of twenty accounts one is an admin and three are managers. */
function roleOf(index: number): Role {
  const place = index % 20;
  if (place === 0) return "admin";
  return place <= 3 ? "manager" : "user";
}
