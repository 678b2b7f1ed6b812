/** Rules as one contract: each has a resource and a table of its own, and one role has all of its grants. */
import { defineSecurity, type Security } from "../../../contract/define-security.ts";
import type { Grant } from "../../../contract/resource.ts";
import { createIssuer } from "../../../testing/issuer.ts";
import type { RowRules } from "../../authority.ts";
import type { Row } from "../../conditions/decide.ts";
import { createFilter, type RowFilter } from "../../conditions/filter.ts";
import type { PrincipalFacts } from "../../conditions/operand.ts";
import type { Dialect } from "../../conditions/sql/parts.ts";
import { coversRow } from "../../rows.ts";
import type { Rule } from "./corpus.ts";
import { createThing, nowMs, type Thing } from "./world.ts";

export interface Case {
  /** The rule as it is written, for messages. */
  readonly text: string;
  readonly thing: Thing;
  readonly grants: readonly Grant[];
}

export interface Cases {
  readonly security: Security;
  readonly cases: readonly Case[];
  readonly role: string;
}

/** @param first The number of the first rule: no two of one database may have the same. */
export function createCases(rules: readonly Rule[], dialect: Dialect, first = 0): Cases {
  const role = "everyone";
  const cases = rules.map((rule, offset): Case => {
    const index = first + offset;
    const thing = createThing(`thing${index}`, `th"ing ${index}`);
    const made = rule(thing);
    const grants = "kind" in made ? [thing.allow("read", { where: made })] : made;
    return { text: `${index}: ${textOf(rule, grants)}`, thing, grants };
  });
  const security = defineSecurity({
    ...createIssuer().contract,
    database: dialect,
    resources: cases.map(({ thing }) => thing),
    roles: { [role]: { grants: cases.flatMap(({ grants }) => grants) } },
  });
  return { security, cases, role };
}

/** A random rule's source says nothing: it is shown as what it made. */
function textOf(rule: Rule, grants: readonly Grant[]): string {
  const text = String(rule);
  return text.startsWith("({") || text.startsWith("() =>") ? text : JSON.stringify(grants);
}

export function rulesOf({ security, role }: Cases, { thing }: Case): RowRules {
  const index = security.roles.permissionIndex(`${thing.name}:read`) ?? -1;
  return security.roles.authorityOf([role]).rules[index] ?? { grants: [], denials: [] };
}

/** First reading: the rows that a rule covers, decided one by one. */
export function decidedRows(
  rules: RowRules,
  rows: readonly Row[],
  facts: PrincipalFacts,
  dialect: Dialect,
): readonly number[] {
  return rows.filter((row) => coversRow(rules, row, { facts, nowMs, dialect })).map(({ id }) => id as number);
}

/** Second reading: the filter for a query. */
export function filterOf({ grants }: Case, facts: PrincipalFacts, dialect: Dialect): RowFilter {
  const conditionsOf = (effect: Grant["effect"]) =>
    grants.filter((grant) => grant.effect === effect && grant.action === "read").map(({ where }) => where);
  return createFilter(
    { allowed: conditionsOf("allow"), denied: conditionsOf("deny") },
    { dialect, facts, nowMs },
  );
}
