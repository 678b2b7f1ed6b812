/** Random contracts, principals, rows and writes: small worlds in which rules of every kind meet. */
import fc from "fast-check";
import { defineSecurity, type Security } from "../../../contract/define-security.ts";
import { type Grant, resource } from "../../../contract/resource.ts";
import type { Asker, Question } from "../../../pipeline/decide.ts";
import { all, any, type Condition, not, now, principal } from "../../conditions/condition.ts";
import type { GrantData } from "../../grant-data.ts";
import type { RoleChanges } from "../../live-roles.ts";
import type { PolicyDecision, PolicyEngine, PolicyInput } from "../../policy/engine.ts";

export const nowMs = Date.UTC(2026, 0, 1);

const customer = resource("customer", {
  actions: ["read"],
  attributes: { id: "string", region: "string", limit: "number" },
});
const thing = resource("thing", {
  actions: ["create", "read", "update", "delete", "approve"],
  attributes: {
    id: "string",
    ownerId: "string",
    team: "string",
    total: "number",
    flag: "boolean",
    at: "date",
  },
  relations: { customer: { resource: customer, from: "id", to: "id" } },
});
/** Without attributes: its permissions are all there is to decide. */
const report = resource("report", { actions: ["run"], attributes: {} });

const texts = ["alice", "bob", "red", "blue", ""] as const;
const numbers = [0, 1, 5, -1] as const;
const { where, attribute } = thing;

const reference = fc.constantFrom(
  principal.id,
  principal.claim("team"),
  principal.claim("teams"),
  principal.claim("missing"),
);
const text = fc.oneof(fc.constantFrom(...texts), reference);
const number = fc.oneof(
  fc.constantFrom(...numbers),
  fc.constantFrom("level", "team", "missing").map(principal.claim),
);
const textAttribute = fc.constantFrom("ownerId", "team") as fc.Arbitrary<"ownerId" | "team">;

const leaf: fc.Arbitrary<Condition> = fc.oneof(
  fc.tuple(textAttribute, text).map(([name, value]) => where[name].eq(value)),
  fc.tuple(textAttribute, text).map(([name, value]) => where[name].ne(value)),
  fc
    .tuple(textAttribute, fc.array(text, { minLength: 1, maxLength: 3 }))
    .map(([name, values]) => where[name].in(values)),
  fc
    .tuple(textAttribute, fc.array(text, { minLength: 1, maxLength: 3 }))
    .map(([name, values]) => where[name].notIn(values)),
  textAttribute.map((name) => where[name].in(principal.claim("teams"))),
  textAttribute.map((name) => where[name].notIn(principal.claim("teams"))),
  fc.tuple(textAttribute, text).map(([name, value]) => where[name].startsWith(value)),
  fc.tuple(textAttribute, text).map(([name, value]) => where[name].contains(value)),
  fc
    .tuple(fc.constantFrom("eq", "ne", "lt", "lte", "gt", "gte"), number)
    .map(([operator, value]) => where.total[operator as "lt"](value)),
  fc.boolean().map((value) => where.flag.eq(value)),
  fc.constantFrom(now, now.minus("1h"), now.plus("1h")).map((at) => where.at.gt(at)),
  fc.constantFrom(where.team.isNull(), where.total.isNull(), where.at.isNull()),
  fc.constant(where.ownerId.ne(attribute.team)),
  text.map((value) => where.customer.region.eq(value)),
  number.map((value) => where.customer.limit.gte(value)),
);

export const condition: fc.Arbitrary<Condition> = fc.letrec<{ tree: Condition }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    fc.array(tie("tree"), { minLength: 1, maxLength: 3 }).map((branches) => all(...branches)),
    fc.array(tie("tree"), { minLength: 1, maxLength: 3 }).map((branches) => any(...branches)),
    tie("tree").map(not),
  ),
})).tree;

const action = fc.constantFrom(
  "create",
  "read",
  "read",
  "update",
  "delete",
  "approve",
) as fc.Arbitrary<"read">;
const covered = fc.option(condition, { nil: undefined, freq: 1 });

const set = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  fc.constantFrom(
    { ownerId: principal.id },
    { team: principal.claim("team") },
    { total: principal.claim("level") },
    { ownerId: principal.id, team: principal.claim("missing") },
    { flag: true },
    { at: now },
    { at: new Date(nowMs) },
  ),
);

