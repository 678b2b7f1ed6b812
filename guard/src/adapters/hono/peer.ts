/** Who is at the other end of a Hono request. */
import type { IncomingMessage } from "node:http";
import type { Context, Env } from "hono";
import { NodeRequest } from "../node/node-request.ts";
import type { Peer } from "../web/web-request.ts";

/** @param address What the application says instead of the socket. */
export function createPeer<E extends Env>(
  address: ((context: Context<E>) => string) | undefined,
): (context: Context<E>) => Peer {
  return (context) => {
    const peer = nodePeer(context.env);
    return address === undefined ? peer : { ...peer, address: address(context) };
  };
}

/** What `@hono/node-server` hands over in `env.incoming`. */
function nodePeer(env: unknown): Peer {
  const { incoming } = (env ?? {}) as { readonly incoming?: IncomingMessage };
  if (incoming?.socket === undefined) return {};
  const request = new NodeRequest(incoming);
  return { address: request.address, clientCertificate: () => request.clientCertificate() };
}
