/** A contract over three tables, one of them with names of its own, and rows of several owners. */
import { defineSecurity } from "../../../contract/define-security.ts";
import { resource } from "../../../contract/resource.ts";
import { type ActingPrincipal, accessOf, type RowAccess } from "../../access.ts";
import { all, not, principal } from "../../conditions/condition.ts";
import type { Dialect } from "../../conditions/sql/parts.ts";

export interface OrderTables {
  order: { id: string; ownerId: string; status: string; total: number | null; customerId: string | null };
  customer: { id: string; region: string };
  'audit"; drop table "order"; --': { id: string; select: string };
  note: { id: string; text: string };
}

/** A table name that would end the statement, were it not quoted. */
export const auditTable = 'audit"; drop table "order"; --';

const customer = resource("customer", {
  actions: ["read"],
  attributes: { id: "string", region: "string" },
});
const order = resource("order", {
  actions: ["create", "read", "update", "delete"],
  attributes: {
    id: "string",
    ownerId: "string",
    status: "string",
    total: "number",
    customerId: "string",
  },
  relations: { customer: { resource: customer, from: "customerId", to: "id" } },
});
const audit = resource("audit", {
  actions: ["read"],
  attributes: { id: "string", actor: "string" },
  table: auditTable,
  columns: { actor: "select" },
});
const own = order.where.ownerId.eq(principal.id);

const securityFor = (database: Dialect) =>
  defineSecurity({
    issuer: "http://localhost:3000",
    audience: "http://localhost:3000/api",
    resources: [order, customer, audit],
    database,
    roles: {
      user: {
        grants: [
          order.allow("create", {
            where: not(order.where.status.eq("paid")),
            fields: ["id", "status", "total"],
            set: { ownerId: principal.id },
          }),
          order.allow("read", { where: own }),
          order.allow("update", {
            where: all(own, order.where.status.in(["draft", "open"])),
            fields: ["status", "total"],
          }),
          order.deny("update", { where: order.where.total.gt(1000) }),
          order.allow("delete", { where: all(own, order.where.status.eq("draft")) }),
          audit.allow("read", { where: audit.where.actor.eq(principal.id) }),
        ],
      },
      regional: {
        grants: [
          order.allow("read", { where: order.where.customer.region.eq(principal.claim("region")) }),
          customer.allow("read", { where: customer.where.region.eq(principal.claim("region")) }),
          order.allow("update", {
            where: order.where.customer.region.eq(principal.claim("region")),
          }),
        ],
      },
      importer: { grants: [order.allow("create")] },
      admin: {
        grants: [
          order.allow("create"),
          order.allow("read"),
          order.allow("update"),
          order.allow("delete"),
          customer.allow("read"),
        ],
      },
    },
    limits: { address: "600/1m" },
  });

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

export const definitions = [
  `create table "order" ("id" text primary key, "ownerId" text, "status" text, "total" integer, "customerId" text)`,
  `create table "customer" ("id" text primary key, "region" text)`,
  `create table ${quoted(auditTable)} ("id" text primary key, "select" text)`,
  `create table "note" ("id" text primary key, "text" text)`,
  `insert into "customer" values ('n', 'north'), ('s', 'south')`,
  `insert into "order" values
    ('a1', 'alice', 'draft', 10, 'n'), ('a2', 'alice', 'open', 20, 's'), ('a3', 'alice', 'paid', 30, null),
    ('a4', 'alice', 'open', 5000, null), ('b1', 'bob', 'draft', 40, 'n'), ('b2', 'bob', 'open', null, 's')`,
  `insert into ${quoted(auditTable)} values ('1', 'alice'), ('2', 'bob')`,
  `insert into "note" values ('1', 'hello')`,
].join(";\n");

const someone = (role: string, more: Partial<ActingPrincipal> = {}): ActingPrincipal => ({
  id: "alice",
  kind: "account",
  roles: [role],
  claims: { region: "north" },
  ...more,
});

export const accessFor = (database: Dialect, role: string, more: Partial<ActingPrincipal> = {}): RowAccess =>
  accessOf(securityFor(database), someone(role, more));