const grant: fc.Arbitrary<Grant> = fc
  .record({
    effect: fc.constantFrom("allow", "allow", "allow", "allow", "allow", "deny"),
    action,
    covered,
    fields: fc.option(fc.subarray(["ownerId", "team", "total", "flag", "at"] as const), { nil: undefined }),
    set,
    assurance: fc.constantFrom(undefined, undefined, undefined, "password", "mfa"),
    maxAge: fc.constantFrom(undefined, undefined, undefined, "5m"),
  })
  .map(({ effect, action: of, covered: rows, ...more }) => {
    const given = rows === undefined ? {} : { where: rows };
    // Denials of every row are had by `deniesAll`: here they would leave nothing to decide.
    if (effect === "deny") return rows === undefined ? thing.allow(of) : thing.deny(of, given);
    const options = Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined));
    return thing.allow(of, { ...given, ...options });
  });

const deniesAll: fc.Arbitrary<Grant> = action.map((of) => thing.deny(of));
const grants = fc.array(fc.oneof({ weight: 30, arbitrary: grant }, deniesAll), {
  minLength: 2,
  maxLength: 8,
  size: "max",
});

/** What a random contract is made of. */
export interface ContractParts {
  readonly user: readonly Grant[];
  readonly editor: readonly Grant[];
  readonly manager: readonly Grant[];
  readonly admin: readonly Grant[];
  readonly first: Condition;
  readonly second: Condition;
  readonly database: "sqlite" | "postgresql";
  readonly policy?: keyof typeof policies | undefined;
}

/** Engines that deny, hide, fail, and leave some rows of a list, each by what it is told. */
const decide = ({ row: of, after, principal: { claims } }: PolicyInput): PolicyDecision => {
  if (claims.level === 0) throw new Error("It does not answer.");
  if (of?.total === 5) return { effect: "deny", reason: "too much", code: "ceiling" };
  if (of?.flag === true) return { effect: "deny", reason: "hidden", hide: true };
  if (after?.team === "blue") return { effect: "deny", reason: "no blue" };
  return { effect: "allow", reason: "nothing against it" };
};
const policies = {
  all: {
    name: "all",
    claims: ["level"],
    decide,
    filter({ principal: { claims } }) {
      if (claims.level === 0) throw new Error("It does not answer.");
      return where.total.ne(5);
    },
  },
  later: {
    name: "later",
    claims: ["level"],
    decide: async (input) => decide(input),
    filter: async () => "none" as const,
  },
  some: { name: "some", permissions: ["thing:update", "report:run"], decide, filter: () => "all" },
} as const satisfies Readonly<Record<string, PolicyEngine>>;

export const contractParts: fc.Arbitrary<ContractParts> = fc.record({
  user: grants,
  editor: grants,
  manager: grants,
  admin: grants,
  first: condition,
  second: condition,
  database: fc.constantFrom("sqlite", "postgresql") as fc.Arbitrary<"sqlite" | "postgresql">,
  policy: fc.constantFrom(undefined, undefined, "all", "all", "later", "some"),
});

/** A contract of four roles that inherit from each other, with named conditions for grants that are data. */
export function createContract(parts: ContractParts): Security {
  const { user, editor, manager, admin, first, second, database, policy } = parts;
  return defineSecurity({
    issuer: "http://localhost:3000",
    audience: "http://localhost:3000/api",
    resources: [thing, customer, report],
    database,
    roles: {
      user: { grants: user },
      editor: { extends: ["user"], grants: editor },
      manager: { extends: ["user"], grants: manager },
      admin: { extends: ["manager", "editor"], grants: [...admin, report.allow("run")] },
    },
    conditions: { first, second },
    ...(policy === undefined ? {} : { policy: policies[policy] }),
    keys: { keys: [] },
  });
}

const grantData: fc.Arbitrary<GrantData> = fc
  .record({
    effect: fc.constantFrom("allow", "allow", "deny") as fc.Arbitrary<"allow" | "deny">,
    action,
    where: fc.constantFrom(undefined, "first", "second", "gone"),
  })
  .map(({ effect, action: of, where: name }) => ({
    effect,
    permission: `thing:${of}`,
    ...(name === undefined ? {} : { where: name }),
  }));

/** Custom roles and direct grants, some of which the contract no longer knows. */
export const roleChanges: fc.Arbitrary<RoleChanges> = fc
  .record({
    reviewer: fc.array(grantData, { maxLength: 3 }),
    deputy: fc.array(grantData, { maxLength: 2 }),
    alice: fc.array(grantData, { maxLength: 2 }),
  })
  .map(({ reviewer, deputy, alice }) => ({
    since: 0,
    version: 1,
    complete: true,
    roles: {
      reviewer: { extends: ["user"], grants: reviewer },
      deputy: { extends: ["reviewer", "editor"], grants: deputy },
    },
    subjects: [{ kind: "account" as const, id: "alice", grants: alice }],
  }));

