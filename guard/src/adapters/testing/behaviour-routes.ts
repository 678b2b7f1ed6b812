/** The API that every adapter is tested with: one contract, and routes written without a framework. */
import { z } from "zod";
import { UnavailableError } from "../../authentication/security-error.ts";
import { all, principal } from "../../authorization/conditions/condition.ts";
import { openMemory } from "../../authorization/protect/testing/sqlite.ts";
import { defineSecurity, type Security, type SecurityOptions } from "../../contract/define-security.ts";
import { resource } from "../../contract/resource.ts";
import type { RouteDeclaration } from "../../contract/route.ts";
import type { CorsOptions } from "../../defence/cors.ts";
import type { TestIssuer } from "../../testing/issuer.ts";
import type { Guarded } from "../api/call.ts";
import type { RouteMethod } from "../api/routes.ts";

/** What a handler gets, as far as the frameworks agree. */
export type TestCall = Guarded<undefined, undefined, undefined, undefined, unknown>;

/** What a handler answers: JSON, or text where `body` is text. */
export interface TestAnswer {
  readonly status?: number;
  readonly fields?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface TestRoute {
  readonly method: RouteMethod;
  readonly path: string;
  readonly declaration: RouteDeclaration;
  readonly handler: (call: TestCall) => TestAnswer | Promise<TestAnswer>;
}

export const order = resource("order", {
  actions: ["create", "read", "update", "delete"],
  attributes: { id: "string", ownerId: "string", team: "string", status: "string", total: "number" },
});
const own = order.where.ownerId.eq(principal.id);

type Options = SecurityOptions<readonly [typeof order], string>;

/** What a test adds to the contract. */
export type FurtherOptions = Partial<Omit<Options, "resources" | "roles" | "cors">> & {
  /** `null`: none. */
  readonly cors?: CorsOptions | null;
};

const shop: CorsOptions = { origins: ["https://shop.example"], credentials: true };

/** The contract, with what a test adds to it. */
export function createTestSecurity(
  issuer: TestIssuer,
  { cors = shop, ...further }: FurtherOptions = {},
): Security {
  return defineSecurity({
    ...issuer.contract,
    resources: [order],
    roles: {
      user: {
        grants: [
          order.allow("create", { set: { ownerId: principal.id, team: principal.claim("team") } }),
          order.allow("read", { where: own }),
          order.allow("update", {
            where: all(own, order.where.status.in(["draft", "open"])),
            fields: ["status", "total"],
          }),
        ],
      },
      manager: {
        extends: ["user"],
        grants: [order.allow("read", { where: order.where.team.eq(principal.claim("team")) })],
      },
      admin: {
        extends: ["manager"],
        grants: [order.allow("read"), order.allow("update"), order.allow("delete")],
      },
    },
    ...(cors === null ? {} : { cors }),
    ...further,
  });
}

const rows = new Map(
  [
    { id: "1", ownerId: "alice", team: "red", status: "open", total: 10 },
    { id: "2", ownerId: "bob", team: "red", status: "open", total: 20 },
    { id: "3", ownerId: "carol", team: "blue", status: "open", total: 30 },
    { id: "4", ownerId: "alice", team: "red", status: "paid", total: 40 },
    { id: "a/b", ownerId: "alice", team: "red", status: "open", total: 50 },
    { id: "%41", ownerId: "alice", team: "red", status: "open", total: 60 },
  ].map((row) => [row.id, row]),
);

/** The same rows in a database, as far as a query needs them. */
const { db } = openMemory<{ order: { id: string; ownerId: string } }>(
  `create table "order" ("id", "ownerId", "team", "status", "total");
   insert into "order" values ${[...rows.values()].map(({ id, ownerId, team, status, total }) => `('${id}', '${ownerId}', '${team}', '${status}', ${total})`).join(", ")}`,
);

const Id = z.object({ id: z.string().max(10) });
const OrderChanges = z
  .object({ ownerId: z.string(), status: z.string(), total: z.number().nonnegative() })
  .partial();

type WithId = { readonly params: { readonly id: string } };
const byId = ({ params }: WithId) => rows.get(params.id);
const byIdLater = async ({ params }: WithId) => rows.get(params.id);
/** As a query builder is: a thenable that is no promise. */
const byIdThenable = ({ params }: WithId) => ({
  // biome-ignore lint/suspicious/noThenProperty: it is what the test is about.
  then: (resolve: (row: unknown) => void) => resolve(rows.get(params.id)),
});

/** What `list` answers is what the filter makes of no table: that it was asked for is what counts. */
const useFilter = (call: TestCall) => void call.allowed(order).toOperationNode();

// biome-ignore format: a table
export const testRoutes: readonly TestRoute[] = [
  { method: "GET", path: "/health", declaration: "public", handler: () => ({ body: { ok: true } }) },
  { method: "GET", path: "/page", declaration: "public", handler: () => ({ fields: { "content-security-policy": "default-src 'self'", vary: "Accept" }, body: "page" }) },
  { method: "GET", path: "/me", declaration: { authenticated: true }, handler: ({ principal: { id } }) => ({ body: { id } }) },
  { method: "POST", path: "/ping", declaration: { authenticated: true }, handler: () => ({ body: { ok: true } }) },
  { method: "GET", path: "/search", declaration: { public: true, query: z.object({ tag: z.union([z.string(), z.array(z.string())]) }) }, handler: ({ query }) => ({ body: query }) },
  { method: "GET", path: "/orders/:id", declaration: { permission: "order:read", params: Id, resource: byId }, handler: ({ resource: body }) => ({ body }) },
  { method: "POST", path: "/orders", declaration: { permission: "order:create", body: z.object({ total: z.number() }) }, handler: ({ values: body }) => ({ body }) },
  { method: "PATCH", path: "/orders/:id", declaration: { permission: "order:update", params: Id, body: OrderChanges, resource: byIdLater }, handler: ({ values: body }) => ({ body }) },
  { method: "DELETE", path: "/orders/:id", declaration: { permission: "order:delete", params: Id, resource: byIdThenable }, handler: () => ({ status: 204 }) },
  { method: "GET", path: "/orders", declaration: { permission: "order:read", list: true }, handler: (call) => { useFilter(call); return { body: [] }; } },
  { method: "GET", path: "/forgetful", declaration: { permission: "order:read", list: true }, handler: () => ({ body: [...rows.values()] }) },
  { method: "GET", path: "/forgetful/text", declaration: { permission: "order:read", list: true }, handler: () => ({ body: "bob" }) },
  { method: "GET", path: "/forgetful/gone", declaration: { permission: "order:read", list: true }, handler: () => ({ status: 410, body: { gone: true } }) },
  { method: "GET", path: "/protected", declaration: { permission: "order:read", list: true }, handler: async (call) => ({ body: await call.protect(db).selectFrom("order").select("id").orderBy("id").execute() }) },
  { method: "GET", path: "/protected/not", declaration: { permission: "order:read", list: true }, handler: async (call) => { call.protect(db); return { body: await db.selectFrom("order").select("id").execute() }; } },
  { method: "GET", path: "/protected/write", declaration: { authenticated: true }, handler: async (call) => { await call.protect(db).updateTable("order").set({ ownerId: "alice" }).execute(); return { body: {} }; } },
  { method: "GET", path: "/protected/delete", declaration: { authenticated: true }, handler: async (call) => { await call.protect(db).deleteFrom("order").execute(); return { body: {} }; } },
  { method: "GET", path: "/throws", declaration: { public: true }, handler: () => { throw new TypeError("a secret detail"); } },
  { method: "GET", path: "/throws/later", declaration: { public: true }, handler: async () => { throw new TypeError("a secret detail"); } },
  { method: "GET", path: "/throws/conflict", declaration: { public: true }, handler: () => { throw Object.assign(new Error("Read it again."), { statusCode: 409 }); } },
  { method: "GET", path: "/throws/unavailable", declaration: { public: true }, handler: () => { throw new UnavailableError("The store", 3); } },
];
