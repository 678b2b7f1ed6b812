/** One Rego rule, four readings: OPA about each row, its WebAssembly about each row, the filter in memory and in SQLite. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { buildBundle, opaMissing, startOpa, type TestOpa } from "../../../../../testing/opa.ts";
import type { PolicyEngine, PolicyReach } from "../engine.ts";
import { PolicyUntranslatableError } from "../engine.ts";
import {
  covered,
  decided,
  filtered,
  inputAbout,
  nowMs,
  openThings,
  someKey,
  thing,
} from "../testing/things.ts";
import { opa } from "./opa.ts";
import { opaWasm } from "./opa-wasm.ts";

/** `RULE` stands for the rule's name. */
const translatable: readonly string[] = [
  'RULE if input.row.team == "red"',
  'RULE if "red" == input.row.team',
  'RULE if input.row.team != "red"',
  'RULE if not input.row.team == "red"',
  'RULE if input.row.team == ""',
  'RULE if input.row.team == "e\\u0301"',
  "RULE if input.row.team == input.principal.claims.team",
  "RULE if input.row.team != input.principal.claims.team",
  "RULE if input.row.team in input.principal.claims.teams",
  "RULE if not input.row.team in input.principal.claims.teams",
  "RULE if input.row.team == input.principal.claims.missing",
  "RULE if not input.row.team == input.principal.claims.missing",
  "RULE if input.row.team == null",
  "RULE if input.row.team != null",
  "RULE if not input.row.team == null",
  'RULE if input.row.team in {"red", "", null}',
  'RULE if not input.row.team in ["red", null]',
  "RULE if input.row.team in []",
  "RULE if not input.row.team in []",
  'RULE if startswith(input.row.team, "re")',
  'RULE if not startswith(input.row.team, "re")',
  'RULE if startswith(input.row.team, "")',
  'RULE if startswith(input.row.team, "%")',
  'RULE if contains(input.row.team, "e")',
  'RULE if not contains(input.row.team, "\'")',
  "RULE if input.row.team == input.row.status",
  "RULE if input.row.team != input.row.status",
  "RULE if not input.row.team == input.row.status",
  "RULE if input.row.total == 5",
  "RULE if input.row.total == 5.0",
  "RULE if input.row.total != 5",
  "RULE if input.row.total < 5",
  "RULE if input.row.total <= 5",
  "RULE if input.row.total > 5",
  "RULE if input.row.total >= 5",
  "RULE if 5 > input.row.total",
  "RULE if not input.row.total < 5",
  "RULE if not input.row.total >= 5",
  "RULE if input.row.total < 0.30000000000000004",
  "RULE if input.row.total <= 1e21",
  "RULE if input.row.total > -1e308",
  "RULE if input.row.total == -0",
  "RULE if input.row.total in [0, 0.1, null, 5e-324]",
  "RULE if input.row.total < input.row.limit",
  "RULE if input.row.total <= input.row.limit",
  "RULE if input.row.total > input.row.limit",
  "RULE if input.row.total >= input.row.limit",
  "RULE if not input.row.total > input.row.limit",
  "RULE if input.row.total == input.row.limit",
  "RULE if input.row.total <= input.principal.claims.level * 1.5",
  "RULE if input.row.paid",
  "RULE if not input.row.paid",
  "RULE if input.row.paid == true",
  "RULE if input.row.paid == false",
  "RULE if input.row.paid != true",
  "RULE if input.row.team",
  "RULE if not input.row.team",
  "RULE if input.row.at < input.nowMs",
  "RULE if input.row.at >= input.nowMs - 1",
  `RULE if input.row.at == ${nowMs}`,
  `RULE if not input.row.at in [${nowMs}, null]`,
  `RULE if input.row.key == "${someKey}"`,
  `RULE if not input.row.key == "${someKey}"`,
  'RULE if { input.row.team == "red"; input.row.total > 0; not input.row.paid }',
  'RULE if input.row.team == "red"\nRULE if input.row.total > 5',
  'default RULE := false\nRULE if input.row.team == "red"',
  'RULE := input.row.team == "red"',
  'RULE := true if input.row.team == "red"',
  'RULE if { same := input.row.team == "red"; same }',
  'RULE if { same := input.row.team == "red"; not same }',
  "RULE if { total := input.row.total; total >= 0; total <= 5 }",
  'RULE if some_red\nsome_red if input.row.team == "red"\nsome_red if input.row.status == "red"',
  'RULE if not no_red\nno_red if { input.row.team == "red"; input.row.total > 0 }\nno_red if input.row.status == "red"',
  'default RULE := false\nRULE if helped\ndefault helped := false\nhelped if input.row.team == "red"',
  'RULE if not helpful\ndefault helpful := false\nhelpful if input.row.team == "red"',
  'default RULE := true\nRULE := false if input.row.team == "red"',
  'RULE if { some team in ["red", "é"]; team == input.row.team }',
  'RULE if { every team in ["red", "é"] { team != input.row.team } }',
  'RULE if input.row.team == teams[_]\nteams := ["red", "Red"]',
  'RULE if statuses[input.row.team] == input.row.status\nstatuses := {"red": "", "é": "red"}',
  'RULE if is_red(input.row.team)\nis_red(team) if team == "red"',
  "RULE if true",
  "RULE if false",
  'RULE if "user" in input.principal.roles',
  'RULE if "admin" in input.principal.roles',
  'RULE if { "user" in input.principal.roles; input.row.team == "red" }',
  'RULE if input.permission == "thing:read"',
  "RULE if input.row.total < floor(time.now_ns() / 1000000000000)",
];

