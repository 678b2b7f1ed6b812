/**
 * The guard for Fastify 5.
 *
 * Register it first, then declare `security` on every route. A route without it, in the guard's scope or below,
 * does not start. A guard registered in an inner scope takes over from the outer one there.
 */
import type {
  FastifyInstance,
  FastifyPluginAsync,
  FastifyReply,
  FastifyRequest,
  RouteOptions,
} from "fastify";
import { ContractError, refuseUnknownKeys } from "../../contract/refusal.ts";
import type { RouteDeclaration } from "../../contract/route.ts";
import type { Exchange } from "../../pipeline/exchange.ts";
import type { Guard, GuardedRoute } from "../../pipeline/guard.ts";
import type { Outcome } from "../../pipeline/stages.ts";
import { type Denial, deny } from "../../pipeline/verdict.ts";
import { forgottenFilter } from "../api/forgotten-filter.ts";
import { type BulwarkOptions, openGuard, optionNames } from "../api/options.ts";
import { unknownDenial } from "../api/routes.ts";
import { setFields } from "../node/fields.ts";
import { answerError, sendDenial } from "./answers.ts";
import { addPreflight, isPreflight } from "./preflight.ts";
import { decorateRequests, exchangeKey, fastifyServices, guardKey, openExchange } from "./request.ts";

export type { Denial } from "../../pipeline/verdict.ts";
export type { BulwarkOptions } from "../api/options.ts";
export { frameworkErrors } from "./answers.ts";
export { callerOf } from "./request.ts";
export type { GuardedRequest } from "./types.ts";

/**
 * The Fastify plugin.
 *
 * @throws {ContractError} at registration or at a route, when the contract or a route's declaration is refused.
 * @example
 * const app = Fastify();
 * await app.register(bulwark, { security });
 * app.get("/health", { security: "public" }, () => ({ ok: true }));
 */
export const bulwark: FastifyPluginAsync<BulwarkOptions> = async (app, options) => {
  refuseUnknownKeys(options, optionNames, "bulwark");
  const { guard, denied, failed } = openGuard(options, fastifyServices, (error) => app.log.error(error));
  const unknown = guard.compile({ method: "any", url: "unknown path" }, "public");
  const outermost = app[guardKey] === undefined;
  if (outermost) {
    decorateRequests(app);
    watchEarlyRoutes(app);
  }
  app.decorate(guardKey, Object.freeze({ guard, denied, failed, unknown }));
  app.decorate("guardHealth", () => guard.health());
  app.addHook("onReady", () => guard.ready());
  app.addHook("onClose", async () => guard.close());
  app.setErrorHandler(answerError);
  guardRoutes(app, guard);
  if (outermost) {
    guardUnknownPaths(app, unknown);
    app.addHook("onRegister", keepUnknownPaths);
  }
};

// The guard belongs to the scope that registers it, not to a scope of its own.
Object.assign(bulwark, {
  [Symbol.for("skip-override")]: true,
  [Symbol.for("fastify.display-name")]: "bulwark",
});

/**
 * Routes that were there before the guard have escaped it. At the root that refuses the start. Below a prefix they may
 * be another scope's, so there each request is asked whether a guard has seen it.
 */
function watchEarlyRoutes(app: FastifyInstance): void {
  const routes = app.printRoutes({ commonPrefix: false });
  if (routes.startsWith("(empty tree)")) return;
  if (app.prefix === "") {
    throw new ContractError("route_before_guard", "bulwark", `There are routes already:\n${routes}`);
  }
  app.addHook("preHandler", refuseUnguarded);
}

/** No handler is reached by a request that no guard has seen. */
function refuseUnguarded(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
  if (request[exchangeKey] !== null || request.is404) done();
  else sendDenial(request, reply, deny("handler", "internal", "a route that no guard has compiled"));
}

