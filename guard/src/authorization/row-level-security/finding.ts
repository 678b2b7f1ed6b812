/** What the doctor finds, and how it is mended: one table, which `docs/row-level-security.md` explains. */
import type { Row } from "../conditions/decide.ts";

/** Everything the doctor may find, with its mend. */
export const findingMends = {
  superuser: "Connect as an ordinary role: row-level security does not bind a superuser.",
  bypasses_row_security: "Connect as a role without BYPASSRLS, that is no member of one that has it.",
  role_unbound: "Connect as the role that the policies are for, or as a member of it.",
  owner: "Connect as a role that neither owns the table nor is a member of the role that does.",
  triggers_off: "Leave `session_replication_role` as it is by default: otherwise triggers do not fire.",
  context_outside: "Set `bulwark.context` in transactions only, never for a session, a role or a database.",
  table_missing: "Create the table, or correct the resource's `table` and the option `schema`.",
  not_enabled: "Run the statements of `rowLevelSecurity`: `alter table … enable row level security`.",
  not_forced: "Run the statements of `rowLevelSecurity`: `alter table … force row level security`.",
  policy_missing: "Run the statements of `rowLevelSecurity`, in one transaction.",
  policy_changed: "Run the statements of `rowLevelSecurity` again, in one transaction.",
  policy_foreign: "Drop the policy: rows that it permits are shown beside those that the contract does.",
  trigger_missing: "Run the statements of `rowLevelSecurity`, in one transaction.",
  trigger_disabled: "Enable it: `alter table … enable trigger bulwark_write`.",
  trigger_changed: "Run the statements of `rowLevelSecurity` again, in one transaction.",
  truncate_allowed: "Revoke TRUNCATE from the role: it empties the table, whatever the policies say.",
  partition_open:
    "Revoke the role's privileges on the partition, or secure it too: read directly, it shows all.",
  column_missing: "Add the column, or correct the resource's `columns`.",
  column_type: "Give the column a type that compares as the attribute does.",
  rows_without_context: "Find what shows them: without a context nobody may see a row.",
} as const;

export type FindingCode = keyof typeof findingMends;

/** Something that keeps row-level security from binding. */
export interface Finding {
  readonly code: FindingCode;
  /** `schema.table`; `undefined`: it is of the connection. */
  readonly table: string | undefined;
  /** What was found. */
  readonly text: string;
  readonly mend: string;
}

/** Runs one query, and gives its rows. With `pg`: `async (sql, params) => (await pool.query(sql, [...params])).rows`. */
export type Query = (sql: string, params: readonly string[]) => Promise<readonly Row[]>;

export function find(code: FindingCode, table: string | undefined, text: string): Finding {
  return Object.freeze({ code, table, text, mend: findingMends[code] });
}
