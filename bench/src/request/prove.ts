/**
 * Proof that a server does the work before its speed is measured: it answers what it must, refuses what it must, and
 * every layer leaves its trace in the answer. A stack that forgot one check would win the comparison unfairly.
 */
import { BenchmarkFailure } from "../harness/failure.ts";
import { host } from "../harness/server.ts";
import type { Account, Role } from "./accounts.ts";
import type { TokenChanges, TokenIssuer } from "./tokens.ts";

export interface Proof {
  readonly issuer: TokenIssuer;
  readonly accounts: readonly Account[];
}

/** The one answer that the load expects for an account's own order. */
export function expectedBody({ order }: Account): string {
  return JSON.stringify(order);
}

/** The server answers each role's own order, byte for byte the same everywhere. */
export async function proveAnswers(server: Address, { issuer, accounts }: Proof): Promise<void> {
  for (const role of ["user", "manager", "admin"] as const) {
    const account = accountOf(accounts, role);
    const { status, body, headers } = await ask(server, account.order.id, await issuer.mint(account), issuer);
    expect(server, `a ${role}'s own order`, status === 200, status, body);
    expect(server, `the body of a ${role}'s order`, body === expectedBody(account), status, body);
    const isJson = headers.get("content-type")?.startsWith("application/json") === true;
    expect(server, "the content type JSON", isJson, status, body);
  }
}

/** The server refuses wrong tokens and other people's orders, and carries the headers of every layer. */
export async function proveGuards(server: Address, proof: Proof): Promise<void> {
  const { issuer, accounts } = proof;
  const user = accountOf(accounts, "user");
  const colleague = accounts.find(({ id, team }) => id !== user.id && team === user.team) ?? user;
  const stranger = accounts.find(({ team }) => team !== user.team) ?? user;

  for (const { name, changes } of wrongTokens) {
    const { status, body } = await ask(server, user.order.id, await issuer.mint(user, changes), issuer);
    expect(server, `401 for ${name}`, status === 401, status, body);
  }
  const anonymous = await ask(server, user.order.id, undefined, issuer);
  expect(server, "401 without a token", anonymous.status === 401, anonymous.status, anonymous.body);

  const manager = { ...user, role: "manager" } as const;
  const admin = { ...user, role: "admin" } as const;
  const rows: readonly { name: string; caller: Account; orderId: string; status: number }[] = [
    { name: "a colleague's order, to a user", caller: user, orderId: colleague.order.id, status: 404 },
    { name: "a colleague's order, to a manager", caller: manager, orderId: colleague.order.id, status: 200 },
    { name: "another team's order, to a manager", caller: manager, orderId: stranger.order.id, status: 404 },
    { name: "another team's order, to an admin", caller: admin, orderId: stranger.order.id, status: 200 },
    { name: "an order that does not exist", caller: admin, orderId: "ord_9999", status: 404 },
  ];
  for (const { name, caller, orderId, status: expected } of rows) {
    const { status, body } = await ask(server, orderId, await issuer.mint(caller), issuer);
    expect(server, `${expected} for ${name}`, status === expected, status, body);
  }

  const invalid = await ask(server, "ord_1", await issuer.mint(admin), issuer);
  expect(
    server,
    "400 or 422 for no order id",
    [400, 422].includes(invalid.status),
    invalid.status,
    invalid.body,
  );

  const { status, body, headers } = await ask(server, user.order.id, await issuer.mint(user), issuer);
  const traces = {
    cors: headers.get("access-control-allow-origin") === issuer.settings.corsOrigins[0],
    "cors with credentials": headers.get("access-control-allow-credentials") === "true",
    "security headers": headers.get("x-content-type-options") === "nosniff",
    "a rate limit": [...headers.keys()].some((name) => name.includes("ratelimit")),
  };
  for (const [name, present] of Object.entries(traces)) {
    expect(server, `the headers of ${name}`, present, status, `${JSON.stringify([...headers])}\n${body}`);
  }
}

interface Address {
  readonly name: string;
  readonly port: number;
}

const wrongTokens: readonly { readonly name: string; readonly changes: TokenChanges }[] = [
  { name: "a token signed by another key", changes: { foreignKey: true } },
  { name: "an expired token", changes: { expiresInSeconds: -3_600 } },
  { name: "another issuer's token", changes: { issuer: "https://id.other.example" } },
  { name: "a token for another audience", changes: { audience: "https://api.other.example" } },
  { name: "a token that is no access token", changes: { tokenType: "JWT" } },
];

async function ask({ port }: Address, orderId: string, token: string | undefined, { settings }: TokenIssuer) {
  const response = await fetch(`http://${host}:${port}/orders/${orderId}`, {
    headers: {
      origin: settings.corsOrigins[0] ?? "",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    signal: AbortSignal.timeout(5_000),
  });
  return { status: response.status, headers: response.headers, body: await response.text() };
}

function expect({ name }: Address, what: string, met: boolean, status: number, body: string): void {
  if (!met) throw new BenchmarkFailure(`${name} was to give ${what}; it answered ${status}:\n${body}`);
}

function accountOf(accounts: readonly Account[], role: Role): Account {
  const account = accounts.find((candidate) => candidate.role === role);
  if (account === undefined) throw new BenchmarkFailure(`There is no ${role} among the accounts.`);
  return account;
}
