/**
 * A table as PostgreSQL's catalogues have it, beside what the contract expects.
 *
 * What has comments of ours is compared by them, and by the transaction that wrote them: `alter policy` and
 * `create or replace function` leave a comment as it was, but not the row beside it.
 */
import { type Finding, type FindingCode, find, type Query } from "./finding.ts";
import type { PolicyFingerprint } from "./policies.ts";

interface FoundPolicy {
  readonly name: string;
  readonly comment: string | null;
  /** Unchanged since the comment was written. */
  readonly untouched: boolean;
}

interface FoundTrigger {
  readonly enabled: string;
  /** For each row, before insert and update, of every column, and whatever the row. */
  readonly whole: boolean;
  readonly function: string;
  readonly comment: string | null;
  readonly untouched: boolean;
}

interface FoundTable {
  readonly owned: boolean;
  readonly enabled: boolean;
  readonly forced: boolean;
  readonly selectable: boolean;
  readonly truncatable: boolean;
  readonly policies: readonly FoundPolicy[];
  readonly trigger: FoundTrigger | null;
  readonly partitions: readonly string[];
}

/** `tgtype` is 23: for each row (1), before (2), insert (4), update (16). */
const tablesQuery = `
  select c.relname::pg_catalog.text as "table", pg_catalog.json_build_object(
    'owned', pg_catalog.pg_has_role(current_user, c.relowner, 'MEMBER') or pg_catalog.pg_has_role(session_user, c.relowner, 'MEMBER'),
    'enabled', c.relrowsecurity,
    'forced', c.relforcerowsecurity,
    'selectable', pg_catalog.has_schema_privilege(n.oid, 'USAGE') and pg_catalog.has_any_column_privilege(c.oid, 'SELECT'),
    'truncatable', pg_catalog.has_table_privilege(c.oid, 'TRUNCATE'),
    'policies', coalesce((
      select pg_catalog.json_agg(pg_catalog.json_build_object(
        'name', p.polname, 'comment', d.description,
        'untouched', d.xmin::pg_catalog.text = p.xmin::pg_catalog.text))
      from pg_catalog.pg_policy p left join pg_catalog.pg_description d
        on d.objoid = p.oid and d.classoid = 'pg_catalog.pg_policy'::pg_catalog.regclass and d.objsubid = 0
      where p.polrelid = c.oid), '[]'::pg_catalog.json),
    'trigger', (
      select pg_catalog.json_build_object(
        'enabled', t.tgenabled, 'whole', t.tgtype = 23 and t.tgqual is null and t.tgattr::pg_catalog.text = '',
        'function', f.proname, 'comment', d.description,
        'untouched', f.pronamespace = n.oid and d.xmin::pg_catalog.text = f.xmin::pg_catalog.text)
      from pg_catalog.pg_trigger t join pg_catalog.pg_proc f on f.oid = t.tgfoid left join pg_catalog.pg_description d
        on d.objoid = f.oid and d.classoid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objsubid = 0
      where t.tgrelid = c.oid and t.tgname = 'bulwark_write' and not t.tgisinternal),
    'partitions', coalesce((
      with recursive part as (
        select i.inhrelid from pg_catalog.pg_inherits i where i.inhparent = c.oid
        union select i.inhrelid from pg_catalog.pg_inherits i join part on i.inhparent = part.inhrelid)
      select pg_catalog.json_agg(k.relname) from part join pg_catalog.pg_class k on k.oid = part.inhrelid
      where not (k.relrowsecurity and k.relforcerowsecurity)
        and (pg_catalog.has_any_column_privilege(k.oid, 'SELECT, INSERT, UPDATE') or pg_catalog.has_table_privilege(k.oid, 'DELETE, TRUNCATE'))
      ), '[]'::pg_catalog.json))::pg_catalog.text as found
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $1::pg_catalog.text and c.relkind in ('r', 'p')
    and c.relname in (select one from pg_catalog.jsonb_array_elements_text($2::pg_catalog.text::pg_catalog.jsonb) one)`;

export async function readTables(
  query: Query,
  schema: string,
  expected: readonly PolicyFingerprint[],
): Promise<ReadonlyMap<string, FoundTable>> {
  const rows = await query(tablesQuery, [schema, JSON.stringify(expected.map(({ table }) => table))]);
  return new Map(rows.map((row) => [String(row.table), JSON.parse(String(row.found)) as FoundTable]));
}

export function missingTable({ schema, table }: PolicyFingerprint): Finding {
  return find("table_missing", `${schema}.${table}`, "There is no such table.");
}

export function checkTable(
  expected: PolicyFingerprint,
  found: FoundTable,
  isSuperuser: boolean,
): readonly Finding[] {
  const at = `${expected.schema}.${expected.table}`;
  const checks: readonly (readonly [boolean, FindingCode, string])[] = [
    // A superuser may do all of this.
    [found.owned && !isSuperuser, "owner", "The connected role owns it, or can become its owner."],
    [
      found.truncatable && !isSuperuser && !found.owned,
      "truncate_allowed",
      "The connected role may truncate it.",
    ],
    [!found.enabled, "not_enabled", "Its row-level security is not enabled."],
    [!found.forced, "not_forced", "Its row-level security does not bind its owner."],
  ];
  return [
    ...checks.flatMap(([isFound, code, text]) => (isFound ? [find(code, at, text)] : [])),
    ...checkPolicies(expected, found.policies, at),
    ...checkTrigger(expected, found.trigger, at),
    ...(isSuperuser
      ? []
      : found.partitions.map((name) =>
          find("partition_open", at, `Its partition \`${name}\` is open to the connected role.`),
        )),
  ];
}

function checkPolicies(
  { policies }: PolicyFingerprint,
  found: readonly FoundPolicy[],
  at: string,
): readonly Finding[] {
  const ours = policies.flatMap(({ name, fingerprint }) => {
    const policy = found.find((one) => one.name === name);
    if (policy === undefined) return [find("policy_missing", at, `There is no policy \`${name}\`.`)];
    if (policy.comment === fingerprint && policy.untouched) return [];
    return [find("policy_changed", at, `The policy \`${name}\` is not this contract's.`)];
  });
  const foreign = found
    .filter(({ name }) => !policies.some((one) => one.name === name))
    .map(({ name }) => find("policy_foreign", at, `There is another policy, \`${name}\`.`));
  return [...ours, ...foreign];
}

function checkTrigger(
  { trigger }: PolicyFingerprint,
  found: FoundTrigger | null,
  at: string,
): readonly Finding[] {
  if (found === null) return [find("trigger_missing", at, `There is no trigger \`${trigger.name}\`.`)];
  // "O" fires at the origin, "A" always.
  if (found.enabled !== "O" && found.enabled !== "A") {
    return [find("trigger_disabled", at, `The trigger \`${trigger.name}\` does not fire.`)];
  }
  const same =
    found.whole &&
    found.untouched &&
    found.function === trigger.function &&
    found.comment === trigger.fingerprint;
  return same ? [] : [find("trigger_changed", at, `The trigger \`${trigger.name}\` is not this contract's.`)];
}
