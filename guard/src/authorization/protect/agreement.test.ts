/** What a protected query finds and changes is what the rule decides of each row in memory. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { defineSecurity } from "../../contract/define-security.ts";
import { type Grant, resource } from "../../contract/resource.ts";
import { accessOf } from "../access.ts";
import { all, any, type Condition, not, principal } from "../conditions/condition.ts";
import { compileDecision, type Row } from "../conditions/decide.ts";
import { coversRow, type DecisionContext, decideWrite } from "../rows.ts";
import { conditionAfter } from "./after.ts";
import { protect, WriteDeniedError } from "./index.ts";
import { openMemory } from "./testing/sqlite.ts";

interface Tables {
  thing: {
    id: number;
    ownerId: string | null;
    team: string | null;
    total: number | null;
    flag: number | null;
  };
}

const customer = resource("customer", { actions: ["read"], attributes: { id: "string", region: "string" } });
const thing = resource("thing", {
  actions: ["create", "read", "update", "delete"],
  attributes: { id: "number", ownerId: "string", team: "string", total: "number", flag: "boolean" },
  relations: { customer: { resource: customer, from: "team", to: "id" } },
});
const { where, attribute } = thing;

const texts = ["alice", "bob", "red", ""];
const numbers = [0, 1, 5, -1];
const text = fc.constantFrom(...texts, principal.id, principal.claim("team"), principal.claim("missing"));
const number = fc.constantFrom(...numbers);
const leaf: fc.Arbitrary<Condition> = fc.oneof(
  fc.tuple(fc.constantFrom("ownerId", "team"), text).map(([name, value]) => where[name as "team"].eq(value)),
  fc.tuple(fc.constantFrom("ownerId", "team"), text).map(([name, value]) => where[name as "team"].ne(value)),
  fc
    .tuple(fc.constantFrom("eq", "ne", "lt", "lte", "gt", "gte"), number)
    .map(([operator, value]) => where.total[operator as "lt"](value)),
  fc
    .tuple(fc.constantFrom("eq", "ne"), fc.boolean())
    .map(([operator, value]) => where.flag[operator as "eq"](value)),
  fc.constantFrom(
    where.team.isNull(),
    where.total.isNull(),
    where.ownerId.ne(attribute.team),
    where.ownerId.eq(attribute.team),
  ),
  fc.array(text, { minLength: 1, maxLength: 2 }).map((values) => where.team.in(values)),
  fc.array(text, { minLength: 1, maxLength: 2 }).map((values) => where.ownerId.notIn(values)),
  text.map((value) => where.customer.region.eq(value)),
  fc
    .constantFrom("eq", "ne", "lt", "lte", "gt", "gte")
    .map((operator) => where.total[operator as "lt"](attribute.id)),
);
const condition = fc.letrec<{ tree: Condition }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 2 },
    leaf,
    fc.array(tie("tree"), { minLength: 1, maxLength: 2 }).map((branches) => all(...branches)),
    fc.array(tie("tree"), { minLength: 1, maxLength: 2 }).map((branches) => any(...branches)),
    tie("tree").map(not),
  ),
})).tree;

const fields = ["ownerId", "team", "total", "flag"] as const;
const set = fc.constantFrom(undefined, undefined, { ownerId: principal.id }, { flag: true });
const grant: fc.Arbitrary<Grant> = fc
  .record({
    action: fc.constantFrom("read", "read", "update", "update", "delete", "create") as fc.Arbitrary<"read">,
    covered: fc.option(condition, { nil: undefined, freq: 4 }),
    denies: fc.constantFrom(false, false, false, true),
    allowed: fc.option(fc.subarray([...fields]), { nil: undefined }),
  })
  .map(({ action, covered, denies, allowed }) => {
    const rows = covered === undefined ? {} : { where: covered };
    if (denies) return thing.deny(action, rows);
    return thing.allow(action, { ...rows, ...(allowed === undefined ? {} : { fields: allowed }) });
  });

const row = fc.record({
  ownerId: fc.constantFrom(null, ...texts),
  team: fc.constantFrom(null, ...texts),
  total: fc.constantFrom(null, ...numbers),
  flag: fc.constantFrom(null, 0, 1),
});
const changes = fc.record(
  {
    ownerId: fc.constantFrom(null, ...texts),
    team: fc.constantFrom(null, ...texts),
    total: fc.constantFrom(null, ...numbers),
    flag: fc.constantFrom(null, 0, 1),
  },
  { requiredKeys: [] },
);

const world = fc.record({
  grants: fc.array(grant, { minLength: 1, maxLength: 6 }),
  /** What each grant of an update sets: one for all, for a statement assigns one set of values. */
  set,
  rows: fc.array(row, { minLength: 1, maxLength: 5 }),
  changes,
});

const regions = new Map([
  ["alice", "red"],
  ["red", "bob"],
]);

/** The row with its related one, as a loader would give it. */
const whole = (plain: Row): Row => {
  const region = regions.get(String(plain.team));
  return { ...plain, customer: region === undefined ? null : { id: plain.team, region } };
};

