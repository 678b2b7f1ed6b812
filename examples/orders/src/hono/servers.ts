/** The order API on Hono; its identity server has an origin of its own. */
import type { Server } from "node:http";
import { bulwark } from "@bulwark/guard/hono";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import type { AppServer, Parts } from "../app.ts";
import { buildIdentityServer, toAppServer } from "../fastify/servers.ts";
import { logTo, toNodeServer } from "../node-server.ts";
import { addOrderRoutes } from "./routes.ts";

export async function buildServers(parts: Parts): Promise<readonly AppServer[]> {
  const { settings, security, identity, orders, recording } = parts;
  const identityServer = await buildIdentityServer(parts);
  const app = new Hono();
  const api = bulwark(app, { security, identity, ...logTo(identityServer.log), ...recording });
  api.get("/health", "public", (context) => context.json({ ok: true }));
  addOrderRoutes(api.router("/api"), orders);
  await api.ready();
  return [
    toAppServer(identityServer, settings.identityPort),
    // Without options it makes a plain http server.
    toNodeServer(createAdaptorServer({ fetch: app.fetch }) as Server, settings.port, api),
  ];
}