export const asker: fc.Arbitrary<Asker> = fc.record({
  id: fc.constantFrom("alice", "bob"),
  kind: fc.constantFrom("account", "account", "client") as fc.Arbitrary<"account" | "client">,
  roles: fc.oneof(
    { weight: 1, arbitrary: fc.subarray(["user", "editor", "manager", "reviewer", "stranger"]) },
    { weight: 3, arbitrary: fc.constantFrom(["admin"], ["deputy", "manager"], ["admin", "reviewer"]) },
  ),
  claims: fc.constantFrom<Asker["claims"][]>(
    {},
    { team: "red", level: 5, teams: ["red", "bob"] },
    { team: "blue", level: 0, teams: ["blue", 7, "alice"] },
    { team: 7, level: "5", teams: "red" },
    { team: "", teams: [] },
  ),
});

const at = fc.constantFrom(new Date(nowMs), new Date(nowMs - 3_600_000), nowMs + 3_600_001, null);

/** Rows as a driver gives them. */
export const row: fc.Arbitrary<Record<string, unknown>> = fc
  .record({
    id: fc.constantFrom("1", "2"),
    ownerId: fc.constantFrom<(string | null)[]>(...texts, null),
    team: fc.constantFrom<(string | null)[]>(...texts, null),
    total: fc.constantFrom<(number | string | null)[]>(
      ...numbers,
      "5.00",
      Number.NaN,
      Number.POSITIVE_INFINITY,
      null,
    ),
    flag: fc.constantFrom<(boolean | number | null)[]>(true, false, 0, 1, null),
    at,
    region: fc.constantFrom(...texts),
    limit: fc.constantFrom(...numbers),
    related: fc.constantFrom("own", "own", "own", "none", "other"),
  })
  .map(({ region, limit, related, ...own }) => ({
    ...own,
    customer: related === "none" ? null : { id: related === "own" ? own.id : "elsewhere", region, limit },
  }));

/** The same, with an attribute missing or of another type now and then: such a row cannot be decided. */
export const oddRow: fc.Arbitrary<Record<string, unknown>> = fc
  .tuple(row, fc.constantFrom("", "", "", "", "ownerId", "total", "customer", "at"), fc.boolean())
  .map(([whole, odd, missing]) => {
    if (odd === "") return whole;
    const { [odd]: _, ...rest } = whole;
    return missing ? rest : { ...rest, [odd]: { odd: true } };
  });

export const changes: fc.Arbitrary<Record<string, unknown>> = fc.dictionary(
  fc.constantFrom("ownerId", "team", "total", "flag", "at", "password"),
  fc.constantFrom<unknown[]>("alice", "red", 5, true, null, new Date(nowMs)),
  { maxKeys: 3 },
);

const permissions = ["read", "update", "delete", "approve"].map((name) => `thing:${name}`);

/** Anything that a route could ask. */
export const question: fc.Arbitrary<Question> = fc
  .record({
    principal: asker,
    scopes: fc.oneof(
      { weight: 5, arbitrary: fc.constant(undefined) },
      fc.constantFrom([], ["thing:read"], ["thing:read", "thing:update"]),
    ),
    acr: fc.constantFrom(undefined, "password", "mfa"),
    authenticatedAtMs: fc.constantFrom(undefined, nowMs - 60_000, nowMs - 3_600_000),
    demand: fc.constantFrom(undefined, undefined, undefined, { assurance: "mfa" }, { maxAge: "10m" }),
    asked: fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({
          permission: fc.constantFrom(...permissions),
          row: oddRow,
          changes: fc.option(changes, { nil: undefined }),
        }),
      },
      fc.record({ permission: fc.constant("thing:create"), row: fc.constant(undefined), changes }),
      fc.record({
        permission: fc.constantFrom("report:run", ...permissions),
        row: fc.constant(undefined),
        changes: fc.constant(undefined),
      }),
    ),
  })
  .map(({ asked, principal: who, scopes, acr, authenticatedAtMs, ...more }) => {
    // What carries scopes, or is a client's, tells nothing of a sign-in.
    const bySession = scopes === undefined && who.kind === "account";
    return {
      ...more,
      principal: who,
      scopes,
      ...asked,
      nowMs,
      acr: bySession ? acr : undefined,
      authenticatedAtMs: bySession ? authenticatedAtMs : undefined,
    };
  });
