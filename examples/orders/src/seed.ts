/** What the first start finds: 50 accounts in three teams, one service client, one web client, 10,000 orders. */
import { randomBytes } from "node:crypto";
import type { Account, Identity } from "@bulwark/identity";
import { type Order, type OrderStore, seedOrders } from "./orders/store.ts";
import { statuses } from "./security.ts";
import type { Settings } from "./settings.ts";

const teams = ["red", "green", "blue"] as const;
const accountCount = 50;
const ordersPerAccount = 200;

interface Person {
  readonly name: string;
  readonly role: "user" | "manager" | "admin";
  readonly team: string;
  /** Only these can sign in; the others are there to own orders. */
  readonly signsIn: boolean;
}

const people: readonly Person[] = [
  { name: "alice", role: "user", team: "red", signsIn: true },
  { name: "mona", role: "manager", team: "red", signsIn: true },
  { name: "adam", role: "admin", team: "green", signsIn: true },
  { name: "bob", role: "user", team: "red", signsIn: false },
  ...Array.from({ length: accountCount - 4 }, (_, index) => ({
    name: `user${String(index + 5).padStart(2, "0")}`,
    role: "user" as const,
    team: teams[index % teams.length] ?? "red",
    signsIn: false,
  })),
];

/** A secret generated now, to be shown once. */
interface NewSecret {
  readonly of: string;
  readonly secret: string;
}

/** Shows a secret. It is called before the secret is stored: a start that ends in between leaves none unseen. */
export type ShowSecret = (secret: NewSecret) => void;

/** Creates what is missing. A start that was interrupted is completed by the next. */
export async function seed(
  identity: Identity,
  db: OrderStore,
  settings: Settings,
  show: ShowSecret,
): Promise<void> {
  const accounts: Account[] = [];
  for (const person of people)
    accounts.push(await ensureAccount(identity, person, settings.demoPassword, show));
  await ensureClients(identity, settings.demoClientSecret, show);
  await seedOrders(db, () => accounts.flatMap(ordersOf));
}

async function ensureAccount(
  identity: Identity,
  { name, role, team, signsIn }: Person,
  demoPassword: string | undefined,
  show: ShowSecret,
): Promise<Account> {
  const email = `${name}@example.com`;
  const found = await identity.accounts.findByEmail(email);
  if (found !== undefined) return found;
  const password = demoPassword ?? randomSecret();
  if (signsIn && demoPassword === undefined) show({ of: email, secret: password });
  return identity.accounts.create({
    email,
    roles: [role],
    claims: { team },
    ...(signsIn ? { password } : {}),
  });
}

async function ensureClients(
  identity: Identity,
  demoClientSecret: string | undefined,
  show: ShowSecret,
): Promise<void> {
  if ((await identity.clients.findById("billing")) === undefined) {
    const secret = demoClientSecret ?? randomSecret();
    if (demoClientSecret === undefined) show({ of: "client billing", secret });
    await identity.clients.create({
      id: "billing",
      name: "Billing",
      secret,
      grantTypes: ["client_credentials"],
      roles: ["billing"],
    });
  }
  if ((await identity.clients.findById("shop")) === undefined) {
    await identity.clients.create({
      id: "shop",
      name: "The shop",
      grantTypes: ["authorization_code"],
      redirectUris: ["https://shop.example/callback", "http://localhost:5173/callback"],
    });
  }
}

/** 192 random bits. */
function randomSecret(): string {
  return randomBytes(24).toString("base64url");
}

/** The same orders for the same place in the list, so that a demonstration can be told beforehand. */
function ordersOf({ id: ownerId, claims }: Account, place: number): readonly Order[] {
  return Array.from({ length: ordersPerAccount }, (_, index) => {
    const serial = place * ordersPerAccount + index + 1;
    return {
      id: `order-${String(serial).padStart(5, "0")}`,
      ownerId,
      team: String(claims.team),
      status: statuses[serial % statuses.length] ?? "draft",
      total: ((serial * 7_919) % 100_000) / 100,
    };
  });
}
