/** What the frameworks need that, unlike Fastify, bring neither a server nor a log. */
import { once } from "node:events";
import type { Server } from "node:http";
import type { Denial } from "@bulwark/guard/fastify";
import type { FastifyBaseLogger } from "fastify";
import type { AppServer } from "./app.ts";
import { host } from "./settings.ts";

/** @param api Its subscription to the feed ends with the server. */
export function toNodeServer(server: Server, port: number, api: { close(): void }): AppServer {
  return {
    port,
    async listen() {
      server.listen(port, host);
      await once(server, "listening");
    },
    async close() {
      api.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The guard's options that write to a log what Fastify's guard writes by itself. */
export function logTo(log: FastifyBaseLogger) {
  return {
    onDenial: ({ code, by, reason }: Denial) => log.info({ denial: { code, by, reason } }, "request denied"),
    onError: (error: unknown) => log.error(error),
  };
}
