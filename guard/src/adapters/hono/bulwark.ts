/**
 * The guard for Hono 4.
 *
 * Routes are declared on what `bulwark(app)` returns. Anything put on the app itself (a route, a middleware, another
 * app) is refused where it is declared: each could answer a request that no guard has seen.
 */
import type { Context, Env, Hono, MiddlewareHandler } from "hono";
import { ContractError, refuseUnknownKeys } from "../../contract/refusal.ts";
import { preflightAnswer } from "../../pipeline/answer.ts";
import { callServices } from "../api/call.ts";
import {
  type BulwarkOptions,
  type LoggingOptions,
  openGuard,
  optionNames,
  writeError,
} from "../api/options.ts";
import { keepToOwn } from "../api/own-routes.ts";
import { type AnyDeclaration, createRoutes, type RouteMethod } from "../api/routes.ts";
import type { DeclareWebRoute, WebApi } from "../web/types.ts";
import { toResponse } from "../web/web-answer.ts";
import { type AnyHandler, createWebRoutes, type WebRoutes } from "../web/web-route.ts";
import { createPeer } from "./peer.ts";

export type { Denial } from "../../pipeline/verdict.ts";
export type { Guarded } from "../api/call.ts";

export interface HonoOptions<E extends Env = Env> extends BulwarkOptions, LoggingOptions {
  /**
   * The address of a request's peer, which limits are counted by; default the socket's, under `@hono/node-server`. On a
   * platform that tells it in a field, take only the field that the platform itself sets.
   */
  readonly address?: (context: Context<E>) => string;
}

/** Where a Hono API's routes are declared. Handlers get Hono's context, then what the guard found out. */
export interface HonoApi<E extends Env = Env> extends WebApi<Context<E>> {
  /** The same, with every path below a prefix: `/v1`. */
  router(prefix: string): HonoApi<E>;
  /** Runs a middleware around the handlers of routes declared after it, for requests that the guard has let through. */
  use(middleware: MiddlewareHandler<E>): void;
}

/**
 * Puts a Hono app under the guard.
 *
 * @param app Without routes or middleware so far, and without a base path.
 * @returns where to declare routes.
 * @throws {ContractError} here or at a route, when the contract or a route's declaration is refused; `route_undeclared`
 *   from the app, at whatever is declared on it directly.
 * @example
 * const app = new Hono();
 * const api = bulwark(app, { security });
 * api.get("/me", { authenticated: true }, (context, { principal }) => context.json({ id: principal.id }));
 */
export function bulwark<E extends Env>(app: Hono<E>, options: HonoOptions<E>): HonoApi<E> {
  refuseUnknownKeys(options, [...optionNames, "onError", "address"], "bulwark");
  // What a base path makes is another app beside the one that is served.
  if ((app as unknown as { readonly _basePath: string })._basePath !== "/") {
    throw new ContractError(
      "option_invalid",
      "bulwark",
      "The app has a base path: use `router(prefix)` instead.",
    );
  }
  const watched = openGuard(options, callServices, options.onError ?? writeError);
  const { guard } = watched;
  const routes = createRoutes(guard);
  const web = createWebRoutes<Context<E>>(routes.unknown, watched);
  const own = keepToOwn(app.routes, ({ method, path }) => `${method} ${path}`);
  const peerOf = createPeer(options.address);

  const { fetch } = app;
  app.fetch = (request, ...rest) =>
    own.isIntact()
      ? fetch(request, ...rest)
      : web.fail(new Error("The app has routes that the guard knows nothing of."));
  takeAnswers(app, web, peerOf);

  const createApi = (prefix: string, inherited: readonly MiddlewareHandler<E>[]): HonoApi<E> => {
    const middlewares = [...inherited];
    const declare = (method: RouteMethod): DeclareWebRoute<Context<E>> => {
      return (below: string, declaration: AnyDeclaration, handler: AnyHandler<Context<E>>) => {
        const path = prefix + below;
        const { route, methods, isNew } = routes.declare({ method, path, declaration, handler });
        const answer = around(middlewares, handler);
        own.add(() => {
          app.on(method, path, (context) => {
            const { raw: request } = context.req;
            const params = () => context.req.param();
            return web.answer(route, answer, { request, subject: context, params, ...peerOf(context) });
          });
          const { cors } = routes;
          if (!isNew || cors === undefined) return;
          app.on("OPTIONS", path, (context) =>
            toResponse(preflightAnswer(cors, context.req.header("origin"), methods)),
          );
        });
      };
    };
    return Object.freeze({
      get: declare("GET"),
      post: declare("POST"),
      put: declare("PUT"),
      patch: declare("PATCH"),
      delete: declare("DELETE"),
      router: (further: string) => createApi(prefix + further, middlewares),
      use: (middleware: MiddlewareHandler<E>) => void middlewares.push(middleware),
      health: () => guard.health(),
      ready: () => guard.ready(),
      close: () => guard.close(),
    });
  };
  return createApi("", []);
}

/** Answers in Hono's place what no route takes, and lets nothing else answer it. */
function takeAnswers<E extends Env>(
  app: Hono<E>,
  web: WebRoutes<Context<E>>,
  peerOf: ReturnType<typeof createPeer<E>>,
): void {
  app.notFound((context) => web.answerUnknown(context.req.raw, peerOf(context)));
  app.onError((error) => web.fail(error));
  for (const name of ["notFound", "onError"] as const) {
    app[name] = () => {
      throw new ContractError("route_undeclared", name, "The guard knows nothing of it.");
    };
  }
}

/** Hono's middlewares, from the outermost: each gets the answer of what is inside it as `context.res`. */
function around<E extends Env>(
  middlewares: readonly MiddlewareHandler<E>[],
  handler: AnyHandler<Context<E>>,
): AnyHandler<Context<E>> {
  return middlewares.reduceRight<AnyHandler<Context<E>>>(
    (inner, middleware) => async (context, call) => {
      const answer = await middleware(context, async () => {
        context.res = await inner(context, call);
      });
      if (answer === undefined && !context.finalized) throw new Error("A middleware gave no answer.");
      return answer ?? context.res;
    },
    handler,
  );
}
