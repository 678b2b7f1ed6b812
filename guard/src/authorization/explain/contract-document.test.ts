/** The contract as data: complete, the same each time, and without anything secret. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { defineSecurity } from "../../contract/define-security.ts";
import { resource } from "../../contract/resource.ts";
import { now, principal } from "../conditions/condition.ts";
import { contractDocument } from "./contract-document.ts";
import { security } from "./testing/orders.ts";

describe("the contract's document", () => {
  test("has every resource, role, grant and named condition, with its text and its tree", () => {
    const document = contractDocument(security);
    assert.deepEqual(document.scopes, {
      "order:create": ["order:create"],
      "order:read": ["order:read"],
      "order:update": ["order:update"],
      "order:delete": ["order:delete"],
      "orders.see": ["order:read"],
    });
    assert.deepEqual(Object.keys(document.roles as object), ["user", "manager", "admin", "suspended"]);
    assert.deepEqual((document.roles as Record<string, unknown>).admin, {
      extends: ["manager"],
      grants: [
        { effect: "allow", permission: "order:read" },
        { effect: "allow", permission: "order:delete", assurance: "mfa", maxAge: "15m" },
        {
          effect: "deny",
          permission: "order:delete",
          where: {
            text: 'status = "paid"',
            tree: {
              kind: "comparison",
              resource: "order",
              attribute: "status",
              column: "status",
              type: "string",
              operator: "eq",
              operand: { kind: "literal", value: "paid" },
            },
          },
        },
      ],
    });
    assert.deepEqual(
      (document.conditions as Record<string, { text: string }>).own?.text,
      "ownerId = principal.id",
    );
  });

  test("is the same text each time", () => {
    assert.equal(JSON.stringify(contractDocument(security)), JSON.stringify(contractDocument(security)));
  });

  test("holds no secret, no key and no function, and writes every number", () => {
    const customer = resource("customer", { actions: ["read"], attributes: { id: "string", since: "date" } });
    const order = resource("order", {
      actions: ["create", "read"],
      attributes: { id: "string", customerId: "string", total: "number", at: "date" },
      table: 'or"ders',
      columns: { customerId: "customer_id" },
      relations: { customer: { resource: customer, from: "customerId", to: "id" } },
    });
    const document = contractDocument(
      defineSecurity({
        issuer: "https://auth.example",
        audience: "https://api.example",
        resources: [order, customer],
        database: "postgresql",
        roles: {
          user: {
            grants: [
              order.allow("read", { where: order.where.total.lt(Number.POSITIVE_INFINITY) }),
              order.allow("create", {
                where: order.where.customer.since.lt(now.minus("1d")),
                set: { customerId: principal.id, at: now },
              }),
            ],
          },
        },
        keys: { keys: [{ kty: "EC", kid: "the-key" }] },
        issuers: { partner: { issuer: "https://partner.example", rolesClaim: ["realm", "roles"] } },
        introspection: {
          endpoint: "https://partner.example/introspect?key=in-the-query",
          clientId: "orders",
          clientSecret: () => "the-client-secret",
          issuer: "partner",
        },
        dpop: { baseUrl: "https://api.example", nonceSecret: () => "the-nonce-secret" },
        credentials: ["dpop", "session"],
        feed: { whenLost: "deny", grace: "30s" },
        cors: { origins: ["https://shop.example"], credentials: true, exposedHeaders: ["Location"] },
        limits: { address: "600/1m" },
      }),
    );
    const text = JSON.stringify(document);
    for (const secret of ["the-client-secret", "the-nonce-secret", "the-key", "in-the-query", "=>"]) {
      assert.ok(!text.includes(secret), secret);
    }
    const { roles, ...rest } = document;
    assert.deepEqual(
      (roles as { user: { grants: { where: { text: string }; set?: unknown }[] } }).user.grants.map(
        (grant) => [grant.where.text, grant.set],
      ),
      [
        ["total < Infinity", undefined],
        [
          "customer.since < now - 1d",
          {
            customerId: { text: "principal.id", value: { kind: "principal" } },
            at: { text: "now", value: { kind: "now", offsetMs: 0 } },
          },
        ],
      ],
    );
    assert.deepEqual(rest.introspection, {
      endpoint: "https://partner.example/introspect",
      clientId: "orders",
      issuer: "https://partner.example",
      cacheSeconds: 15,
    });
    assert.deepEqual(rest.limits, { address: "600/60s" });
    assert.deepEqual(rest.cors, {
      origins: ["https://shop.example"],
      credentials: true,
      exposedHeaders: ["Location"],
      maxAgeSeconds: 600,
    });
    assert.deepEqual(rest.assurance, [
      { level: "password", acr: [] },
      { level: "mfa", acr: [] },
    ]);
    assert.deepEqual(rest.credentials, ["dpop", "session"]);
    assert.deepEqual(rest.feed, { whenLost: "deny", graceSeconds: 30 });
  });
});
