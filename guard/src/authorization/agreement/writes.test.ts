/** One rule for writes, read in two ways: decided in memory, and as what row-level security lets an ordinary role do. */
import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { postgresMissing, startPostgres, type TestPostgres } from "../../../../testing/postgres.ts";
import { defineSecurity, type Security } from "../../contract/define-security.ts";
import type { Resource } from "../../contract/resource.ts";
import { createIssuer } from "../../testing/issuer.ts";
import type { Authority, RowRules } from "../authority.ts";
import type { Row } from "../conditions/decide.ts";
import type { PrincipalFacts } from "../conditions/operand.ts";
import { callerContext, withContext } from "../row-level-security/index.ts";
import { openSecured, type SecuredDatabase } from "../row-level-security/testing/secured-database.ts";
import { coversRow, type DecisionContext, decideWrite, rowAfter } from "../rows.ts";
import { literals, nowMs, quote } from "./testing/world.ts";
import {
  changes,
  createDocument,
  documentColumns,
  grantsOf,
  rowsBefore,
  updateRules,
  writers,
} from "./testing/write-rules.ts";

/** Each in a contract of its own: a context speaks of every table of its contract. */
const cases = updateRules.map((rule, index) => {
  const document = createDocument(`document${index}`, `docu"ment ${index}`);
  const security = defineSecurity({
    ...createIssuer().contract,
    database: "postgresql",
    resources: [document],
    roles: { everyone: { grants: grantsOf(document, rule) } },
  });
  const authority = security.roles.authorityOf(["everyone"]);
  return { text: String(rule), document: document as Resource, security, authority };
});

/**
 * Tries each statement, and takes it back: the row it left, `null` where it found none, or why it was refused. Whatever
 * else goes wrong is an error.
 */
const attempt = `
  create function attempt(statement text) returns jsonb language plpgsql as $$
  declare result jsonb;
  begin
    execute statement into result;
    raise exception using errcode = 'BW001', message = coalesce(result::text, 'null');
  exception
    when sqlstate 'BW001' then return sqlerrm::jsonb;
    when insufficient_privilege then return '"refused"';
  end $$`;

let postgres: TestPostgres | undefined;
let database: SecuredDatabase;
before(async () => {
  postgres = await startPostgres();
  if (postgres === undefined) return;
  const tables = cases.map(({ document }) => `create table ${quote(document.table)} ${documentColumns}`);
  database = await openSecured(postgres.url, [attempt, ...tables].join(";\n"));
  for (const { security } of cases) await database.secure(security);
});
after(async () => {
  await database?.close();
  await postgres?.stop();
});

/** One write, what memory says of it, and what to ask the database. */
interface Attempt {
  readonly name: string;
  readonly statement: string;
  /** The row it leaves, or one of those that it may leave; none: it is refused. */
  readonly expected: readonly Row[];
  /** Tried without what a grant sets: it may be refused, or leave what one of the grants would. */
  readonly orRefused?: boolean;
}

/** Tries many writes of one caller on the same table. */
async function tryAll(
  { security, authority, facts }: WriteCase,
  attempts: readonly Attempt[],
): Promise<readonly unknown[]> {
  const caller = { authority, assurance: { level: -1, authenticatedAtMs: 0 }, principal: facts };
  return withContext(database.app, callerContext(security, caller, nowMs), async (connection) => {
    const { rows } = await connection.query(
      "select attempt(one) as result from unnest($1::text[]) with ordinality statement (one, n) order by n",
      [attempts.map(({ statement }) => statement)],
    );
    return rows.map(({ result }: { readonly result: unknown }) => result);
  });
}

const columnsOf = ({ columns }: Resource, values: Row) =>
  Object.keys(values).map((name) => quote(columns[name] ?? name));
const valuesOf = (values: Row) => Object.values(values).map(literals.postgresql);

/** A row's values by column, as JSON has them. */
function stored({ columns, attributes }: Resource, row: Row): Row {
  const entries = Object.keys(attributes).map((name) => {
    const value = row[name];
    const plain =
      value instanceof Date
        ? value.getTime()
        : typeof value === "number" && !Number.isFinite(value)
          ? String(value)
          : value;
    return [columns[name] ?? name, plain];
  });
  return Object.fromEntries(entries);
}

function compare(
  document: Resource,
  attempts: readonly Attempt[],
  results: readonly unknown[],
  context: string,
): void {
  for (const [index, { name, expected, orRefused }] of attempts.entries()) {
    const result = results[index];
    const isRefused = result === "refused" || result === null;
    if (expected.length === 0 || (orRefused === true && isRefused)) {
      assert.ok(isRefused, `${context}\n${name}\nis refused in memory, and left ${JSON.stringify(result)}`);
      continue;
    }
    assert.ok(!isRefused, `${context}\n${name}\nis allowed in memory, and refused`);
    const left = result as Record<string, unknown>;
    const found = { ...left, at: typeof left.at === "string" ? Date.parse(left.at) : left.at };
    const possible = expected.map((row) => stored(document, row));
    const wanted = possible.find((row) => isDeepStrictEqual(row, found)) ?? possible[0];
    assert.deepEqual(found, wanted, `${context}\n${name}`);
  }
}