/** Compiles each route as it is declared, and gives each path its preflight answer. */
function guardRoutes(app: FastifyInstance, guard: Guard): void {
  const { cors } = guard.security;
  const ofGet = new Map<string, { readonly declaration: unknown; readonly guarded: GuardedRoute }>();
  const methodsByPath = new Map<string, Set<string>>();

  app.addHook("onRoute", function (options) {
    if (this[guardKey]?.guard !== guard || isPreflight(options)) return;
    const { url } = options;
    const methods = [options.method].flat();
    const method = methods.join(",");
    // A HEAD route that Fastify makes from a GET has its very declaration, and shares its limits.
    const declaration = options.security as RouteDeclaration | undefined;
    const known = method === "HEAD" ? ofGet.get(url) : undefined;
    const guarded =
      known?.declaration === declaration && known !== undefined
        ? known.guarded
        : guard.compile({ method, url }, declaration);
    if (method === "GET") ofGet.set(url, { declaration, guarded });
    attach(options, guarded);

    const ofPath = methodsByPath.get(url);
    if (ofPath !== undefined) {
      for (const name of methods) ofPath.add(name);
      return;
    }
    const ofNewPath = new Set<string>(methods);
    methodsByPath.set(url, ofNewPath);
    if (cors !== undefined && !ofNewPath.has("OPTIONS")) addPreflight(this, options, cors, ofNewPath);
  });
}

/** Puts the guard's checks before everything else that the route itself runs. */
function attach(options: RouteOptions, guarded: GuardedRoute): void {
  const { head, body, route } = guarded;
  // Fastify reads no body for these, so that nothing is left to wait for.
  const hasNoBody = [options.method].flat().every((method) => method === "GET" || method === "HEAD");

  const onRequest: Hook = (request, reply, done) => {
    const exchange = openExchange(guarded, request);
    request[exchangeKey] = exchange;
    const outcome = head(exchange);
    const conclude = (denial: Denial | undefined) => {
      setFields(reply.raw, exchange);
      if (denial === undefined && hasNoBody) settle(body(exchange), request, reply, done);
      else settle(denial, request, reply, done);
    };
    if (outcome instanceof Promise) outcome.then(conclude).catch(done);
    else conclude(outcome);
  };
  const preHandler: Hook = (request, reply, done) => {
    // The hook above ran first and opened the exchange.
    settle(body(request[exchangeKey] as Exchange), request, reply, done);
  };

  options.bodyLimit = route.maxBodyBytes;
  options.onRequest = [onRequest, ...hooks(options.onRequest)];
  if (!hasNoBody) options.preHandler = [preHandler, ...hooks(options.preHandler)];
  if (route.list) options.onSend = [refuseUnfiltered, ...hooks(options.onSend)];
}

type Hook = (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => void;

/** Goes on, or answers the denial: at once, or when the outcome is there. */
function settle(
  outcome: Outcome | Promise<Outcome>,
  request: FastifyRequest,
  reply: FastifyReply,
  done: (error?: Error) => void,
): void {
  if (outcome === undefined) done();
  else if (outcome instanceof Promise)
    outcome.then((settled) => settle(settled, request, reply, done)).catch(done);
  else sendDenial(request, reply, outcome);
}

function hooks<Hook>(declared: Hook | Hook[] | undefined): Hook[] {
  return declared === undefined ? [] : ([declared].flat() as Hook[]);
}

/** @see forgottenFilter */
function refuseUnfiltered(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
  done: (error: Error | null, payload?: unknown) => void,
): void {
  if (reply.statusCode >= 400 || request[exchangeKey]?.filtered === true) done(null, payload);
  else done(forgottenFilter());
}

/** A scope's own handler for unknown paths would answer past every guard. */
function keepUnknownPaths(scope: FastifyInstance): void {
  scope.setNotFoundHandler = () => {
    const place = `${scope.prefix}/*`;
    throw new ContractError("route_undeclared", place, "The guard answers what no route takes.");
  };
}

/** Paths that no route has are limited and answered like all others. */
function guardUnknownPaths(app: FastifyInstance, unknown: GuardedRoute): void {
  app.setNotFoundHandler(async (request, reply) => {
    const exchange = openExchange(unknown, request);
    const denial = await unknown.head(exchange);
    setFields(reply.raw, exchange);
    sendDenial(request, reply, denial ?? unknownDenial(request.raw.url ?? ""));
    return reply;
  });
}
