/**
 * Row-level security for PostgreSQL: the contract's rules as policies, so that a forgotten filter still leaks nothing.
 *
 * Each command has one policy: what the contract's conditions say, for the grants that the transaction's context says
 * count. Without a context nothing counts, and nobody sees or writes anything.
 */
import type { Security } from "../../contract/define-security.ts";
import { ContractError, refuseUnknownKeys } from "../../contract/refusal.ts";
import { quoteName } from "../conditions/filter.ts";
import { contextJson, fromContext } from "./context-leaf.ts";
import {
  type Command,
  commands,
  everyRow,
  type KnownPermission,
  type ProtectedTable,
  planOf,
  writeContextCondition,
} from "./plan.ts";
import { digest, literal, qualified, toDefinition } from "./sql-text.ts";
import { writeTrigger } from "./write-trigger.ts";

export interface RowLevelSecurityOptions {
  /** The schema of the tables; default `public`. */
  readonly schema?: string;
  /** The role that the application connects as, which the policies are for; default every role (`PUBLIC`). */
  readonly role?: string;
}

/** What one table must have, for a comparison with what it has. */
export interface PolicyFingerprint {
  readonly schema: string;
  readonly table: string;
  readonly policies: readonly {
    readonly name: string;
    readonly command: Command;
    /** The exact text of the policy's comment. */
    readonly fingerprint: string;
  }[];
  readonly trigger: {
    readonly name: string;
    /** The function's name, in the table's schema. */
    readonly function: string;
    /** The exact text of the function's comment. */
    readonly fingerprint: string;
  };
}

/**
 * The statements that put a contract's rules into PostgreSQL: policies and a trigger for every resource that declares
 * attributes. Run them in one transaction, as the tables' owner, after each change of the contract; they may be run again.
 *
 * @throws {ContractError} `option_unknown`, `option_invalid`, `database_undeclared`, `row_level_security_unwritable`
 * @example
 * await client.query(["begin", ...rowLevelSecurity(security).statements, "commit"].join(";\n"));
 */
export function rowLevelSecurity(
  security: Security,
  options: RowLevelSecurityOptions = {},
): { readonly statements: readonly string[] } {
  const target = checkOptions(options);
  const tables = planOf(security).tables.flatMap((table) => writeTable(table, target).statements);
  return Object.freeze({ statements: Object.freeze([...ownNamesOnly, ...tables, formerNames]) });
}

/**
 * What the database must have, once `rowLevelSecurity`'s statements have run.
 *
 * @throws {ContractError} as `rowLevelSecurity`.
 */
export function expectedPolicies(
  security: Security,
  options: RowLevelSecurityOptions = {},
): readonly PolicyFingerprint[] {
  const target = checkOptions(options);
  return Object.freeze(planOf(security).tables.map((table) => writeTable(table, target).fingerprint));
}

/** Operators in policies are found where they are created: only PostgreSQL's own. Afterwards all is as before. */
const ownNamesOnly: readonly string[] = [
  "select pg_catalog.set_config('bulwark.search_path', pg_catalog.current_setting('search_path'), true)",
  "select pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true)",
];
const formerNames =
  "select pg_catalog.set_config('search_path', pg_catalog.current_setting('bulwark.search_path'), true)";

/** Where the rules go. */
export interface Target {
  readonly schema: string;
  readonly role: string | undefined;
}

function checkOptions(options: RowLevelSecurityOptions): Target {
  refuseUnknownKeys(options, ["schema", "role"], "rowLevelSecurity");
  for (const [name, value] of Object.entries(options)) {
    const isName = typeof value === "string" && value !== "" && !value.includes("\0") && value.isWellFormed();
    if (!isName || Buffer.byteLength(value) > 63) {
      throw new ContractError(
        "option_invalid",
        `rowLevelSecurity.${name}`,
        "It is not a name of 1 to 63 bytes.",
      );
    }
  }
  return { schema: options.schema ?? "public", role: options.role };
}

interface WrittenTable {
  readonly statements: readonly string[];
  readonly fingerprint: PolicyFingerprint;
}

function writeTable(protectedTable: ProtectedTable, target: Target): WrittenTable {
  const { resource, permissions } = protectedTable;
  const table = qualified(target.schema, resource.table);
  const policies = permissions.map((known) => {
    const name = policyName(known.command);
    const statement = createPolicy(name, table, known, target);
    return { name, command: known.command, statement, fingerprint: fingerprintOf(statement) };
  });
  const trigger = writeTrigger(protectedTable, target);
  const triggerFingerprint = fingerprintOf(trigger.create.join(";"));
  return {
    statements: [
      `alter table ${table} enable row level security`,
      `alter table ${table} force row level security`,
      ...commands.map((command) => `drop policy if exists ${policyName(command)} on ${table}`),
      ...policies.flatMap(({ name, statement, fingerprint }) => [
        statement,
        `comment on policy ${name} on ${table} is ${literal(fingerprint)}`,
      ]),
      ...trigger.drop,
      ...trigger.create,
      `comment on function ${qualified(target.schema, trigger.function)}() is ${literal(triggerFingerprint)}`,
    ],
    fingerprint: Object.freeze({
      schema: target.schema,
      table: resource.table,
      policies: Object.freeze(
        policies.map(({ name, command, fingerprint }) => Object.freeze({ name, command, fingerprint })),
      ),
      trigger: Object.freeze({
        name: trigger.name,
        function: trigger.function,
        fingerprint: triggerFingerprint,
      }),
    }),
  };
}

function policyName(command: Command): string {
  return `bulwark_${command}`;
}

function fingerprintOf(statement: string): string {
  return `bulwark ${digest(statement)}`;
}

function createPolicy(name: string, table: string, known: KnownPermission, { schema, role }: Target): string {
  const rows = coveredRows(known, schema);
  const clauses = {
    select: `using (${rows})`,
    insert: `with check (${rows})`,
    update: `using (${rows}) with check (${rows})`,
    delete: `using (${rows})`,
  };
  const to = role === undefined ? "public" : quoteName(role);
  return `create policy ${name} on ${table} for ${known.command} to ${to} ${clauses[known.command]}`;
}

/** The rows that a live grant covers, and no denial does. */
function coveredRows({ permission, allowed, denied }: KnownPermission, schema: string): string {
  const place = { schema, row: undefined };
  const grants = [
    `(select ${fromContext("a", permission, everyRow)} = '1')`,
    ...allowed.map(({ key, condition }) => {
      const covers = toDefinition(writeContextCondition(condition), place);
      return `((select ${fromContext("a", permission, key)} = '1') and ${covers})`;
    }),
  ];
  const bars = denied.map(({ key, condition }) => {
    const isFree = toDefinition(writeContextCondition(condition, true), place);
    return `((select ${fromContext("d", permission, key)} is null) or ${isFree})`;
  });
  const keys = denied.map(({ key }) => literal(key)).join(", ");
  const all = `pg_catalog.jsonb_extract_path(${contextJson}, 'd', ${literal(permission)})`;
  // A denial that this policy does not know bars every row: the policy may be older than the contract.
  const unknown = `(select coalesce(${all} - array[${keys}]::pg_catalog.text[], '{}') = '{}'::pg_catalog.jsonb)`;
  return [unknown, `(${grants.join(" or ")})`, ...bars].join(" and ");
}
