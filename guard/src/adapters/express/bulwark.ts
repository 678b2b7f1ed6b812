/**
 * The guard for Express 5.
 *
 * Routes are declared on what `bulwark(app)` returns. Anything put on the app itself (a route, a middleware, a nested
 * router) is refused where it is declared: to Express they are all alike, and each could answer a request that no guard
 * has seen. A handler is only ever reached through its guarded route, however Express matches paths.
 */
import type { Express, RequestHandler } from "express";
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
import { sendAnswer } from "../node/send-answer.ts";
import { createAnswers } from "./answers.ts";
import { guardLayer } from "./guard-layer.ts";
import { takeOver } from "./take-over.ts";
import type { DeclareRoute, ExpressApi } from "./types.ts";

export type { Denial } from "../../pipeline/verdict.ts";
export type { BulwarkOptions } from "../api/options.ts";
export type { ExpressApi, GuardedRequest } from "./types.ts";

/**
 * Puts an Express app under the guard.
 *
 * @param app Without routes or middleware so far; its settings for matching paths are already made.
 * @returns where to declare routes.
 * @throws {ContractError} here or at a route, when the contract or a route's declaration is refused; `route_undeclared`
 *   from the app, at whatever is declared on it directly.
 * @example
 * const app = express();
 * const api = bulwark(app, { security });
 * api.get("/health", "public", (_request, response) => response.json({ ok: true }));
 */
export function bulwark(app: Express, options: BulwarkOptions & LoggingOptions): ExpressApi {
  refuseUnknownKeys(options, [...optionNames, "onError"], "bulwark");
  const watched = openGuard(options, callServices, options.onError ?? writeError);
  const { guard } = watched;
  const routes = createRoutes(guard);
  const answers = createAnswers(routes.unknown, watched);
  const own = keepToOwn(app.router.stack, nameOf);
  app.disable("x-powered-by");
  takeOver(app, own, answers);

  const preflight =
    (methods: ReadonlySet<string>): RequestHandler =>
    (request, response) => {
      // Without CORS nothing answers OPTIONS: as a path that is not there, in place of Express's own answer.
      if (routes.cors === undefined) answers.unknown(request, response);
      else sendAnswer(response, preflightAnswer(routes.cors, request.headers.origin, methods));
    };

  const createApi = (prefix: string, inherited: readonly RequestHandler[]): ExpressApi => {
    const middlewares = [...inherited];
    const declare = (method: RouteMethod): DeclareRoute => {
      return (below: string, declaration: AnyDeclaration, handler: unknown) => {
        const path = prefix + below;
        const { route, methods, isNew } = routes.declare({ method, path, declaration, handler });
        const layers = [guardLayer(route, answers), ...middlewares, handler as RequestHandler];
        const verb = method.toLowerCase() as "get";
        own.add(() => {
          app[verb](path, ...layers);
          if (isNew) app.options(path, preflight(methods));
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
      use(middleware: RequestHandler) {
        if (typeof middleware !== "function" || middleware.length > 3) {
          throw new ContractError(
            "option_invalid",
            `use ${prefix}`,
            "It is no middleware that takes a request.",
          );
        }
        middlewares.push(middleware);
      },
      health: () => guard.health(),
      ready: () => guard.ready(),
      close: () => guard.close(),
    });
  };
  return createApi("", []);
}

/** What an entry of Express's stack is called in its declaration, as far as Express remembers. */
function nameOf(layer: Express["router"]["stack"][number]): string {
  const { rawPath = "" } = layer as { readonly rawPath?: unknown };
  return layer.route === undefined ? `use ${layer.name}` : String(rawPath);
}