/** A write as memory decides it, with the values it comes to; and as it was asked for. */
function attemptsOf(
  name: string,
  { document, rules, decision }: WriteCase,
  rowBefore: Row | undefined,
  change: Row,
  write: (values: Row) => string,
): readonly Attempt[] {
  const decide = (some: RowRules): readonly Row[] => {
    const outcome = decideWrite(some, document.attributes, rowBefore, change, decision);
    return "values" in outcome ? [outcome.values] : [];
  };
  const after = (values: Row) => rowAfter(document.attributes, rowBefore, values);
  const [values] = decide(rules);
  if (values === undefined) return [{ name, statement: write(change), expected: [] }];
  const alone = rules.grants.flatMap((grant) => decide({ ...rules, grants: [grant] }));
  return [
    { name, statement: write(values), expected: [after(values)] },
    { name: `only ${name}`, statement: write(change), expected: alone.map(after), orRefused: true },
  ];
}

interface WriteCase {
  readonly security: Security;
  readonly authority: Authority;
  readonly context: string;
  readonly document: Resource;
  readonly rules: RowRules;
  readonly facts: PrincipalFacts;
  readonly decision: DecisionContext;
}

/** Each set of grants and each caller, with the rules that count for one of its acts. */
function* everyCase(action: string): Generator<WriteCase> {
  for (const { text, document, security, authority } of cases) {
    const index = security.roles.permissionIndex(`${document.name}:${action}`) ?? -1;
    const rules = authority.rules[index] ?? { grants: [], denials: [] };
    for (const facts of writers) {
      const context = `${text}\nfor ${JSON.stringify(facts)}`;
      const decision = { facts, nowMs, dialect: "postgresql" } as const;
      yield { security, authority, context, document, rules, facts, decision };
    }
  }
}

/** Does it change every field that it names? What is set to what it is, no database can tell from what is not set. */
function isChange(before: Row, change: Row): boolean {
  return Object.entries(change).every(([name, value]) => {
    const was = before[name];
    return was instanceof Date && value instanceof Date
      ? was.getTime() !== value.getTime()
      : !Object.is(was, value);
  });
}

describe("a write in memory and in PostgreSQL", () => {
  const check = (name: string, run: (t: TestContext) => Promise<void>) =>
    test(name, async (t) => (postgres === undefined ? t.skip(postgresMissing) : run(t)));
  const report = (t: TestContext, all: readonly Attempt[]) => {
    const allowed = all.filter(({ expected }) => expected.length > 0).length;
    assert.ok(
      allowed > all.length / 10 && allowed < all.length * 0.9,
      `${allowed} of ${all.length} are allowed`,
    );
    t.diagnostic(`${all.length} comparisons, ${allowed} of them allowed`);
  };

  check("updates the same rows, to the same values", async (t) => {
    const every: Attempt[] = [];
    for (const before of rowsBefore) {
      for (const { document } of cases) {
        const table = quote(document.table);
        const row = `insert into ${table} (${columnsOf(document, before).join(", ")}) values (${valuesOf(before).join(", ")})`;
        await database.owner.query(`truncate ${table}; ${row}`);
      }
      for (const one of everyCase("update")) {
        const { context, document } = one;
        const write = (values: Row): string => {
          const columns = columnsOf(document, values);
          const sets = columns.map((column, index) => `${column} = ${valuesOf(values)[index]}`);
          return `update ${quote(document.table)} t set ${sets.length === 0 ? "id = id" : sets.join(", ")} returning to_jsonb(t)`;
        };
        const attempts = changes
          .filter((change) => isChange(before, change))
          .flatMap((change) =>
            attemptsOf(`${JSON.stringify(change)} of ${JSON.stringify(before)}`, one, before, change, write),
          );
        compare(document, attempts, await tryAll(one, attempts), context);
        every.push(...attempts);
      }
    }
    report(t, every);
  });

  check("inserts the same rows, with the same values", async (t) => {
    const every: Attempt[] = [];
    const rows = [...rowsBefore, ...changes.filter((change) => Object.keys(change).length > 0)];
    for (const one of everyCase("create")) {
      const { context, document } = one;
      const write = (values: Row): string =>
        `insert into ${quote(document.table)} as t (${columnsOf(document, values).join(", ")}) values (${valuesOf(values).join(", ")}) returning to_jsonb(t)`;
      const attempts = rows.flatMap((row) => {
        // Without a default, what is set to NULL is what is not set.
        const given = Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));
        return attemptsOf(JSON.stringify(given), one, undefined, given, write);
      });
      compare(document, attempts, await tryAll(one, attempts), context);
      every.push(...attempts);
    }
    report(t, every);
  });

  check("deletes the same rows", async (t) => {
    const every: Attempt[] = [];
    const numbered = rowsBefore.map((row, id) => ({ ...row, id }));
    for (const { document } of cases) {
      const table = quote(document.table);
      const values = numbered.map((row) => `(${valuesOf(row).join(", ")})`).join(", ");
      await database.owner.query(`truncate ${table}; insert into ${table} values ${values}`);
    }
    for (const one of everyCase("delete")) {
      const { context, document, rules, decision } = one;
      const attempts = numbered.map((row): Attempt => {
        const statement = `delete from ${quote(document.table)} t where id = ${row.id} returning to_jsonb(t)`;
        return {
          name: JSON.stringify(row),
          statement,
          expected: coversRow(rules, row, decision) ? [row] : [],
        };
      });
      compare(document, attempts, await tryAll(one, attempts), context);
      every.push(...attempts);
    }
    report(t, every);
  });
});
