/** The columns that policies compare, of the resources' tables and of those that conditions lead to: do they compare alike? */
import type { Security } from "../../contract/define-security.ts";
import type { AttributeType, Condition } from "../conditions/condition.ts";
import { type Finding, find, type Query } from "./finding.ts";
import { planOf } from "./plan.ts";

interface DeclaredColumn {
  readonly table: string;
  readonly column: string;
  readonly type: AttributeType;
}

const columnsQuery = `
  select c.relname::pg_catalog.text as "table", a.attname::pg_catalog.text as "column",
    t.typname::pg_catalog.text as type, t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace as own,
    coalesce(l.collisdeterministic, true) as deterministic
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  join pg_catalog.pg_type t on t.oid = a.atttypid
  left join pg_catalog.pg_collation l on l.oid = a.attcollation
  where n.nspname = $1::pg_catalog.text and c.relkind in ('r', 'p', 'v', 'm', 'f')
    and c.relname in (select one from pg_catalog.jsonb_array_elements_text($2::pg_catalog.text::pg_catalog.jsonb) one)`;

/**
 * The types that compare as memory does. Not `real`, which rounds; `char(n)`, which ignores spaces; `citext`, which
 * ignores case; `timestamp`, which is no instant.
 */
const agreeingTypes: Readonly<Record<DeclaredColumn["type"], readonly string[]>> = {
  string: ["text", "varchar"],
  uuid: ["uuid"],
  number: ["int2", "int4", "int8", "float8", "numeric"],
  boolean: ["bool"],
  date: ["timestamptz"],
};

/** @throws {ContractError} as `rowLevelSecurity`. */
export async function checkColumns(
  query: Query,
  schema: string,
  security: Security,
): Promise<readonly Finding[]> {
  const declared = declaredColumns(security);
  const tables = [...new Set(declared.map(({ table }) => table))];
  const rows = await query(columnsQuery, [schema, JSON.stringify(tables)]);
  return declared.flatMap(({ table, column, type }): readonly Finding[] => {
    const ofTable = rows.filter((row) => row.table === table);
    const found = ofTable.find((row) => row.column === column);
    const at = `${schema}.${table}`;
    if (found === undefined) return [find("column_missing", at, `There is no column \`${column}\`.`)];
    if (found.own !== true || !agreeingTypes[type].includes(String(found.type))) {
      const types = agreeingTypes[type].join(", ");
      return [
        find("column_type", at, `The column \`${column}\` is ${String(found.type)}; a ${type} is ${types}.`),
      ];
    }
    if (found.deterministic === true) return [];
    return [
      find("column_type", at, `The column \`${column}\` has a collation to which different texts are equal.`),
    ];
  });
}

function declaredColumns(security: Security): readonly DeclaredColumn[] {
  const columns = planOf(security).tables.flatMap(({ resource, permissions }) => {
    const { table } = resource;
    const own = Object.entries(resource.attributes).map(([attribute, type]) => {
      return { table, column: resource.columns[attribute] ?? attribute, type };
    });
    const known = permissions.flatMap(({ allowed, denied }) => [...allowed, ...denied]);
    return [...own, ...known.flatMap(({ condition }) => comparedColumns(condition, table))];
  });
  return [...new Map(columns.map((one) => [JSON.stringify([one.table, one.column]), one])).values()];
}

function comparedColumns(condition: Condition, table: string): readonly DeclaredColumn[] {
  switch (condition.kind) {
    case "all":
    case "any":
      return condition.conditions.flatMap((branch) => comparedColumns(branch, table));
    case "not":
      return comparedColumns(condition.condition, table);
    case "related": {
      const { to, table: related } = condition.relation;
      const key = { table: related, column: to.column, type: to.type };
      return [key, ...comparedColumns(condition.condition, related)];
    }
    default:
      return [{ table, column: condition.column, type: condition.type }];
  }
}
