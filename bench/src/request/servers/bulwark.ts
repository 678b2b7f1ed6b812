/** Bulwark with every stage on: the same contract that the other stacks assemble from their parts. */
import { defineSecurity, principal, resource } from "@bulwark/guard";
import { bulwark } from "@bulwark/guard/fastify";
import Fastify from "fastify";
import { z } from "zod";
import { announceReady, host } from "../../harness/server.ts";
import { createOrders, orderIdPattern } from "../orders.ts";
import { readServerSettings } from "../settings.ts";

const settings = readServerSettings();
const orders = createOrders();

const order = resource("order", {
  actions: ["read"],
  attributes: { id: "string", ownerId: "string", team: "string", status: "string", total: "number" },
});
const limit = `${settings.rateLimit.requests}/${settings.rateLimit.windowSeconds}s`;

const security = defineSecurity({
  issuer: settings.issuer,
  audience: settings.audience,
  algorithms: [settings.algorithm],
  keys: { keys: [settings.publicJwk] },
  resources: [order],
  roles: {
    user: { grants: [order.allow("read", { where: order.where.ownerId.eq(principal.id) })] },
    manager: {
      extends: ["user"],
      grants: [order.allow("read", { where: order.where.team.eq(principal.claim("team")) })],
    },
    admin: { extends: ["manager"], grants: [order.allow("read")] },
  },
  cors: { origins: settings.corsOrigins, credentials: true },
  limits: { address: limit, principal: limit },
});

const Id = z.object({ id: z.string().regex(new RegExp(orderIdPattern)) });

const app = Fastify();
await app.register(bulwark, { security });
app.get(
  "/orders/:id",
  {
    security: { permission: "order:read", params: Id, resource: (request) => orders.get(request.params.id) },
  },
  (request) => request.resource,
);
await app.listen({ host, port: 0 });
announceReady(app.server);
