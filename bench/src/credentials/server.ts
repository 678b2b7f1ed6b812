/** The order route with an identity server in the same process: tokens, API keys and sessions open it. */
import { readFileSync } from "node:fs";
import { defineSecurity, principal, resource } from "@bulwark/guard";
import { bulwark } from "@bulwark/guard/fastify";
import { openIdentity } from "@bulwark/identity";
import Fastify from "fastify";
import { z } from "zod";
import { announceReady, host } from "../harness/server.ts";
import { createOrders, orderIdPattern } from "../request/orders.ts";
import type { ServerSettings } from "../request/settings.ts";

const settings: ServerSettings & { readonly dataFolder: string } = JSON.parse(
  readFileSync(process.argv[2] ?? "", "utf8"),
);
const { issuer, audience, dataFolder, publicJwk, algorithm, rateLimit } = settings;
const orders = createOrders();
const identity = await openIdentity({ issuer, audience, dataFolder });

const order = resource("order", {
  actions: ["read"],
  attributes: { id: "string", ownerId: "string", team: "string", status: "string", total: "number" },
});
const limit = `${rateLimit.requests}/${rateLimit.windowSeconds}s`;
const security = defineSecurity({
  issuer,
  audience,
  algorithms: [algorithm],
  keys: { keys: [publicJwk] },
  resources: [order],
  roles: {
    manager: { grants: [order.allow("read", { where: order.where.team.eq(principal.claim("team")) })] },
  },
  limits: { address: limit, principal: limit },
});

const app = Fastify();
await app.register(bulwark, { security, identity });
const Id = z.object({ id: z.string().regex(new RegExp(orderIdPattern)) });
app.get(
  "/orders/:id",
  {
    security: { permission: "order:read", params: Id, resource: (request) => orders.get(request.params.id) },
  },
  (request) => request.resource,
);
await app.listen({ host, port: 0 });
announceReady(app.server);
