/** What the guard keeps on, and reads from, Fastify's requests and instances. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Caller } from "../../authentication/caller.ts";
import type { Principal } from "../../authentication/principal.ts";
import type { RowFilter } from "../../authorization/conditions/filter.ts";
import type { Protectable, ProtectOptions } from "../../authorization/protect/protect.ts";
import { type InDatabase, inDatabaseAs } from "../../authorization/row-level-security/with-context.ts";
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

/**
 * Who is calling, with the scopes of the credential and how they signed in: for routes that decide about authority itself.
 *
 * @returns `undefined` on public routes, and where no guard has seen the request.
 */
export function callerOf(request: Pick<FastifyRequest, typeof exchangeKey>): Caller | undefined {
  return request[exchangeKey]?.caller;
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
  app.decorateRequest("protect", protect);
  app.decorateRequest("inDatabase", {
    getter(this: FastifyRequest): InDatabase {
      return inDatabaseAs(() => {
        const exchange = this[exchangeKey];
        if (exchange === null) throw new Error("No guard has seen this request.");
        return exchange.guard.context(exchange);
      });
    },
  });
}

function allowed(this: FastifyRequest, resource: Resource, action = "read", table?: string): RowFilter {
  const exchange = this[exchangeKey];
  if (exchange === null) throw new Error("No guard has seen this request.");
  return exchange.guard.allowed(exchange, resource, action, table);
}

function protect<Database extends Protectable>(
  this: FastifyRequest,
  db: Database,
  options?: ProtectOptions,
): Database {
  const exchange = this[exchangeKey];
  if (exchange === null) throw new Error("No guard has seen this request.");
  return exchange.guard.protect(exchange, db, options);
}
