/** The order API on Express; its identity server has an origin of its own. */
import { createServer } from "node:http";
import { bulwark } from "@bulwark/guard/express";
import express from "express";
import type { AppServer, Parts } from "../app.ts";
import { buildIdentityServer, toAppServer } from "../fastify/servers.ts";
import { logTo, toNodeServer } from "../node-server.ts";
import { addOrderRoutes } from "./routes.ts";

export async function buildServers(parts: Parts): Promise<readonly AppServer[]> {
  const { settings, security, identity, orders, recording } = parts;
  const identityServer = await buildIdentityServer(parts);
  const app = express();
  const api = bulwark(app, { security, identity, ...logTo(identityServer.log), ...recording });
  api.get("/health", "public", (_request, response) => response.json({ ok: true }));
  addOrderRoutes(api.router("/api"), orders);
  await api.ready();
  return [
    toAppServer(identityServer, settings.identityPort),
    toNodeServer(createServer(app), settings.port, api),
  ];
}
