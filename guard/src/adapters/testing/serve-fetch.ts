/** Serves Fetch handlers over real HTTP. */
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import type { TestServer } from "./behaviour.ts";

/** What `@hono/node-server` hands over beside a request. */
export interface NodeBindings {
  readonly incoming: IncomingMessage;
}

export async function serveFetch(
  handle: (request: Request, env: NodeBindings) => Response | Promise<Response>,
): Promise<TestServer> {
  const address = await new Promise<{ info: AddressInfo; server: ReturnType<typeof serve> }>((resolve) => {
    const server = serve(
      {
        fetch: (request, env) => handle(request, env as NodeBindings),
        hostname: "127.0.0.1",
        port: 0,
      },
      (info) => resolve({ info, server }),
    );
  });
  return {
    origin: `http://127.0.0.1:${address.info.port}`,
    async close() {
      if ("closeAllConnections" in address.server) address.server.closeAllConnections();
      address.server.close();
    },
  };
}
