/** The rows every server holds: 1,000 orders, each owned by one account of one team. */

export interface Order {
  readonly id: string;
  readonly ownerId: string;
  readonly team: string;
  readonly status: string;
  /** In cents. */
  readonly total: number;
}

export const orderCount = 1_000;

/** What an order id looks like; every server that validates, validates this. */
export const orderIdPattern = "^ord_[0-9]{4}$";

const teams = ["north", "east", "south", "west"] as const;
const statuses = ["draft", "open", "paid", "shipped"] as const;

/** The same rows in every process. */
export function createOrders(): ReadonlyMap<string, Order> {
  return new Map(Array.from({ length: orderCount }, (_, index) => [orderId(index), createOrder(index)]));
}

/** @param index 0 to `orderCount` - 1 */
export function createOrder(index: number): Order {
  return {
    id: orderId(index),
    ownerId: `acc_${String(index).padStart(4, "0")}`,
    team: teams[index % teams.length] ?? teams[0],
    status: statuses[index % statuses.length] ?? statuses[0],
    total: 1_000 + index * 17,
  };
}

function orderId(index: number): string {
  return `ord_${String(index).padStart(4, "0")}`;
}