function open({ grants, set: forced, rows }: typeof world extends fc.Arbitrary<infer World> ? World : never) {
  const given = grants.map((one) => {
    if (one.effect === "deny" || forced === undefined || !/update|create/.test(one.action)) return one;
    const options = {
      ...(one.where && { where: one.where }),
      ...(one.fields && { fields: one.fields as never }),
    };
    return thing.allow(one.action as "update", { ...options, set: forced });
  });
  const security = defineSecurity({
    issuer: "http://localhost:3000",
    audience: "http://localhost:3000/api",
    resources: [thing, customer],
    database: "sqlite",
    roles: { user: { grants: given } },
    limits: { address: "600/1m" },
  });
  const { db, raw } = openMemory<Tables>(
    `create table "thing" ("id" integer primary key, "ownerId" text, "team" text, "total" real, "flag" integer);
     create table "customer" ("id" text primary key, "region" text);
     insert into "customer" values ${[...regions].map(([id, region]) => `('${id}', '${region}')`).join(", ")}`,
  );
  const insert = raw.prepare("insert into thing values (?, ?, ?, ?, ?)");
  const stored = rows.map((one, id) => {
    insert.run(id, one.ownerId, one.team, one.total, one.flag);
    return { id, ...one };
  });
  const nowMs = Date.UTC(2026, 0, 1);
  const claims = { team: "red" };
  const access = accessOf(security, { id: "alice", kind: "account", roles: ["user"], claims }, { nowMs });
  const context: DecisionContext = { facts: access.facts, nowMs, dialect: "sqlite" };
  const covers = (action: string, one: Row) =>
    coversRow(access.rulesOf(`thing:${action}`), whole(one), context);
  const all = () =>
    raw
      .prepare("select * from thing order by id")
      .all()
      .map((one) => ({ ...one }));
  return { mine: protect(db, access), access, context, covers, stored, all };
}

const runs = { numRuns: 250 };

/** A denied write changes nothing. */
async function attempt(run: () => Promise<unknown>): Promise<boolean> {
  try {
    await run();
    return true;
  } catch (error) {
    if (error instanceof WriteDeniedError) return false;
    throw error;
  }
}

test("a select finds the rows that may be read", async () => {
  await fc.assert(
    fc.asyncProperty(world, async (of) => {
      const { mine, covers, stored } = open(of);
      const found = await mine.selectFrom("thing").select("id").orderBy("id").execute();
      const expected = stored.filter((one) => covers("read", one)).map(({ id }) => id);
      assert.deepEqual(
        found.map(({ id }) => id),
        expected,
      );
    }),
    runs,
  );
});

test("a delete takes the rows that may be read and deleted", async () => {
  await fc.assert(
    fc.asyncProperty(world, async (of) => {
      const { mine, covers, stored, all } = open(of);
      await attempt(() => mine.deleteFrom("thing").execute());
      assert.deepEqual(
        all(),
        stored.filter((one) => !(covers("read", one) && covers("delete", one))),
      );
    }),
    runs,
  );
});

test("an update changes the rows that may be read and so updated", async () => {
  await fc.assert(
    fc.asyncProperty(world, async (of) => {
      // The related row of a new key is no matter of the loaded row.
      const { team: _, ...given } = of.changes;
      if (Object.keys(given).length === 0) return;
      const { mine, access, context, covers, stored, all } = open(of);
      await attempt(() => mine.updateTable("thing").set(given).execute());
      const expected = stored.map((one) => {
        const decided = decideWrite(
          access.rulesOf("thing:update"),
          thing.attributes,
          whole(one),
          given,
          context,
        );
        if (!covers("read", one) || !("values" in decided)) return one;
        const { flag = one.flag, ...values } = decided.values;
        return { ...one, ...values, flag: typeof flag === "boolean" ? Number(flag) : flag };
      });
      assert.deepEqual(all(), expected);
    }),
    runs,
  );
});

test("an insert puts in the row that may be created, with what a grant sets", async () => {
  await fc.assert(
    fc.asyncProperty(world, async (of) => {
      const { mine, access, context, stored, all } = open(of);
      const given = { id: 100, ...of.changes };
      const allowed = await attempt(() =>
        mine
          .insertInto("thing")
          .values(given as never)
          .execute(),
      );
      const decided = decideWrite(
        access.rulesOf("thing:create"),
        thing.attributes,
        undefined,
        given,
        context,
      );
      // Memory has no related row for one that is not there yet: such a rule covers nothing, and bars.
      assert.equal(allowed, "values" in decided);
      if (!("values" in decided)) return assert.deepEqual(all(), stored);
      const { flag, ...values } = decided.values;
      const empty = { ownerId: null, team: null, total: null };
      const created = {
        ...empty,
        ...values,
        flag: typeof flag === "boolean" ? Number(flag) : (flag ?? null),
      };
      assert.deepEqual(all(), [...stored, created]);
    }),
    runs,
  );
});

test("two attributes of which one is assigned compare as they will", () => {
  const context = { facts: { id: "alice", claims: {} }, nowMs: 0 };
  const values = [null, 0, 1, 5];
  for (const operator of ["eq", "ne", "lt", "lte", "gt", "gte"] as const) {
    const compared = where.total[operator](attribute.id);
    for (const total of values) {
      for (const id of values) {
        const expected = compileDecision(compared)({ total, id }, context.facts, 0);
        const decide = (assigned: Row, stays: Row) =>
          compileDecision(conditionAfter(compared, assigned, context, false))(stays, context.facts, 0);
        assert.equal(decide({ total }, { id }), expected, `${total} ${operator} ${id}, the left is assigned`);
        assert.equal(
          decide({ id }, { total }),
          expected,
          `${total} ${operator} ${id}, the right is assigned`,
        );
      }
    }
  }
});
