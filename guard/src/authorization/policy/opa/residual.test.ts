/** What is left of a rule, in shapes that OPA gives and in some that it never should. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { all, any, not } from "../../conditions/condition.ts";
import { PolicyUntranslatableError } from "../engine.ts";
import { thing } from "../testing/things.ts";
import { toReach } from "./residual.ts";

const { where } = thing;
const variable = (value: string) => ({ type: "var", value });
const text = (value: string) => ({ type: "string", value });
const path = (...[root = "", ...names]: readonly string[]) => ({
  type: "ref",
  value: [variable(root), ...names.map(text)],
});
const attribute = (name: string) => path("input", "row", name);
const expression = (operator: string, ...operands: readonly unknown[]) => ({
  index: 0,
  terms: [path(...operator.split(".")), ...operands],
});
const isRed = expression("eq", attribute("team"), text("red"));
const rule = (name: string, body: readonly unknown[], more: object = {}) => ({
  head: { name, value: { type: "boolean", value: true }, ref: [variable(name)] },
  body,
  ...more,
});
const supported = (rules: readonly unknown[], query: readonly unknown[]) => ({
  queries: [query],
  support: [{ package: { path: [variable("data"), text("partial")] }, rules }],
});
const helped = (negated: boolean) => ({ index: 0, negated, terms: path("data", "partial", "helper") });

describe("what is left of a rule", () => {
  const understood = [
    { name: "nothing at all", given: {}, reach: "none" },
    { name: "no ways", given: { queries: [] }, reach: "none" },
    { name: "a way without conditions", given: { queries: [[isRed], []] }, reach: "all" },
    { name: "one way", given: { queries: [[isRed]] }, reach: where.team.eq("red") },
    {
      name: "a way of two",
      given: { queries: [[isRed, { ...isRed, negated: true }]] },
      reach: all(where.team.eq("red"), not(where.team.eq("red"))),
    },
    {
      name: "an order that NULL comes before",
      given: { queries: [[expression("lt", attribute("total"), { type: "number", value: 5 })]] },
      reach: any(where.total.lt(5), where.total.isNull()),
    },
    {
      name: "a rule of its own, negated",
      given: supported([rule("helper", [isRed])], [helped(true)]),
      reach: not(where.team.eq("red")),
    },
    {
      name: "values that are known on both sides",
      given: {
        queries: [[expression("neq", text("a"), text("b"))], [expression("eq", text("a"), text("b"))]],
      },
      reach: "all",
    },
  ] as const;
  for (const { name, given, reach } of understood) {
    test(`is understood: ${name}`, () => assert.deepEqual(toReach(given, thing), reach));
  }

  const deep = (levels: number): unknown =>
    levels === 0 ? text("red") : { type: "array", value: [deep(levels - 1)] };
  const refused: Readonly<Record<string, unknown>> = {
    "no object": [isRed],
    "nothing understood": { queries: [[isRed]], warnings: [] },
    "queries that are no list": { queries: { 0: [isRed] } },
    "a way that is no list": { queries: [isRed] },
    "an expression that is none": { queries: [["true"]] },
    "an expression under another input": {
      queries: [[{ ...isRed, with: [{ target: attribute("team"), value: text("x") }] }]],
    },
    "an expression negated by a word": { queries: [[{ ...isRed, negated: "no" }]] },
    "an expression without terms": { queries: [[{ index: 0 }]] },
    "an unknown function": { queries: [[expression("lower", attribute("team"), text("red"))]] },
    "a function that every object has": {
      queries: [[expression("constructor", attribute("team"), text("red"))]],
    },
    "a comparison of one": { queries: [[expression("eq", attribute("team"))]] },
    "a comparison of four": {
      queries: [[expression("eq", attribute("team"), text("a"), text("b"), text("c"))]],
    },
    "a comparison whose value is text": {
      queries: [[expression("equal", attribute("team"), text("a"), text("true"))]],
    },
    "an attribute of another row": {
      queries: [[expression("eq", path("input", "other", "team"), text("red"))]],
    },
    "an attribute that is inherited": {
      queries: [[expression("eq", attribute("constructor"), text("red"))]],
    },
    "a part of an attribute": {
      queries: [[expression("eq", path("input", "row", "team", "x"), text("red"))]],
    },
    "a variable": { queries: [[expression("eq", variable("x"), attribute("team"))]] },
    "a reference through a variable": {
      queries: [
        [
          expression(
            "eq",
            { type: "ref", value: [variable("input"), text("row"), variable("x")] },
            text("red"),
          ),
        ],
      ],
    },
    "text that says it is a number": {
      queries: [[expression("eq", attribute("total"), { type: "number", value: "5" })]],
    },
    "a number that was not read exactly": {
      queries: [[expression("eq", attribute("total"), { type: "number", value: Number.NaN })]],
    },
    "text that no database stores": { queries: [[expression("eq", attribute("team"), text("\0"))]] },
    "a list of lists": {
      queries: [[expression("internal.member_2", attribute("team"), { type: "array", value: [deep(1)] })]],
    },
    "a rule that is not told": { queries: [[helped(false)]] },
    "a rule with arguments": supported(
      [
        rule("helper", [isRed], {
          head: {
            name: "helper",
            value: { type: "boolean", value: true },
            ref: [variable("helper")],
            args: [],
          },
        }),
      ],
      [helped(false)],
    ),
    "a rule of another value": supported(
      [rule("helper", [isRed], { head: { name: "helper", value: text("yes"), ref: [variable("helper")] } })],
      [helped(false)],
    ),
    "a rule with an `else`": supported([rule("helper", [isRed], { else: {} })], [helped(false)]),
    "a rule that refers to itself": supported([rule("helper", [helped(true)])], [helped(false)]),
    "rules that double at each step": supported(
      Array.from({ length: 40 }, (_, level) => {
        const next = { index: 0, terms: path("data", "partial", `r${level + 1}`) };
        return rule(`r${level}`, level === 39 ? [isRed] : [next, next]);
      }),
      [{ index: 0, terms: path("data", "partial", "r0") }],
    ),
    "too many ways": { queries: Array.from({ length: 2_001 }, () => [isRed]) },
  };
  for (const [name, given] of Object.entries(refused)) {
    test(`is refused: ${name}`, () => {
      assert.throws(() => toReach(given, thing), PolicyUntranslatableError);
    });
  }
});
