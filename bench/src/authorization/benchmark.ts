/**
 * What decisions cost: against other engines on the same rules, with many roles and many accounts, and as the filter of a
 * list over a million rows.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import type { Benchmark, RunOptions } from "../harness/benchmark.ts";
import { BenchmarkFailure } from "../harness/failure.ts";
import { formatTable } from "../harness/table.ts";
import { type DecisionFigures, measureDecisions } from "./decisions.ts";
import { type ListFigures, measureLists } from "./filtered-lists.ts";
import { type Flatness, measureAccounts, measureRoles } from "./flatness.ts";
import { openPostgresTable, openSqliteTable, orderCount } from "./order-tables.ts";

const usualRounds = 21;

export const authorization: Benchmark = Object.freeze<Benchmark>({
  async run({ rounds = usualRounds, seconds, only, progress, signal }: RunOptions) {
    if (seconds !== undefined)
      throw new BenchmarkFailure("A round here is a number of decisions, not seconds.");
    const decisions = await measureDecisions(rounds, only, progress);
    const complete = only === undefined;
    progress.update("decisions with many roles");
    const flatRoles = complete ? measureRoles(rounds) : undefined;
    progress.update("decisions with many accounts");
    const flatAccounts = complete ? measureAccounts(rounds) : undefined;
    const sqlite = complete ? await measureSqlite(rounds, progress, signal) : undefined;
    const postgres = complete ? await measurePostgres(rounds, progress, signal) : undefined;
    progress.clear();
    return {
      complete,
      servers: Object.fromEntries(
        decisions.map(({ name, decisionsPerSecond }) => [name, Math.round(decisionsPerSecond)]),
      ),
      ratios: {
        ...Object.fromEntries(decisions.slice(1).map(({ ratio, guardIs }) => [ratio, guardIs])),
        ...(flatRoles === undefined ? {} : { flatRoles: flatRoles.ratio }),
        ...(flatAccounts === undefined ? {} : { flatAccounts: flatAccounts.ratio }),
        ...(sqlite === undefined ? {} : { filteredListSqlite: worst(sqlite) }),
        ...(postgres === undefined ? {} : { filteredListPostgres: worst(postgres) }),
      },
      details: {
        conditions: { processor: cpus()[0]?.model ?? "unknown", rounds, orders: orderCount },
        flatRoles,
        flatAccounts,
        filteredLists: { sqlite, postgres },
      },
      report: report(decisions, { flatRoles, flatAccounts, sqlite, postgres }),
    };
  },
});

type Progress = RunOptions["progress"];

async function measureSqlite(rounds: number, progress: Progress, signal: AbortSignal) {
  const folder = await mkdtemp(join(tmpdir(), "bulwark-bench-"));
  try {
    progress.update("SQLite: filling a table");
    const table = await openSqliteTable(join(folder, "orders.db"));
    try {
      signal.throwIfAborted();
      progress.update("SQLite: lists");
      return await measureLists(table, "sqlite", rounds);
    } finally {
      await table.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measurePostgres(rounds: number, progress: Progress, signal: AbortSignal) {
  progress.update("PostgreSQL: filling a table");
  const table = await openPostgresTable();
  if (table === undefined) return undefined;
  try {
    signal.throwIfAborted();
    progress.update("PostgreSQL: lists");
    return await measureLists(table, "postgresql", rounds);
  } finally {
    await table.close();
  }
}

/** Of the lists that were measured, the one that the filter slows most. */
function worst(lists: readonly ListFigures[]): number {
  return Math.max(...lists.map(({ ratio }) => ratio));
}

interface Further {
  readonly flatRoles: Flatness | undefined;
  readonly flatAccounts: Flatness | undefined;
  readonly sqlite: readonly ListFigures[] | undefined;
  readonly postgres: readonly ListFigures[] | undefined;
}

const count = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

function report(
  decisions: readonly DecisionFigures[],
  { flatRoles, flatAccounts, sqlite, postgres }: Further,
): string {
  const engines = formatTable(
    ["engine", "decisions/s", "the guard is"],
    decisions.map(({ name, decisionsPerSecond, guardIs }) => [
      name,
      count.format(decisionsPerSecond),
      `${guardIs.toFixed(2)} ×`,
    ]),
  );
  const flat = (what: string, { small, large, smallNs, largeNs, ratio }: Flatness) =>
    `${count.format(large)} ${what}: ${largeNs.toFixed(0)} ns a decision; ${count.format(small)}: ${smallNs.toFixed(0)} ns; ratio ${ratio.toFixed(3)}`;
  const lists = (database: string, figures: readonly ListFigures[] | undefined) =>
    figures === undefined
      ? [`${database}: not installed, not measured`]
      : figures.map(
          ({ list, filteredUs, byHandUs, ratio }) =>
            `${database}, a page of the ${list} list: ${filteredUs.toFixed(0)} µs filtered, ${byHandUs.toFixed(0)} µs by hand; ratio ${ratio.toFixed(3)}`,
        );
  return [
    engines,
    ...(flatRoles === undefined ? [] : [flat("roles", flatRoles)]),
    ...(flatAccounts === undefined ? [] : [flat("accounts", flatAccounts)]),
    ...(flatRoles === undefined ? [] : [...lists("SQLite", sqlite), ...lists("PostgreSQL", postgres)]),
  ].join("\n");
}
