/**
 * The trigger that holds a write to one grant.
 *
 * Policies alone would let two grants each cover a half: one the row before, another the row after, a third the column.
 * The trigger asks for one that covers the row before and after, every column that changes, and whose `set` holds.
 * It binds whom the policies bind: who bypasses row-level security, a migration say, is not asked.
 */
import type { AttributeType } from "../conditions/condition.ts";
import { quoteName } from "../conditions/filter.ts";
import { contextJson } from "./context-leaf.ts";
import { everyRow, type KnownPermission, type ProtectedTable, writeContextCondition } from "./plan.ts";
import type { Target } from "./policies.ts";
import { digest, dollarQuoted, literal, qualified, toDefinition } from "./sql-text.ts";

export interface WrittenTrigger {
  readonly name: string;
  readonly function: string;
  readonly drop: readonly string[];
  readonly create: readonly string[];
}

const name = "bulwark_write";

export function writeTrigger({ resource, permissions }: ProtectedTable, target: Target): WrittenTrigger {
  const table = qualified(target.schema, resource.table);
  const ownFunction = functionName(resource.table);
  const body = writeBody({ resource, permissions }, target);
  return {
    name,
    function: ownFunction,
    // Dropped, not replaced: one that another role had put there first would stay that role's, to be changed later.
    drop: [
      `drop trigger if exists ${name} on ${table}`,
      `drop function if exists ${qualified(target.schema, ownFunction)}()`,
    ],
    create: [
      [
        `create function ${qualified(target.schema, ownFunction)}() returns pg_catalog.trigger`,
        "language plpgsql security invoker",
        // Floats are compared by their text: all of their digits.
        "set search_path = pg_catalog, pg_temp set extra_float_digits = 1",
        `as ${dollarQuoted(body)}`,
      ].join(" "),
      `create trigger ${name} before insert or update on ${table} for each row execute function ${qualified(target.schema, ownFunction)}()`,
    ],
  };
}

/** PostgreSQL cuts names off after 63 bytes: two tables' functions must not become one. */
function functionName(table: string): string {
  return /^[a-z0-9_]{1,49}$/.test(table) ? `${name}_${table}` : `${name}-${digest(table)}`;
}

function writeBody({ resource, permissions }: ProtectedTable, { schema, role }: Target): string {
  const { attributes, columns } = resource;
  // By name: on a partition the trigger is called with the partition's id, which has no row-level security of its own.
  const table = literal(qualified(schema, resource.table));
  const known = (command: string) => permissions.find((one) => one.command === command);
  const declared = Object.values(columns).map(literal).join(", ");
  const holds = Object.entries(attributes).map(
    ([attribute, type]) =>
      `when ${literal(columns[attribute] ?? attribute)} then ${holdsValue(`new.${quoteName(columns[attribute] ?? attribute)}`, type)}`,
  );
  const bound =
    role === undefined
      ? ""
      : ` or not pg_catalog.pg_has_role(current_user, ${literal(role)}::pg_catalog.name, 'USAGE')`;
  return `
declare
  context constant pg_catalog.jsonb := ${contextJson};
  declared constant pg_catalog.text[] := array[${declared}];
  after constant pg_catalog.jsonb := pg_catalog.to_jsonb(new);
  grants pg_catalog.jsonb;
  given pg_catalog.jsonb;
  changed pg_catalog.text[];
  picky pg_catalog.bool;
  standard record;
  usual pg_catalog.jsonb;
  covered pg_catalog.bool;
begin
  if not pg_catalog.row_security_active(${table}::pg_catalog.regclass)${bound} then
    return new;
  end if;
  grants := coalesce(context -> 'w' -> case tg_op when 'INSERT' then ${literal(`${resource.name}:create`)} else ${literal(`${resource.name}:update`)} end, '[]');
  picky := exists (select from pg_catalog.jsonb_array_elements(grants) one where one.value -> 'f' <> 'null');
  if tg_op = 'UPDATE' then
    given := pg_catalog.to_jsonb(old);
    changed := array(select one.key from pg_catalog.jsonb_each(after) one where one.value is distinct from (given -> one.key));
    if picky or not changed <@ declared then
      -- What the database computes has no value yet.
      changed := array(
        select one.name from pg_catalog.unnest(changed) one (name) where not exists (
          select from pg_catalog.pg_attribute a where a.attrelid = tg_relid and a.attname = one.name and a.attgenerated <> ''));
    end if;
  else
    -- Which columns were named cannot be seen: those count that are not as the table would have filled them.
    changed := array(select one.name from pg_catalog.unnest(declared) one (name) where after -> one.name <> 'null');
    if picky then
      for standard in
        select a.attname, a.attidentity, a.attgenerated, pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
          pg_catalog.pg_get_expr(d.adbin, d.adrelid) as expression
        from pg_catalog.pg_attribute a left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where a.attrelid = tg_relid and a.attname = any (changed) and (a.atthasdef or a.attidentity <> '')
      loop
        if standard.attidentity <> '' or standard.attgenerated <> ''
          or (standard.expression like '%(%' and standard.expression <> 'now()') then
          changed := pg_catalog.array_remove(changed, standard.attname::pg_catalog.text);
        else
          execute 'select pg_catalog.to_jsonb((' || standard.expression || ')::' || standard.type || ')' into usual;
          if usual = after -> standard.attname then
            changed := pg_catalog.array_remove(changed, standard.attname::pg_catalog.text);
          end if;
        end if;
      end loop;
    end if;
  end if;
  for given in select one.value from pg_catalog.jsonb_array_elements(grants) one loop
    continue when not changed <@ (
      case when given -> 'f' = 'null' then declared
      else array(select pg_catalog.jsonb_array_elements_text(given -> 'f')) end
      || array(select pg_catalog.jsonb_object_keys(given -> 's')));
    continue when exists (
      select from pg_catalog.jsonb_each_text(given -> 's') one
      where (case one.key ${holds.join(" ")} else false end) is not true);
    if tg_op = 'UPDATE' then
      covered := ${covers(known("update"), ["old", "new"], schema)};
    else
      covered := ${covers(known("insert"), ["new"], schema)};
    end if;
    if covered then
      return new;
    end if;
  end loop;
  raise exception using errcode = '42501', message = 'bulwark: no grant covers this write',
    schema = tg_table_schema, table = tg_table_name;
end
`;
}

/** Does a column hold the text that a grant sets? */
function holdsValue(column: string, type: AttributeType): string {
  switch (type) {
    case "string":
    case "uuid":
      return `${column}::pg_catalog.text = one.value`;
    case "boolean":
      return `${column} = one.value::pg_catalog.bool`;
    case "number":
      // As everywhere: whole numbers are compared as such.
      return `case when one.value ~ '^-?[0-9]{1,16}$' then ${column} = one.value::pg_catalog.int8 else ${column} = one.value::pg_catalog.float8 end`;
    case "date":
      return `pg_catalog.date_trunc('milliseconds', ${column}) = one.value::pg_catalog.timestamptz`;
  }
}

function covers(
  known: KnownPermission | undefined,
  rows: readonly ("old" | "new")[],
  schema: string,
): string {
  if (known === undefined) return "false";
  const branches = known.allowed.map(({ key, condition }) => {
    const each = rows.map((row) => `(${toDefinition(writeContextCondition(condition), { schema, row })})`);
    return ` when ${literal(key)} then ${each.join(" and ")}`;
  });
  return `case given ->> 'c' when ${literal(everyRow)} then true${branches.join("")} else false end`;
}
