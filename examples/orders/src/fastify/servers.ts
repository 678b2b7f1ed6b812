/** The order API on Fastify, with its identity server on the same origin. */
import { bulwark, frameworkErrors } from "@bulwark/guard/fastify";
import Fastify, { type FastifyInstance } from "fastify";
import type { AppServer, Parts } from "../app.ts";
import { host, type Settings } from "../settings.ts";
import { addOrderRoutes } from "./routes.ts";

export async function buildServers({
  settings,
  security,
  identity,
  orders,
  recording,
}: Parts): Promise<readonly AppServer[]> {
  const server = createFastify(settings);
  await server.register(bulwark, { security, identity, ...recording });
  await server.register(identity.plugin);
  server.get("/health", { security: "public" }, () => ({ ok: true }));
  await server.register(async (api) => addOrderRoutes(api, orders), { prefix: "/api" });
  return [toAppServer(server, settings.port)];
}

/** The identity server by itself: for an API on another framework, on an origin of its own. */
export async function buildIdentityServer({ settings, identity }: Parts): Promise<FastifyInstance> {
  const server = createFastify(settings);
  await server.register(identity.plugin);
  return server;
}

export function toAppServer(server: FastifyInstance, port: number): AppServer {
  return {
    port,
    listen: async () => void (await server.listen({ port, host })),
    close: () => server.close(),
  };
}

function createFastify({ logLevel }: Settings): FastifyInstance {
  return Fastify({
    frameworkErrors,
    forceCloseConnections: true,
    // Addresses may hold what is nobody else's business (codes, cursors): they are not logged.
    disableRequestLogging: true,
    logger: { level: logLevel, stream: process.stderr },
  });
}
