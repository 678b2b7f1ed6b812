/**
 * The world that every reading of a rule is asked about: one resource with hostile column names, rows that hold what
 * databases, drivers and languages disagree about, and callers whose claims are not what they should be.
 */
import { type Resource, resource } from "../../../contract/resource.ts";
import type { PrincipalFacts } from "../../conditions/operand.ts";

export const nowMs = Date.UTC(2026, 0, 15, 12);

/** Not among the contract's resources: its rows are the same for everyone. */
const customer = resource("customer", {
  actions: ["read"],
  attributes: {
    id: "string",
    region: "string",
    tier: "number",
    active: "boolean",
    since: "date",
    key: "uuid",
  },
  table: 'cust"omer',
  columns: { region: 'reg"ion', tier: "order" },
});

/** @param name Each rule has a resource, and a table, of its own. */
export function createThing(name: string, table: string) {
  return resource(name, {
    actions: ["read", "create", "update", "delete"],
    attributes: {
      id: "number",
      text: "string",
      other: "string",
      customerId: "string",
      key: "uuid",
      parent: "uuid",
      float: "number",
      limit: "number",
      int4: "number",
      int8: "number",
      numeric: "number",
      flag: "boolean",
      done: "boolean",
      at: "date",
      until: "date",
    },
    table,
    columns: { text: 'te"xt', other: "sélect", float: "select", flag: "user", until: "u'ntil; --" },
    relations: { customer: { resource: customer, from: "customerId", to: "id" } },
  });
}

export type Thing = ReturnType<typeof createThing>;

const attributes = Object.keys(createThing("thing", "thing").attributes) as readonly (keyof Values)[];
const { columns } = createThing("thing", "thing") as Resource;
/** In the order of `ThingRow`'s values, and of the tables' columns. */
export const columnNames: readonly string[] = attributes.map((attribute) => columns[attribute] ?? attribute);
export const attributeNames: readonly string[] = attributes;

const sqlTypes = {
  sqlite:
    "integer primary key,text,text,text,text,text,real,real,integer,integer,numeric,integer,integer,integer,integer",
  postgresql:
    "int4 primary key,text,varchar,text,uuid,uuid,float8,float8,int4,int8,numeric,bool,bool,timestamptz,timestamptz",
} as const;
const customerTypes = {
  sqlite: "text primary key,text,integer,integer,integer,text",
  postgresql: "text primary key,text,int4,bool,timestamptz,uuid",
} as const;
const customerColumns = ["id", 'reg"ion', "order", "active", "since", "key"];

export const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** `create table` of both tables. */
export function tableDefinitions(dialect: keyof typeof sqlTypes, table: string): readonly string[] {
  const define = (name: string, names: readonly string[], types: string) =>
    `create table ${quote(name)} (${types
      .split(",")
      .map((type, index) => `${quote(names[index] ?? "")} ${type}`)
      .join(", ")})`;
  return [
    define(table, columnNames, sqlTypes[dialect]),
    define(customer.table, customerColumns, customerTypes[dialect]),
  ];
}

export const insertInto = (table: string, rows: readonly (readonly unknown[])[], literal: Literal) =>
  `insert into ${quote(table)} values ${rows.map((row) => `(${row.map(literal).join(", ")})`).join(", ")}`;

type Literal = (value: unknown) => string;

/** A stored value as a literal. Dates here are `Date`; SQLite keeps milliseconds. */
export const literals: Readonly<Record<keyof typeof sqlTypes, Literal>> = {
  sqlite(value) {
    if (value instanceof Date) return String(value.getTime());
    if (value === Number.POSITIVE_INFINITY) return "9e999";
    if (value === Number.NEGATIVE_INFINITY) return "-9e999";
    if (typeof value !== "string") return String(value);
    // A NUL would end the statement.
    return `cast(x'${Buffer.from(value).toString("hex")}' as text)`;
  },
  postgresql(value) {
    if (value instanceof Date) return `timestamptz '${value.toISOString()}'`;
    if (value === null || typeof value === "boolean") return String(value);
    if (typeof value === "string") return `E'${value.replace(/[\\']/g, "\\$&")}'`;
    return Object.is(value, -0) ? "'-0'" : `'${value}'`;
  },
};

export const rowKey = "0b5c9d3a-7f1e-4c2b-9a8d-6e5f4a3b2c1d";
export const otherKey = "ffffffff-ffff-4fff-bfff-ffffffffffff";
const nilKey = "00000000-0000-0000-0000-000000000000";
const keys = [null, rowKey, otherKey, nilKey, rowKey.replace("0b", "0c")];

