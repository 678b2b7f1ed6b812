/**
 * A page of a filtered list over a million rows, against the same query written by hand: what the filter itself costs.
 *
 * Two lists, as two people see them: a user's own orders, and a manager's with those of the team. Both queries go through
 * Kysely and the same connection; the plans must be the same.
 */

import { createLiveRoles } from "@bulwark/guard";
import { type Caller, createCaller } from "../../../guard/src/authentication/caller.ts";
import { createRowAccess, reachOf } from "../../../guard/src/authorization/access.ts";
import { createFilter } from "../../../guard/src/authorization/conditions/filter.ts";
import { BenchmarkFailure } from "../harness/failure.ts";
import { median, medianRatio } from "../harness/statistics.ts";
import { security } from "./engines/guard.ts";
import { type OrderTable, ownerCount, teamCount } from "./order-tables.ts";

export interface ListFigures {
  readonly list: "own" | "team";
  readonly byHandUs: number;
  readonly filteredUs: number;
  /** Time of the filtered page / time of the one written by hand: the median of the rounds'. */
  readonly ratio: number;
}

interface Person {
  readonly id: string;
  readonly team: string;
  readonly caller: Caller;
}

const pageSize = 20;
/** A round takes turns between the two, so that what slows the machine for a moment slows both. */
const pagesPerRound = { own: 200, team: 5 } as const;
/** As a server that has been up for a while: both queries are compiled by then. */
const warmUpRounds = 10;

export async function measureLists(
  { db, plan }: OrderTable,
  dialect: "sqlite" | "postgresql",
  rounds: number,
): Promise<readonly ListFigures[]> {
  const page = () =>
    db.selectFrom("order").selectAll().where("status", "=", "open").orderBy("id").limit(pageSize);
  const filtered = ({ caller }: Person) => {
    const nowMs = Date.now();
    const access = createRowAccess(security, caller, nowMs);
    const reach = reachOf(access, "order:read");
    return page().where(createFilter(reach, { dialect, facts: access.facts, nowMs }));
  };
  const byHand = {
    own: ({ id }: Person) => page().where("ownerId", "=", id),
    team: ({ id, team }: Person) =>
      page().where(({ or, eb }) => or([eb("ownerId", "=", id), eb("team", "=", team)])),
  };

  const measure = async (list: ListFigures["list"]): Promise<ListFigures> => {
    const people = peopleOf(list === "own" ? "user" : "manager");
    const first = people[0] as Person;
    const plans = [await plan(byHand[list](first)), await plan(filtered(first))];
    if (plans[0] !== plans[1]) throw new BenchmarkFailure(`The plans differ:\n${plans.join("\n\n")}`);
    await prove(people.slice(0, 5), async (person) => [
      await byHand[list](person).execute(),
      await filtered(person).execute(),
    ]);
    const byHandUs: number[] = [];
    const filteredUs: number[] = [];
    for (let round = -warmUpRounds; round < rounds; round += 1) {
      const times = { byHand: 0, filtered: 0 };
      for (let turn = 0; turn < pagesPerRound[list]; turn += 1) {
        const person = people[(round + warmUpRounds + turn) % people.length] as Person;
        const pair = [
          async () => {
            const started = performance.now();
            await byHand[list](person).execute();
            times.byHand += performance.now() - started;
          },
          async () => {
            const started = performance.now();
            await filtered(person).execute();
            times.filtered += performance.now() - started;
          },
        ];
        for (const run of turn % 2 === 0 ? pair : pair.toReversed()) await run();
      }
      if (round < 0) continue;
      byHandUs.push((times.byHand * 1_000) / pagesPerRound[list]);
      filteredUs.push((times.filtered * 1_000) / pagesPerRound[list]);
    }
    return {
      list,
      byHandUs: median(byHandUs),
      filteredUs: median(filteredUs),
      ratio: medianRatio(filteredUs, byHandUs),
    };
  };
  return [await measure("own"), await measure("team")];
}

/** Both must answer the same page, and one that is not empty. */
async function prove(
  people: readonly Person[],
  pages: (person: Person) => Promise<readonly (readonly unknown[])[]>,
): Promise<void> {
  for (const person of people) {
    const [byHand = [], filtered = []] = await pages(person);
    if (byHand.length === 0 || JSON.stringify(byHand) !== JSON.stringify(filtered)) {
      throw new BenchmarkFailure(
        `${person.id} was to see the same page by hand and filtered, with rows in it.`,
      );
    }
  }
}

function peopleOf(role: "user" | "manager"): readonly Person[] {
  const { resources, conditions, assurance } = security;
  const roles = createLiveRoles({ table: security.roles, vocabulary: { resources, conditions } });
  return Array.from({ length: 64 }, (_, place) => {
    // Accounts whose orders include open ones: see how the table is filled.
    const number = (place * 157) % ownerCount;
    const [id, team] = [`account-${number}`, `team-${number % teamCount}`];
    const principal = { id, kind: "account", roles: [role], claims: { team } } as const;
    const caller = createCaller(
      { principal: { ...principal, credential: "bearer", sessionId: undefined } },
      { roles, assurance },
    );
    return { id, team, caller };
  });
}
