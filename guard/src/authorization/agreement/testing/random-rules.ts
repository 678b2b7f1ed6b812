/** Rules of random shape over the values that readings disagree about most easily. */
import fc from "fast-check";
import { all, any, type Condition, not, now, principal } from "../../conditions/condition.ts";
import type { Rule } from "./corpus.ts";
import { family, hostileClaim, nowMs, otherKey, rowKey, sum, type Thing } from "./world.ts";

type RandomCondition = (thing: Thing) => Condition;

const claimOf = (...names: readonly string[]) => fc.constantFrom(...names).map(principal.claim);
const anyClaim = claimOf(
  "team",
  "teams",
  "level",
  "levels",
  "verified",
  "since",
  "key",
  "missing",
  hostileClaim,
);
const list = claimOf("teams", "levels", "sinces", "keys", "team", "missing");

const text = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      "",
      "a",
      "A",
      "é",
      "e\u0301",
      "𝒳",
      "red",
      "'",
      "\\",
      "%",
      "_",
      '"',
      "\uffff",
      family,
    ),
  },
  fc.constant(principal.id),
  anyClaim,
);
const number = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      0,
      -0,
      1,
      -1,
      0.1,
      0.3,
      sum,
      2 ** 53,
      2 ** 53 - 1,
      1e308,
      5e-324,
      2 ** 31,
      -0.5,
      Number.POSITIVE_INFINITY,
    ),
  },
  anyClaim,
);
const instant = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(0, -1, 1, nowMs, nowMs - 1, Date.UTC(1900, 1, 28)).map((at) => new Date(at)),
  },
  fc.constantFrom(now, now.minus("1h"), now.plus("24h")),
  anyClaim,
);
const key = fc.oneof({ weight: 2, arbitrary: fc.constantFrom(rowKey, otherKey) }, anyClaim);
const flag = fc.oneof({ weight: 2, arbitrary: fc.boolean() }, anyClaim);

const equality = fc.constantFrom("eq", "ne");
const order = fc.constantFrom("eq", "ne", "lt", "lte", "gt", "gte");
const membership = fc.constantFrom("in", "notIn");
const someOf = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: 1, maxLength: 4 });
const texts = fc.constantFrom("text", "other", "customerId");
const numbers = fc.constantFrom("float", "limit", "int4", "int8", "numeric");
const literalDates = fc.constantFrom(new Date(0), new Date(nowMs), new Date(-1));

/** Each attribute is given values of its own type: the names are all there is to it. */
type Build = Readonly<Record<string, (value: unknown) => Condition>>;
const build = (thing: Thing, attribute: string) =>
  (thing.where as unknown as Readonly<Record<string, Build>>)[attribute];
const leafOf = (attribute: string, operator: string, value: unknown): RandomCondition => {
  return (thing) => build(thing, attribute)?.[operator]?.(value) ?? assertNever(attribute, operator);
};
function assertNever(attribute: string, operator: string): never {
  throw new TypeError(`There is no ${attribute}.${operator}.`);
}
const leaf = (
  attribute: fc.Arbitrary<string>,
  operator: fc.Arbitrary<string>,
  value: fc.Arbitrary<unknown>,
): fc.Arbitrary<RandomCondition> => fc.tuple(attribute, operator, value).map((parts) => leafOf(...parts));
const between = (attributes: readonly (keyof Thing["attribute"])[], operator: fc.Arbitrary<string>) =>
  fc.tuple(fc.constantFrom(...attributes), operator, fc.constantFrom(...attributes)).map(
    ([left, name, right]): RandomCondition =>
      (thing) =>
        leafOf(left, name, thing.attribute[right])(thing),
  );

const leaves: fc.Arbitrary<RandomCondition> = fc.oneof(
  leaf(texts, equality, text),
  leaf(texts, membership, fc.oneof(someOf(text), list)),
  leaf(texts, fc.constantFrom("startsWith", "contains"), text),
  leaf(numbers, order, number),
  leaf(numbers, membership, fc.oneof(someOf(number), list)),
  leaf(fc.constantFrom("at", "until"), order, instant),
  leaf(fc.constantFrom("at", "until"), membership, fc.oneof(someOf(literalDates), list)),
  leaf(fc.constantFrom("key", "parent"), equality, key),
  leaf(fc.constant("key"), membership, fc.oneof(someOf(key), list)),
  leaf(fc.constantFrom("flag", "done"), equality, flag),
  leaf(
    fc.constantFrom("text", "float", "numeric", "flag", "at", "key"),
    fc.constant("isNull"),
    fc.constant(undefined),
  ),
  between(["text", "other"], equality),
  between(["float", "limit", "int4", "int8", "numeric"], order),
  between(["at", "until"], order),
  fc.constantFrom<RandomCondition>(
    ({ where }) => where.customer.region.eq("north"),
    ({ where }) => where.customer.region.eq(principal.claim("team")),
    ({ where }) => where.customer.tier.gt(principal.claim("level")),
    ({ where }) => where.customer.since.lte(now),
  ),
);

const condition = fc.letrec<{ tree: RandomCondition }>((tie) => {
  const branches = fc.array(tie("tree"), { minLength: 1, maxLength: 3 });
  return {
    tree: fc.oneof(
      { maxDepth: 3 },
      leaves,
      branches.map(
        (some): RandomCondition =>
          (thing) =>
            all(...some.map((one) => one(thing))),
      ),
      branches.map(
        (some): RandomCondition =>
          (thing) =>
            any(...some.map((one) => one(thing))),
      ),
      tie("tree").map(
        (one): RandomCondition =>
          (thing) =>
            not(one(thing)),
      ),
    ),
  };
}).tree;

export const randomRule: fc.Arbitrary<Rule> = fc
  .tuple(fc.array(condition, { minLength: 1, maxLength: 2 }), fc.array(condition, { maxLength: 1 }))
  .map(
    ([allowed, denied]): Rule =>
      (thing) => [
        ...allowed.map((one) => thing.allow("read", { where: one(thing) })),
        ...denied.map((one) => thing.deny("read", { where: one(thing) })),
      ],
  );
