/** What the guard keeps on, and reads from, Fastify's requests and instances. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Principal } from "../../authentication/principal.ts";
import type { RowFilter } from "../../authorization/conditions/filter.ts";
import type { Resource } from "../../contract/resource.ts";
import { Exchange, type Input } from "../../pipeline/exchange.ts";
import type { Guard, GuardedRoute } from "../../pipeline/guard.ts";
import type { FrameworkServices } from "../../pipeline/services.ts";
import "./types.ts";

/** The guard of a scope, on its instance. */
export const guardKey = Symbol("bulwark.guard");
/** The exchange of a request that a guard has seen. */
export const exchangeKey = Symbol("bulwark.exchange");

declare module "fastify" {
  interface FastifyInstance {
    [guardKey]: Guard | undefined;
  }
  interface FastifyRequest {
    [exchangeKey]: Exchange | null;
  }
}

export const fastifyServices: FrameworkServices = Object.freeze({
  read: (request: unknown) => request as FastifyRequest,
  write(request: unknown, { params, query, body }: Input) {
    const target = request as Input;
    target.params = params;
    target.query = query;
    target.body = body;
  },
});

/** Begins the exchange of a request. The address is the peer's own: no header changes it. */
export function openExchange(guarded: GuardedRoute, request: FastifyRequest, nowMs: number): Exchange {
  const { method = "", url = "", headers, socket } = request.raw;
  return new Exchange(guarded, { method, url, headers, address: socket.remoteAddress ?? "" }, request, nowMs);
}

export function decorateRequests(app: FastifyInstance): void {
  app.decorateRequest(exchangeKey, null);
  app.decorateRequest("principal", {
    getter(this: FastifyRequest): Principal | undefined {
      return this[exchangeKey]?.caller?.principal;
    },
  });
  app.decorateRequest("resource", {
    getter(this: FastifyRequest): unknown {
      return this[exchangeKey]?.resource;
    },
  });
  app.decorateRequest("values", {
    getter(this: FastifyRequest) {
      return this[exchangeKey]?.values;
    },
  });
  app.decorateRequest("allowed", allowed);
}

function allowed(this: FastifyRequest, resource: Resource, action = "read"): RowFilter {
  const exchange = this[exchangeKey];
  if (exchange === null) throw new Error("No guard has seen this request.");
  return exchange.guard.allowed(exchange, resource, action);
}
