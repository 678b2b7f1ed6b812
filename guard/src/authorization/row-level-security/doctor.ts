/**
 * The doctor: does row-level security bind this connection?
 *
 * Policies that do not bind look like policies that do: a superuser, a table's owner, a role with BYPASSRLS, a table
 * without FORCE and a permissive policy of somebody else's all see every row, and no query fails. So an application asks
 * at start, over the very connections that it works with, and does not serve where the answer is not silence.
 */
import type { Security } from "../../contract/define-security.ts";
import { ContractError } from "../../contract/refusal.ts";
import { checkColumns } from "./check-columns.ts";
import { checkTable, missingTable, readTables } from "./check-table.ts";
import { type Finding, find, type Query } from "./finding.ts";
import { expectedPolicies, type RowLevelSecurityOptions } from "./policies.ts";
import { qualified } from "./sql-text.ts";

/**
 * Looks for everything that keeps row-level security from binding this connection.
 *
 * @param query Over a connection as the application has it, in no transaction that has a context.
 * @param options As for `rowLevelSecurity`.
 * @returns nothing where it binds.
 * @throws {ContractError} as `rowLevelSecurity`; and whatever the query throws.
 * @example
 * const findings = await checkRowLevelSecurity(security, async (sql, params) => (await pool.query(sql, [...params])).rows);
 */
export async function checkRowLevelSecurity(
  security: Security,
  query: Query,
  options: RowLevelSecurityOptions = {},
): Promise<readonly Finding[]> {
  const expected = expectedPolicies(security, options);
  const schema = options.schema ?? "public";
  const findings = [...(await checkConnection(query, options.role))];
  const isSuperuser = findings.some(({ code }) => code === "superuser");
  const tables = await readTables(query, schema, expected);
  for (const one of expected) {
    const table = tables.get(one.table);
    findings.push(...(table === undefined ? [missingTable(one)] : checkTable(one, table, isSuperuser)));
  }
  findings.push(...(await checkColumns(query, schema, security)));
  for (const { table } of expected) {
    // Who may not select sees nothing; asking would be an error.
    if (tables.get(table)?.selectable === true) findings.push(...(await probe(query, schema, table)));
  }
  return Object.freeze(findings);
}

/**
 * Refuses to start where row-level security does not bind.
 *
 * @throws {ContractError} `row_level_security_unbound`, naming every finding; and as `checkRowLevelSecurity`.
 * @example
 * await requireRowLevelSecurity(security, async (sql, params) => (await pool.query(sql, [...params])).rows);
 */
export async function requireRowLevelSecurity(
  security: Security,
  query: Query,
  options: RowLevelSecurityOptions = {},
): Promise<void> {
  const findings = await checkRowLevelSecurity(security, query, options);
  if (findings.length === 0) return;
  const texts = findings.map(
    ({ code, table, text, mend }) => `${code}${table === undefined ? "" : ` (${table})`}: ${text} ${mend}`,
  );
  throw new ContractError("row_level_security_unbound", "requireRowLevelSecurity", texts.join("\n"));
}

/** What either of the two users can be, or become by SET ROLE and RESET ROLE. */
const connectionQuery = `
  select current_user::pg_catalog.text as name,
    pg_catalog.current_setting('session_replication_role') as replication,
    coalesce(pg_catalog.current_setting('bulwark.context', true), '') as context,
    (select bool_or(r.rolsuper) from pg_catalog.pg_roles r
      where pg_catalog.pg_has_role(current_user, r.oid, 'MEMBER') or pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER')) as super,
    (select bool_or(r.rolbypassrls) from pg_catalog.pg_roles r
      where pg_catalog.pg_has_role(current_user, r.oid, 'MEMBER') or pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER')) as bypass,
    (select bool_or(pg_catalog.pg_has_role(current_user, r.oid, 'USAGE')) from pg_catalog.pg_roles r
      where r.rolname = $1::pg_catalog.text) as bound`;

async function checkConnection(query: Query, role: string | undefined): Promise<readonly Finding[]> {
  const [connection] = await query(connectionQuery, [role ?? ""]);
  const found: Finding[] = [];
  const name = `\`${String(connection?.name)}\``;
  if (connection?.super !== false)
    found.push(find("superuser", undefined, `${name} is a superuser, or can become one.`));
  // A superuser is a member of every role: one finding says it.
  else if (connection.bypass !== false) {
    found.push(
      find("bypasses_row_security", undefined, `${name} has BYPASSRLS, or can become a role that has.`),
    );
  }
  if (role !== undefined && connection?.bound !== true) {
    found.push(find("role_unbound", undefined, `${name} is not \`${role}\`, for which the policies are.`));
  }
  if (connection?.replication !== "origin") {
    found.push(
      find("triggers_off", undefined, `\`session_replication_role\` is ${String(connection?.replication)}.`),
    );
  }
  if (connection?.context !== "") {
    found.push(
      find("context_outside", undefined, "The connection has a context outside the transactions of callers."),
    );
  }
  return found;
}

/** Whatever the catalogues say: is there a row to be seen? */
async function probe(query: Query, schema: string, table: string): Promise<readonly Finding[]> {
  const [row] = await query(`select exists (select from ${qualified(schema, table)}) as seen`, []);
  if (row?.seen === false) return [];
  return [
    find("rows_without_context", `${schema}.${table}`, "It shows rows to a connection without a context."),
  ];
}
