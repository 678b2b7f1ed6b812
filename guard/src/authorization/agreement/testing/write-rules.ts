/** Grants and denials of writes, and what is tried under them: who may make which row of which. */
import { type Grant, resource } from "../../../contract/resource.ts";
import { all, any, not, now, principal } from "../../conditions/condition.ts";
import type { Row } from "../../conditions/decide.ts";
import type { PrincipalFacts } from "../../conditions/operand.ts";
import { nowMs, rowKey } from "./world.ts";

/** @param name Each set of grants has a resource, and a table, of its own. */
export function createDocument(name: string, table: string) {
  return resource(name, {
    actions: ["read", "create", "update", "delete"],
    attributes: {
      id: "number",
      ownerId: "string",
      team: "string",
      status: "string",
      total: "number",
      float: "number",
      paid: "boolean",
      at: "date",
      key: "uuid",
    },
    table,
    columns: { ownerId: `owner's "id"`, status: "select" },
  });
}

export type Document = ReturnType<typeof createDocument>;
export type WriteRule = (document: Document) => readonly Grant[];

export const documentColumns =
  '(id int4, "owner\'s ""id""" text, team varchar, "select" text, total numeric, float float8, paid bool, at timestamptz, key uuid)';

const { id, claim } = principal;
const team = claim("team");
const missing = claim("missing");

export const updateRules: readonly WriteRule[] = [
  () => [],
  ({ allow }) => [allow("update")],
  ({ allow, where }) => [allow("update", { where: where.ownerId.eq(id) })],
  ({ allow, where }) => [allow("update", { where: not(where.ownerId.eq(id)) })],
  ({ allow, where }) => [allow("update", { where: where.ownerId.eq(id), fields: ["status", "total"] })],
  ({ allow }) => [allow("update", { fields: ["status"] })],
  ({ allow }) => [allow("update", { fields: [] })],
  // Two grants that each cover a half: of the row before and after, and of the fields.
  ({ allow, where }) => [
    allow("update", { where: where.status.eq("open") }),
    allow("update", { where: where.status.eq("paid") }),
  ],
  ({ allow }) => [allow("update", { fields: ["status"] }), allow("update", { fields: ["total"] })],
  ({ allow, where }) => [
    allow("update", { where: where.ownerId.eq(id), fields: ["total", "status"] }),
    allow("update", { where: where.team.eq(team), fields: ["ownerId"] }),
  ],
  ({ allow }) => [allow("update", { set: { status: "closed" } })],
  ({ allow }) => [allow("update", { fields: ["total"], set: { status: "closed" } })],
  ({ allow }) => [allow("update", { fields: [], set: { team } })],
  ({ allow }) => [allow("update", { set: { team: missing } })],
  ({ allow }) => [allow("update", { set: { team: missing } }), allow("update", { fields: ["total"] })],
  ({ allow }) => [allow("update", { set: { at: now } })],
  ({ allow }) => [allow("update", { set: { total: 0.1, float: 2 ** 53, paid: true, key: rowKey } })],
  ({ allow, where }) => [allow("update", { where: where.status.eq("closed"), set: { status: "closed" } })],
  ({ allow }) => [
    allow("update", { fields: ["total"], set: { status: "closed" } }),
    allow("update", { fields: ["team"], set: { status: "open" } }),
  ],
  ({ allow, deny, where }) => [allow("update"), deny("update", { where: where.status.eq("paid") })],
  ({ allow, deny, where }) => [allow("update"), deny("update", { where: not(where.status.eq("open")) })],
  ({ allow, deny, where }) => [allow("update"), deny("update", { where: where.team.eq(missing) })],
  ({ allow, deny, where }) => [allow("update"), deny("update", { where: where.total.gt(100) })],
  ({ allow, deny }) => [allow("update"), deny("update")],
  ({ allow, deny, where }) => [
    allow("update", { set: { status: "closed" } }),
    deny("update", { where: where.status.eq("closed") }),
  ],
  ({ allow, where }) => [
    allow("update", { where: all(where.total.lte(100), any(where.paid.ne(true), where.at.lt(now))) }),
  ],
  ({ allow, where }) => [allow("update", { where: where.float.gte(claim("level")) })],
  ({ allow, where, attribute }) => [allow("update", { where: where.ownerId.ne(attribute.team) })],
];

/** The same of other acts. */
const asCreate = (grant: Grant): Grant => ({ ...grant, action: "create" });
const asDelete = (grant: Grant): Grant => ({ ...grant, action: "delete" });

export const grantsOf = (document: Document, rule: WriteRule): readonly Grant[] => {
  const updates = rule(document);
  return [document.allow("read"), ...updates, ...updates.map(asCreate), ...updates.map(asDelete)];
};

const full: Row = {
  id: 1,
  ownerId: "alice",
  team: "red",
  status: "open",
  total: 100,
  float: 1,
  paid: false,
  at: new Date(nowMs - 1),
  key: null,
};
export const rowsBefore: readonly Row[] = [
  full,
  { ...full, ownerId: "bob" },
  { ...full, status: "paid", paid: true },
  { ...full, status: "closed", team: "alice" },
  {
    ...full,
    ownerId: null,
    team: null,
    status: null,
    total: null,
    float: null,
    paid: null,
    at: null,
    key: null,
  },
  {
    ...full,
    ownerId: "",
    team: "",
    status: "",
    total: 0.1,
    float: 2 ** 53,
    paid: true,
    at: new Date(nowMs),
    key: rowKey,
  },
  { ...full, ownerId: "Alice", team: "blue", total: 101, float: Number.POSITIVE_INFINITY, at: new Date(0) },
];

export const changes: readonly Row[] = [
  {},
  { status: "paid" },
  { status: "open" },
  { status: "closed" },
  { status: "closed", total: 7 },
  { total: 7 },
  { total: 1_000 },
  { total: 0.1 },
  { float: 2 ** 53 },
  { float: Number.NaN },
  { ownerId: "bob" },
  { ownerId: "alice", team: "red" },
  { team: "red" },
  { team: "e\u0301'\\" },
  { status: "paid", total: 7 },
  { ownerId: "bob", status: "paid" },
  { at: new Date(nowMs) },
  { at: new Date(nowMs + 1), paid: true },
  { total: 0.1, float: 2 ** 53, paid: true, key: rowKey },
  { key: rowKey },
  { id: 2 },
];

export const writers: readonly PrincipalFacts[] = [
  { id: "alice", claims: { team: "red", level: 1 } },
  { id: "bob", claims: { team: ["red"], level: Number.POSITIVE_INFINITY } },
  { id: "", claims: {} },
];