export const long = "long".repeat(2_000);
export const family = "👨‍👩‍👧";
export const rightToLeft = "\u202eפון";
const texts = [
  null,
  "",
  " ",
  "a",
  "A",
  "ab",
  "b",
  "a ",
  "é",
  "e\u0301",
  "É",
  "ß",
  "SS",
  "i",
  "I",
  "ı",
  "İ",
  "ﬁ",
  "fi",
  "𝒳",
  "𝒳y",
  "\ud7ff",
  "\ue000",
  "\uffff",
  "\u{10ffff}",
  "\u{10ffff}a",
  "👨",
  family,
  rightToLeft,
  "\ufeffa",
  "'",
  '"',
  "a'b",
  "x' or '1'='1",
  "\\",
  "a\\b",
  "\\'",
  "%",
  "_",
  "a%",
  "a_b",
  "50%",
  "$1",
  "?",
  ":a",
  "{a,b}",
  "{NULL}",
  "NULL",
  "null",
  "true",
  "0",
  "00",
  "1e3",
  "red",
  "Red",
  "red ",
  "reduced",
  "blue",
  "alice",
  "\t\r\n",
  "$bulwark$",
  "-- ",
  "/*",
  rowKey,
  long,
  `${long}!`,
];
export const sum = 0.1 + 0.2;
const floats = [
  null,
  0,
  -0,
  1,
  -1,
  0.1,
  0.3,
  sum,
  2 ** 53,
  2 ** 53 - 1,
  -(2 ** 53),
  1e21,
  1e308,
  -1e308,
  5e-324,
  -5e-324,
  2 ** 31,
  Number.MAX_VALUE,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
];
const int4s = [null, 0, 1, -1, 5, 2 ** 31 - 1, -(2 ** 31)];
const int8s = [null, 0, 1, -1, 2 ** 31, 2 ** 53 - 1, -(2 ** 53) + 1, 5];
const numerics = [null, 0, 1, -1, 0.1, 0.3, sum, 1.5, -0.75, 12345.678, 2 ** 53 - 1, 5, 1e21, 5e-7];
const flags = [null, true, false];
const instants = [
  0,
  -1,
  1,
  -0.5,
  nowMs,
  nowMs - 1,
  nowMs + 1,
  nowMs - 3_600_000,
  nowMs + 86_400_000,
  Date.UTC(1969, 11, 31, 23, 59, 59, 999),
  Date.UTC(1900, 1, 28),
  Date.parse("0001-01-01T00:00:00Z"),
  Date.UTC(9999, 11, 31, 23, 59, 59, 999),
  Date.UTC(2024, 1, 29),
  // Summer time begins and ends.
  Date.UTC(2025, 2, 9, 7),
  Date.UTC(2025, 10, 2, 6),
];
const dates = [null, ...instants.map((at) => new Date(at))];
const customerIds = ["c1", "C1", "c'2", "c3", "é", "e\u0301", ""];

type Value = string | number | boolean | Date | null;
interface Values {
  readonly id: number;
  readonly text: Value;
  readonly other: Value;
  readonly customerId: Value;
  readonly key: Value;
  readonly parent: Value;
  readonly float: Value;
  readonly limit: Value;
  readonly int4: Value;
  readonly int8: Value;
  readonly numeric: Value;
  readonly flag: Value;
  readonly done: Value;
  readonly at: Value;
  readonly until: Value;
}

/** The same numbers in every run. */
function createDice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

/** Each value of each column at least three times, beside ever other ones. */
function generateRows(count: number): readonly Values[] {
  const roll = createDice(20_260_115);
  const pick = (values: readonly Value[], index: number): Value =>
    values[index < values.length * 3 ? index % values.length : roll(values.length)] ?? null;
  return Array.from({ length: count }, (_, index) => {
    const text = pick(texts, index);
    const float = pick(floats, index);
    const at = pick(dates, index);
    const key = pick(keys, index);
    // Often the same in two columns: rows where comparisons of two attributes differ.
    const alike = <T>(value: T, values: readonly T[]): T =>
      roll(3) === 0 ? value : (values[roll(values.length)] ?? value);
    return {
      id: index + 1,
      text,
      other: alike(text, texts),
      customerId: pick([null, "nobody's", ...customerIds], roll(1_000)),
      key,
      parent: alike(key, keys),
      float,
      limit: alike(float, floats),
      int4: pick(int4s, index),
      int8: pick(int8s, index),
      numeric: pick(numerics, index),
      flag: pick(flags, index),
      done: pick(flags, roll(1_000)),
      at,
      until: alike(at, dates),
    };
  });
}

/** What both databases can store. */
export const sharedRows: readonly (readonly Value[])[] = generateRows(240).map((row) =>
  attributes.map((attribute) => row[attribute]),
);

