/**
 * What row-level security can know of a contract beforehand: for each table, the conditions that grants over it may have.
 *
 * Which grants count is decided per caller, in JavaScript, and said in the context by a condition's key. The key is
 * derived from what the condition means: policies of another version of the contract never take one for another.
 */
import type { Security } from "../../contract/define-security.ts";
import { ContractError } from "../../contract/refusal.ts";
import type { Resource } from "../../contract/resource.ts";
import type { Condition } from "../conditions/condition.ts";
import { type Reference, referencesOf } from "../conditions/operand.ts";
import { columnsOf, type Sql } from "../conditions/sql/parts.ts";
import { writeCondition } from "../conditions/sql/write-condition.ts";
import { referenceKey, writeContextLeaf } from "./context-leaf.ts";
import { type Limits, limitsOf } from "./related-limits.ts";
import { digest, toDefinition } from "./sql-text.ts";

export type Command = "select" | "insert" | "update" | "delete";

/** The act that each of the database's commands needs a grant of. */
const actionOf: Readonly<Record<Command, string>> = Object.freeze({
  select: "read",
  insert: "create",
  update: "update",
  delete: "delete",
});
export const commands = Object.freeze(Object.keys(actionOf) as Command[]);

/** The key of "every row". */
export const everyRow = "*";
/** The key of a denial that no policy knows: it bars every row. */
export const unknownDenial = "?";

interface KnownCondition {
  readonly key: string;
  readonly condition: Condition;
}

/** What a policy knows of one permission. */
export interface KnownPermission {
  readonly command: Command;
  readonly permission: string;
  readonly index: number;
  /** What may allow, beside every row. */
  readonly allowed: readonly KnownCondition[];
  /** What may bar. */
  readonly denied: readonly KnownCondition[];
  /** The keys of the contract's own conditions, by the condition. */
  readonly allowedKeys: ReadonlyMap<Condition, string>;
  readonly deniedKeys: ReadonlyMap<Condition, string>;
}

export interface ProtectedTable {
  readonly resource: Resource;
  readonly permissions: readonly KnownPermission[];
}

export interface Plan {
  readonly tables: readonly ProtectedTable[];
  /** Everything of the caller and the time that some condition names. */
  readonly references: readonly Reference[];
}

/** A contract is frozen: its plan is made once. */
const plans = new WeakMap<Security, Plan>();

/** @throws {ContractError} `database_undeclared`, `row_level_security_unwritable` */
export function planOf(security: Security): Plan {
  const known = plans.get(security);
  if (known !== undefined) return known;
  const plan = createPlan(security);
  plans.set(security, plan);
  return plan;
}

/** A condition as SQL over the context. */
export function writeContextCondition(condition: Condition, negated = false): Sql {
  return writeCondition(condition, writeContextLeaf, columnsOf(undefined), negated);
}

function createPlan(security: Security): Plan {
  if (security.database !== "postgresql") {
    throw new ContractError(
      "database_undeclared",
      "security.database",
      "Only PostgreSQL secures rows itself.",
    );
  }
  const resources = [...security.resources.values()].filter(
    ({ attributes }) => Object.keys(attributes).length > 0,
  );
  const byTable = new Map<string, Resource>();
  for (const resource of resources) {
    const other = byTable.get(resource.table);
    if (other !== undefined) {
      throw new ContractError(
        "row_level_security_unwritable",
        `resource "${resource.name}".table`,
        `\`${other.name}\` is kept in the same table.`,
      );
    }
    byTable.set(resource.table, resource);
  }
  const candidates = new Map(resources.map((resource) => [resource, candidatesOf(resource, security)]));
  const conditionsByTable = new Map(
    [...candidates].map(([{ table }, some]) => [table, some.map(({ condition }) => condition)]),
  );
  const limits = limitsOf(conditionsByTable);
  const tables = resources.map((resource) => ({
    resource,
    permissions: commands.flatMap((command) =>
      knownPermission(resource, command, security, candidates.get(resource) ?? [], limits),
    ),
  }));
  const references = tables
    .flatMap(({ permissions }) => permissions.flatMap(({ allowed, denied }) => [...allowed, ...denied]))
    .flatMap(({ condition }) => referencesOf(condition));
  const distinct = new Map(references.map((reference) => [referenceKey(reference), reference]));
  return Object.freeze({ tables: Object.freeze(tables), references: Object.freeze([...distinct.values()]) });
}

/** A condition that a grant over a resource may have. */
interface Candidate {
  readonly condition: Condition;
  /** Where the contract itself uses it; `undefined`: it is named, for grants as data. */
  readonly use: { readonly effect: "allow" | "deny"; readonly action: string } | undefined;
}

function candidatesOf({ name }: Resource, { roles, conditions }: Security): readonly Candidate[] {
  const grants = new Set(roles.names.flatMap((role) => roles.grantsOf(role)));
  const own = [...grants].flatMap(({ resource, where, effect, action }): readonly Candidate[] =>
    resource === name && where !== undefined ? [{ condition: where, use: { effect, action } }] : [],
  );
  const named = [...conditions.values()]
    .filter((condition) => isOver(condition, name))
    .map((condition): Candidate => ({ condition, use: undefined }));
  return [...own, ...named];
}

function isOver(condition: Condition, resource: string): boolean {
  switch (condition.kind) {
    case "all":
    case "any":
      return condition.conditions.some((branch) => isOver(branch, resource));
    case "not":
      return isOver(condition.condition, resource);
    default:
      return condition.resource === resource;
  }
}

function knownPermission(
  resource: Resource,
  command: Command,
  { roles }: Security,
  candidates: readonly Candidate[],
  limits: Limits,
): readonly KnownPermission[] {
  const action = actionOf[command];
  const permission = `${resource.name}:${action}`;
  const index = roles.permissionIndex(permission);
  if (index === undefined) return [];
  const known = (effect: "allow" | "deny") => {
    const keys = new Map<Condition, string>();
    const byKey = new Map<string, KnownCondition>();
    for (const { condition, use } of candidates) {
      if (use !== undefined && (use.effect !== effect || use.action !== action)) continue;
      const problem = limits(resource.table, condition, effect === "deny");
      if (problem !== undefined) {
        // A named one may be meant for the other use: here, a grant with it allows nothing, a denial bars every row.
        if (use === undefined) continue;
        throw new ContractError(
          "row_level_security_unwritable",
          `${resource.name}.${effect}("${action}")`,
          problem,
        );
      }
      const key = keyOf(condition);
      keys.set(condition, key);
      byKey.set(key, { key, condition });
    }
    return { keys, conditions: [...byKey.values()] };
  };
  const allow = known("allow");
  const deny = known("deny");
  return [
    {
      command,
      permission,
      index,
      allowed: allow.conditions,
      denied: deny.conditions,
      allowedKeys: allow.keys,
      deniedKeys: deny.keys,
    },
  ];
}

function keyOf(condition: Condition): string {
  return digest(toDefinition(writeContextCondition(condition), { schema: undefined, row: undefined }));
}
