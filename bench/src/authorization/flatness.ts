/**
 * Does a decision take longer because there are more roles, or more accounts?
 *
 * The table grows, the callers at work do not: as in a server, where a caller that was authenticated is decided for again
 * and again. They are spread over the whole table. What a larger table costs a cache that cannot hold all of it is the
 * memory's price, and the same for anything that keeps as much.
 */
import { createLiveRoles, defineSecurity, type LiveRoles, principal, resource } from "@bulwark/guard";
import { createCaller } from "../../../guard/src/authentication/caller.ts";
import { liveRules } from "../../../guard/src/authorization/authority.ts";
import { coversRow, type DecisionContext } from "../../../guard/src/authorization/rows.ts";
import { median, medianRatio } from "../harness/statistics.ts";

export interface Flatness {
  readonly small: number;
  readonly large: number;
  readonly smallNs: number;
  readonly largeNs: number;
  /** Time per decision in the large table / in the small one: the median of the rounds'. */
  readonly ratio: number;
}

const callersAtWork = 32;
const decisionsPerRound = 200_000;
const nowMs = Date.UTC(2026, 0, 1);

const order = resource("order", {
  actions: ["read", "update", "delete"],
  attributes: { id: "string", ownerId: "string", team: "string" },
});
const own = order.where.ownerId.eq(principal.id);

/** Contracts of ten and of ten thousand roles. */
export function measureRoles(rounds: number): Flatness {
  return compare(10, 10_000, rounds, (count) => {
    const roles = Object.fromEntries(
      Array.from({ length: count }, (_, index) => [
        `role${index}`,
        { grants: [order.allow("read", { where: own }), order.allow("update", { where: own })] },
      ]),
    );
    return { live: openRoles(roles), roleOf: (index) => `role${index}` };
  });
}

/** One role, and something granted directly to each of a hundred and of a hundred thousand accounts. */
export function measureAccounts(rounds: number): Flatness {
  return compare(100, 100_000, rounds, (count) => {
    const live = openRoles({ user: { grants: [order.allow("read", { where: own })] } });
    live.apply({
      since: 0,
      version: 1,
      complete: true,
      roles: {},
      subjects: Array.from({ length: count }, (_, index) => ({
        kind: "account",
        id: `account-${index}`,
        grants: [{ effect: "allow", permission: "order:update", where: "own" }],
      })),
    });
    return { live, roleOf: () => "user" };
  });
}

interface Table {
  readonly live: LiveRoles;
  readonly roleOf: (index: number) => string;
}

function openRoles(
  roles: Readonly<Record<string, { readonly grants: readonly ReturnType<typeof order.allow>[] }>>,
) {
  const {
    roles: table,
    resources,
    conditions,
  } = defineSecurity({
    issuer: "http://localhost:3000",
    audience: "http://localhost:3000/api",
    resources: [order],
    roles,
    conditions: { own },
  });
  return createLiveRoles({ table, vocabulary: { resources, conditions }, mayChange: true });
}

function compare(small: number, large: number, rounds: number, open: (count: number) => Table): Flatness {
  const decideSmall = createWork(small, open(small));
  const decideLarge = createWork(large, open(large));
  // Both through the same code, before either is timed.
  for (let turn = 0; turn < 4; turn += 1) {
    decideSmall();
    decideLarge();
  }
  const smallNs: number[] = [];
  const largeNs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const pair = [() => smallNs.push(decideSmall()), () => largeNs.push(decideLarge())];
    for (const run of round % 2 === 0 ? pair : pair.reverse()) run();
  }
  return {
    small,
    large,
    smallNs: median(smallNs),
    largeNs: median(largeNs),
    ratio: medianRatio(largeNs, smallNs),
  };
}

/** @returns runs one round, and says how many nanoseconds a decision took. */
function createWork(count: number, { live, roleOf }: Table): () => number {
  const { assurance } = defineSecurity({
    issuer: "http://localhost:3000",
    audience: "http://localhost:3000/api",
    resources: [],
    roles: {},
  });
  const actors = Array.from({ length: callersAtWork }, (_, place) => {
    const index = Math.floor((place * count) / callersAtWork);
    const facts = { id: `account-${index}`, kind: "account", roles: [roleOf(index)], claims: {} } as const;
    const caller = createCaller(
      { principal: { ...facts, credential: "bearer", sessionId: undefined } },
      { roles: live, assurance },
    );
    const context: DecisionContext = { facts, nowMs, dialect: "sqlite" };
    const row = { id: `order-${index}`, ownerId: place % 2 === 0 ? facts.id : "somebody", team: "red" };
    return { caller, context, row };
  });
  const index = live.table.permissionIndex("order:update") ?? -1;
  return () => {
    let allowed = 0;
    const started = performance.now();
    for (let decision = 0; decision < decisionsPerRound; decision += 1) {
      const { caller, context, row } = actors[decision % callersAtWork] as (typeof actors)[number];
      if (coversRow(liveRules(caller, index, nowMs), row, context)) allowed += 1;
    }
    const elapsedMs = performance.now() - started;
    if (allowed !== decisionsPerRound / 2) throw new TypeError("Half of the rows were to be allowed.");
    return (elapsedMs * 1e6) / decisionsPerRound;
  };
}