const untranslatable: readonly string[] = [
  'RULE if lower(input.row.team) == "red"',
  'RULE if endswith(input.row.team, "d")',
  'RULE if regex.match("^r", input.row.team)',
  "RULE if input.row.total + 1 > 5",
  'RULE if input.row.nobody == "red"',
  "RULE if input.row == null",
  "RULE if not input.row",
  'RULE if { some name; input.row[name] == "red" }',
  'RULE if "red" in [input.row.team, input.row.status]',
  "RULE if input.row.team == 5",
  'RULE if input.row.total == "5"',
  "RULE if input.row.total in [1, true]",
  'RULE if input.row.team == ["red"]',
  'RULE if input.row.team < "red"',
  "RULE if input.row.paid > false",
  "RULE if input.row.total > null",
  "RULE if input.row.team == input.row.total",
  "RULE if input.row.team < input.row.status",
  "RULE if input.row.total == 9007199254740993",
  "RULE if input.row.total < 0.1000000000000000055",
  "RULE if input.row.total < 1e400",
  "RULE if input.row.at == 1893490200.5",
  "RULE if input.row.at < 1e20",
  'RULE if input.row.key == "RED"',
  'RULE if startswith(input.row.key, "0b")',
  "RULE if startswith(input.row.team, input.row.status)",
  'RULE if object.get(input.row, "team", "") == "red"',
  'RULE if { helped with input.row.team as "red" }\nhelped if input.row.status == input.row.team',
  // A truth to OPA's own filters, which would turn this one round.
  'RULE := {"allow": false} if input.row.team == "red"',
  'RULE := "yes" if input.row.team == "red"',
  'RULE := x if { input.row.team == "red" } else := true\nx := false',
  'default RULE := true\nRULE := false if input.row.team == "red"\nRULE := true if input.row.team == "red2"',
];

const isTranslated = (text: string) => !untranslatable.includes(text);

/** Rules of random shape over random values. */
function randomRules(count: number): readonly string[] {
  const text = fc.constantFrom("red", "", "é", "Red", "%").map((one) => JSON.stringify(one));
  const number = fc.constantFrom("0", "5", "0.1", "-5", "1e21");
  const order = fc.constantFrom("==", "!=", "<", "<=", ">", ">=");
  const equality = fc.constantFrom("==", "!=");
  const attribute = fc.constantFrom("team", "status");
  const amount = fc.constantFrom("total", "limit");
  const leaf = fc.oneof(
    fc
      .tuple(attribute, equality, fc.oneof(text, fc.constant("null")))
      .map(([a, o, v]) => `input.row.${a} ${o} ${v}`),
    fc.tuple(amount, order, number).map(([a, o, v]) => `input.row.${a} ${o} ${v}`),
    fc.tuple(amount, order, amount).map(([a, o, b]) => `input.row.${a} ${o} input.row.${b}`),
    fc.tuple(attribute, fc.array(text, { maxLength: 3 })).map(([a, v]) => `input.row.${a} in [${v}]`),
    fc
      .tuple(fc.constantFrom("startswith", "contains"), attribute, text)
      .map(([f, a, v]) => `${f}(input.row.${a}, ${v})`),
    fc.constantFrom("input.row.paid", "input.row.paid == false", "input.row.at < input.nowMs"),
  );
  const maybeNot = fc.tuple(fc.boolean(), leaf).map(([negated, one]) => (negated ? `not ${one}` : one));
  const body = fc.array(maybeNot, { minLength: 1, maxLength: 3 }).map((all) => all.join("; "));
  const rule = fc
    .tuple(fc.array(body, { minLength: 1, maxLength: 3 }), fc.boolean())
    .map(([bodies, negated]) => {
      const name = negated ? "HELPER" : "RULE";
      const ways = bodies.map((one) => `${name} if { ${one} }`);
      return [...(negated ? ["RULE if not HELPER"] : []), ...ways].join("\n");
    });
  return fc.sample(rule, { numRuns: count, seed: 42 });
}

