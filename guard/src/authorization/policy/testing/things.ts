/** A resource with an attribute of every type, and rows that are hard to decide alike everywhere. */
import { DatabaseSync } from "node:sqlite";
import { defineSecurity } from "../../../contract/define-security.ts";
import { resource } from "../../../contract/resource.ts";
import type { Condition } from "../../conditions/condition.ts";
import { compileDecision, type Row } from "../../conditions/decide.ts";
import { createFilter } from "../../conditions/filter.ts";
import type { PolicyEngine, PolicyInput, PolicyReach } from "../engine.ts";
import { policyInput } from "../input.ts";

export const thing = resource("thing", {
  actions: ["read", "update"],
  attributes: {
    key: "uuid",
    team: "string",
    status: "string",
    total: "number",
    limit: "number",
    paid: "boolean",
    at: "date",
  },
});

export const nowMs = Date.UTC(2030, 0, 1, 9, 30);
export const someKey = "0b9fda0e-3c2f-4d0b-8a3e-5a1d3c2b1a00";

export const things = defineSecurity({
  issuer: "https://issuer.example",
  audience: "https://api.example",
  resources: [thing],
  database: "sqlite",
  roles: { user: { grants: [thing.allow("read")] } },
});

const principal = {
  id: "alice",
  kind: "account",
  roles: ["user"],
  claims: { team: "red", teams: ["red", "é"], level: 5, secret: "not to be told" },
} as const;

/** The input about a row; about none, for a filter. */
export function inputAbout(row?: Row): PolicyInput {
  const question = { principal, permission: "thing:read", row, nowMs };
  return policyInput(things, question, ["team", "teams", "level", "missing"]);
}

const texts = [
  null,
  "",
  "red",
  "Red",
  "é",
  "e\u0301",
  "r'\"d",
  "%",
  "_",
  "re",
  "redder",
  "𝒳",
  "null",
  "0",
  "\\",
];
const numbers = [
  null,
  0,
  -0,
  5,
  -5,
  4.999999999999999,
  0.1,
  0.30000000000000004,
  1e21,
  -1e308,
  5e-324,
  2 ** 53,
];
const instants = [null, 0, nowMs, nowMs - 1, nowMs + 1, -62135596800000, 253402300799999];

/** Every value of every attribute beside several of the others. */
const values: readonly Row[] = Array.from({ length: 105 }, (_, index) => ({
  key: [null, someKey, "ffffffff-ffff-4fff-bfff-ffffffffffff"][index % 3] ?? null,
  team: texts[index % texts.length] ?? null,
  status: texts[(index * 7 + 3) % texts.length] ?? null,
  total: numbers[index % numbers.length] ?? null,
  limit: numbers[(index * 5 + 1) % numbers.length] ?? null,
  paid: [null, 0, 1][(index >> 1) % 3] ?? null,
  at: instants[index % instants.length] ?? null,
}));

/** What SQLite holds beyond: infinities. */
const infinite: readonly Row[] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map((total) => ({
  ...values[1],
  total,
}));

/** A database with the rows, and the rows as it gives them. */
export function openThings() {
  const database = new DatabaseSync(":memory:");
  database.exec(
    'create table thing (id integer primary key, key text, team text, status text, total real, "limit" real, paid integer, at integer)',
  );
  const insert = database.prepare(
    'insert into thing (key, team, status, total, "limit", paid, at) values (?, ?, ?, ?, ?, ?, ?)',
  );
  for (const row of [...values, ...infinite])
    insert.run(...(Object.values(row) as (string | number | null)[]));
  const rows: readonly Row[] = database.prepare("select * from thing").all();
  return { database, rows };
}

/** The ids of the rows that a reach leaves, as SQLite finds them. */
export function filtered(database: DatabaseSync, reach: PolicyReach): readonly unknown[] {
  const allowed = reach === "none" ? [] : [reach === "all" ? undefined : reach];
  const facts = { id: "", claims: {} };
  const filter = createFilter({ allowed, denied: [] }, { dialect: "sqlite", facts, nowMs });
  const { sql, params } = filter.toSql();
  return database
    .prepare(`select id from thing where ${sql} order by id`)
    .all(...params)
    .map(({ id }) => id);
}

/** The rows that a reach leaves, decided in memory. */
export function covered(reach: PolicyReach, rows: readonly Row[]): readonly unknown[] {
  if (typeof reach === "string") return reach === "all" ? rows.map(({ id }) => id) : [];
  const decide = compileDecision(reach as Condition);
  return rows.filter((row) => decide(row, { id: "", claims: {} }, nowMs)).map(({ id }) => id);
}

/** The ids of the rows that an engine allows one by one. */
export async function decided(engine: PolicyEngine, rows: readonly Row[]): Promise<readonly unknown[]> {
  const effects = await Promise.all(rows.map((row) => decidedOne(engine, row)));
  return rows.filter((_, index) => effects[index]).map(({ id }) => id);
}

async function decidedOne(engine: PolicyEngine, row: Row): Promise<boolean> {
  try {
    return (await engine.decide(inputAbout(row))).effect === "allow";
  } catch (error) {
    // A rule without a default says no by being undefined.
    if (/undefined/.test((error as Error).message)) return false;
    throw error;
  }
}
