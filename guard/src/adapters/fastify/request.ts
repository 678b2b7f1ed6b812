/** What the guard keeps on, and reads from, Fastify's requests and instances. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Principal } from "../../authentication/principal.ts";
import type { RowFilter } from "../../authorization/conditions/filter.ts";
import type { Resource } from "../../contract/resource.ts";
import { Exchange, type Input } from "../../pipeline/exchange.ts";
import type { GuardedRoute } from "../../pipeline/guard.ts";
import type { FrameworkServices } from "../../pipeline/services.ts";
import type { Watched } from "../api/options.ts";
import { NodeRequest } from "../node/node-request.ts";
import "./types.ts";

/** What a scope's guard is made of, on its instance. */
interface GuardedScope extends Watched {
  /** What requests without a route are held to. */
  readonly unknown: GuardedRoute;
}

/** The guard of a scope, on its instance. */
export const guardKey = Symbol("bulwark.guard");
/** The exchange of a request that a guard has seen. */
export const exchangeKey = Symbol("bulwark.exchange");

declare module "fastify" {
  interface FastifyInstance {
    [guardKey]: GuardedScope | undefined;
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

/** Begins the exchange of a request. */
export function openExchange(guarded: GuardedRoute, request: FastifyRequest): Exchange {
  return new Exchange(
    guarded,
    new NodeRequest(request.raw, request.originalUrl),
    request,
    guarded.guard.now(),
  );
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

function allowed(this: FastifyRequest, resource: Resource, action = "read", table?: string): RowFilter {
  const exchange = this[exchangeKey];
  if (exchange === null) throw new Error("No guard has seen this request.");
  return exchange.guard.allowed(exchange, resource, action, table);
}