const fixed = [...translatable, ...untranslatable];
const random = randomRules(60);
const rules = [...fixed, ...random].map((text, index) => ({ text, path: `rules${index}/rule` }));
const sources = Object.fromEntries(
  rules.map(({ text }, index) => [
    `rules${index}.rego`,
    `package rules${index}\n\n${text.replaceAll("RULE", "rule").replaceAll("HELPER", "helper")}\n`,
  ]),
);

describe("a Rego rule", () => {
  let server: TestOpa | undefined;
  let bundle: Awaited<ReturnType<typeof buildBundle>>;
  const { database, rows } = openThings();
  before(async () => {
    server = await startOpa(sources);
    bundle = await buildBundle(
      sources,
      rules.map(({ path }) => path),
    );
  });
  after(async () => {
    await server?.close();
    bundle?.remove();
  });

  const remote = (path: string): PolicyEngine => {
    const options = { timeoutMs: 10_000, mostAtOnce: 1_000, claims: ["team"] };
    return opa({ url: server?.url ?? "", decision: path, filter: path, ...options });
  };
  const reachOf = async (engine: PolicyEngine): Promise<PolicyReach | undefined> =>
    engine.filter?.(inputAbout(), thing);

  test("leaves the same rows asked about each and asked for a filter", async (t) => {
    if (server === undefined || bundle === undefined) return t.skip(opaMissing);
    let compared = 0;
    const kept = { some: 0, all: 0, none: 0 };
    for (const { text, path } of rules.filter(({ text }) => isTranslated(text))) {
      const engine = remote(path);
      const reach = (await reachOf(engine)) ?? "none";
      const expected = await decided(engine, rows);
      assert.deepEqual(filtered(database, reach), expected, `${text}\nin SQLite: ${JSON.stringify(reach)}`);
      assert.deepEqual(covered(reach, rows), expected, `${text}\nin memory: ${JSON.stringify(reach)}`);
      kept[expected.length === 0 ? "none" : expected.length === rows.length ? "all" : "some"] += 1;
      compared += 2 * rows.length;
      engine.close?.();
    }
    assert.ok(kept.some > 100, JSON.stringify(kept));
    t.diagnostic(`${compared} comparisons, ${JSON.stringify(kept)}`);
  });

  test("decides each row alike on the server and in WebAssembly", async (t) => {
    if (server === undefined || bundle === undefined) return t.skip(opaMissing);
    let compared = 0;
    for (const { text, path } of rules) {
      // The clock, and what the package leaves to JavaScript, are the server's alone.
      if (/time\.|regex/.test(text)) continue;
      const engine = remote(path);
      const embedded = opaWasm({ wasm: bundle.path, decision: path, reload: false });
      const some = rows.filter((_, index) => index % 6 === compared % 6);
      assert.deepEqual(await outcomes(embedded, some), await outcomes(engine, some), text);
      compared += some.length;
      engine.close?.();
    }
    t.diagnostic(`${compared} comparisons`);
  });

  for (const text of untranslatable) {
    test(`is refused for lists: ${text.replaceAll("\n", " · ")}`, async (t) => {
      if (server === undefined) return t.skip(opaMissing);
      const { path } = rules[fixed.indexOf(text)] ?? { path: "" };
      await assert.rejects(reachOf(remote(path)), PolicyUntranslatableError);
    });
  }

  test("orders what is no finite number as PostgreSQL does", async (t) => {
    if (server === undefined || bundle === undefined) return t.skip(opaMissing);
    const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, "NaN", 5, null];
    const numbers = odd.flatMap((total) => odd.map((limit) => ({ ...rows[0], total, limit })));
    const identified = numbers.map((row, id) => ({ ...row, id }));
    for (const { text, path } of rules.filter(({ text }) => isTranslated(text) && /total|limit/.test(text))) {
      if (text.includes("time.")) continue;
      const engine = remote(path);
      const reach = (await reachOf(engine)) ?? "none";
      assert.deepEqual(covered(reach, identified), await decided(engine, identified), text);
      engine.close?.();
    }
    const embedded = opaWasm({
      wasm: bundle.path,
      decision: pathOf("RULE if input.row.total < input.row.limit"),
    });
    const engine = remote(pathOf("RULE if input.row.total < input.row.limit"));
    assert.deepEqual(await decided(embedded, identified), await decided(engine, identified));
  });

  const pathOf = (text: string) => rules.find((rule) => rule.text === text)?.path ?? "";
});

/** What an engine makes of each row: allow, deny, or nothing that is understood. */
async function outcomes(engine: PolicyEngine, rows: readonly object[]): Promise<readonly string[]> {
  return Promise.all(
    rows.map(async (row) => {
      try {
        return (await engine.decide(inputAbout(row as Record<string, unknown>))).effect;
      } catch {
        return "failed";
      }
    }),
  );
}