const plain = generateRows(1)[0];
/** Only one database can store these. */
export const ownRows: Readonly<Record<keyof typeof sqlTypes, readonly (readonly Value[])[]>> = {
  sqlite: oddRows([
    { text: "\0", other: "\0" },
    { text: "a\0", other: "a" },
    { text: "a\0b", other: "a\0b" },
    { text: "red\0", other: "red" },
    { text: "\0red" },
  ]),
  postgresql: oddRows([
    { float: Number.NaN, limit: Number.NaN, numeric: Number.NaN },
    { float: Number.NaN, limit: 1 },
    { float: 1, limit: Number.NaN },
    { float: Number.NaN, limit: null },
    { float: Number.POSITIVE_INFINITY, limit: Number.NaN },
    { numeric: Number.POSITIVE_INFINITY },
    { numeric: Number.NEGATIVE_INFINITY },
    { numeric: 5e-324, float: 5e-324 },
    { at: "infinity", until: "infinity" },
    { at: "-infinity", until: "infinity" },
    { at: "infinity", until: null },
    { at: "2026-01-15 12:00:00.0004+00", until: "2026-01-15 12:00:00.0001+00" },
    { at: "2026-01-15 12:00:00.000999+00", until: "2026-01-15 12:00:00.001+00" },
    { at: "2026-01-15 11:59:59.999999+00", until: "2026-01-15 11:59:59.999+00" },
    { at: "1969-12-31 23:59:59.999999+00", until: "1969-12-31 23:59:59.999+00" },
    { at: "1900-02-28 00:00:00.000001+00", until: "1900-02-28 00:00:00+00" },
    { at: "0044-03-15 12:00:00+00 BC", until: "0001-01-01 00:00:00+00" },
    { at: "20000-01-01 00:00:00+00" },
    { int8: "9007199254740992", float: 2 ** 53 },
    { int8: "1152921504606846976", float: 2 ** 60 },
  ]),
};

function oddRows(odd: readonly Partial<Values>[]): readonly (readonly Value[])[] {
  return odd.map((values, index) =>
    attributes.map((attribute) => ({ ...plain, id: 1_001 + index, ...values })[attribute] ?? null),
  );
}

export const customerRows: readonly (readonly Value[])[] = customerIds.map((id, index) => [
  id,
  ["north", "North", null, "", "é", "e\u0301", "no'rth"][index] ?? null,
  [1, null, 2, 0, -1, 5, 2 ** 31 - 1][index] ?? null,
  flags[index % 3] ?? null,
  dates[index] ?? null,
  keys[index % keys.length] ?? null,
]);
export const customerTable = customer.table;
export const customerAttributes: readonly string[] = Object.keys(customer.attributes);

/** A claim's name that no reading may take for SQL. */
export const hostileClaim = `te"am'] $1 \\ \u2028`;

export const callers: Readonly<Record<string, PrincipalFacts>> = {
  "as it should be": {
    id: "alice",
    claims: {
      team: "red",
      teams: ["red", "blue", "é"],
      level: 1,
      levels: [0, 1, 0.1, 2 ** 53],
      verified: true,
      since: "2026-01-15T12:00:00Z",
      sinces: ["1970-01-01T00:00:00Z", "2026-01-15T13:00:00.001+01:00"],
      key: rowKey,
      keys: [rowKey, otherKey],
      [hostileClaim]: "red",
    },
  },
  "wrongly typed": {
    id: `x' or '1'='1`,
    claims: {
      team: ["red"],
      teams: "red",
      level: "1",
      levels: [1, "1", null],
      verified: "true",
      since: nowMs,
      sinces: ["1970-01-01T00:00:00Z", "1970-01-01"],
      key: rowKey.toUpperCase(),
      keys: [rowKey, rowKey.toUpperCase()],
      [hostileClaim]: { toString: "red" },
    },
  },
  "with nothing": { id: "", claims: {} },
  "of many letters": {
    id: "İ",
    claims: {
      team: "e\u0301",
      teams: ["", family, "\\", '"', "NULL", "a,b", "{a}", "\u{10ffff}", "'", "\t\r\n"],
      level: -0,
      levels: [],
      verified: false,
      since: "0001-01-01T00:00:00Z",
      sinces: [],
      key: null,
      keys: [],
      [hostileClaim]: "\\'; drop table customer; --",
    },
  },
  "at the edges": {
    id: "red\0",
    claims: {
      team: "a\ud800",
      teams: ["red\0", "a\udc00"],
      level: Number.POSITIVE_INFINITY,
      levels: [Number.NaN, 1e308, 5e-324, sum, -0],
      verified: 1,
      since: "9999-12-31T23:59:59.999Z",
      sinces: ["2026-02-30T00:00:00Z", "2026-01-15T12:00:00.0000Z"],
      key: "",
      keys: [null],
      constructor: "red",
    },
  },
};
