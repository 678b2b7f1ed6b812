/**
 * The guard for plain Fetch handlers: a `Request` in, a `Response` out.
 *
 * Two ways to use it. Platforms that route by file (Next.js) or by themselves wrap each handler with `protect`. Others
 * (Workers, Deno, Bun) declare routes on the guard and hand every request to `fetch`.
 */
import { refuseUnknownKeys } from "../../contract/refusal.ts";
import { preflightAnswer } from "../../pipeline/answer.ts";
import { callServices } from "../api/call.ts";
import {
  type BulwarkOptions,
  type LoggingOptions,
  openGuard,
  optionNames,
  writeError,
} from "../api/options.ts";
import { type AnyDeclaration, createRoutes, type RouteMethod, type RouteParts } from "../api/routes.ts";
import type { DeclareWebRoute, WebApi } from "../web/types.ts";
import { toResponse } from "../web/web-answer.ts";
import { type AnyHandler, createWebRoutes } from "../web/web-route.ts";
import { compilePath, type Path } from "./path.ts";
import type { FetchHandler, Protect, RequestInfo, RouteIdentity } from "./types.ts";

export type { Denial } from "../../pipeline/verdict.ts";
export type { Guarded } from "../api/call.ts";
export type { FetchHandler, Protect, RequestInfo } from "./types.ts";

export interface FetchGuard extends WebApi<Request> {
  /** Puts one handler under the guard; the platform routes to it. */
  readonly protect: Protect;
  /** The handler of a path's preflights, for platforms that route: `export const OPTIONS = guard.preflight("/orders")`. */
  preflight(path: string): FetchHandler;
  /** Answers a request by the routes declared with `get`, `post`, …; the first that fits takes it. */
  readonly fetch: FetchHandler;
}

interface FetchRoute {
  readonly method: RouteMethod;
  readonly path: Path;
  readonly methods: ReadonlySet<string>;
  readonly answer: FetchHandler;
}

/**
 * Creates a guard for Fetch handlers.
 *
 * @throws {ContractError} here or at a route, when the contract or a route's declaration is refused.
 * @example
 * const guard = createFetchGuard({ security });
 * guard.get("/me", { authenticated: true }, (_request, { principal }) => Response.json({ id: principal.id }));
 * export default { fetch: (request) => guard.fetch(request) };
 */
export function createFetchGuard(options: BulwarkOptions & LoggingOptions): FetchGuard {
  refuseUnknownKeys(options, [...optionNames, "onError"], "createFetchGuard");
  const watched = openGuard(options, callServices, options.onError ?? writeError);
  const { guard } = watched;
  const routes = createRoutes(guard);
  const web = createWebRoutes<Request>(routes.unknown, watched);
  const declared: FetchRoute[] = [];

  const answerPreflight = (request: Request, methods: ReadonlySet<string>, info: RequestInfo) =>
    routes.cors === undefined
      ? web.answerUnknown(request, info)
      : toResponse(preflightAnswer(routes.cors, request.headers.get("origin") ?? undefined, methods));

  const createRoute = (
    parts: RouteParts & { readonly handler: AnyHandler<Request> },
    options: { readonly mayRepeat: boolean },
  ): FetchRoute => {
    const { method, handler } = parts;
    const { route, methods } = routes.declare(parts, options);
    const path = compilePath(parts.path);
    const answer: FetchHandler = async (request, info = {}) => {
      if (!takes(method, request.method)) return web.answerUnknown(request, info);
      const params = () => info.params ?? path.match(pathOf(request)) ?? {};
      const response = await web.answer(route, handler, { ...info, request, subject: request, params });
      return request.method === "HEAD" ? new Response(null, response) : response;
    };
    return { method, path, methods, answer };
  };

  const declare = (method: RouteMethod): DeclareWebRoute<Request> => {
    return (path: string, declaration: AnyDeclaration, handler: AnyHandler<Request>) => {
      declared.push(createRoute({ method, path, declaration, handler }, { mayRepeat: false }));
    };
  };

  return Object.freeze({
    get: declare("GET"),
    post: declare("POST"),
    put: declare("PUT"),
    patch: declare("PATCH"),
    delete: declare("DELETE"),
    async fetch(request: Request, info: RequestInfo = {}) {
      const asked = pathOf(request);
      const taking = declared.find(({ method, path }) => takes(method, request.method) && path.fits(asked));
      if (taking !== undefined) return taking.answer(request, info);
      const sibling =
        request.method === "OPTIONS" ? declared.find(({ path }) => path.fits(asked)) : undefined;
      return sibling === undefined
        ? web.answerUnknown(request, info)
        : answerPreflight(request, sibling.methods, info);
    },
    protect(route: RouteIdentity, declaration: AnyDeclaration, handler: AnyHandler<Request>) {
      // A platform that reloads a changed file declares its routes again.
      return createRoute({ ...route, declaration, handler }, { mayRepeat: true }).answer;
    },
    preflight(path: string): FetchHandler {
      const methods = routes.methodsOf(path);
      return async (request, info = {}) => answerPreflight(request, methods, info);
    },
    health: () => guard.health(),
    ready: () => guard.ready(),
    close: () => guard.close(),
  });
}

/** A route for GET answers HEAD. */
function takes(method: RouteMethod, asked: string): boolean {
  return method === asked || (method === "GET" && asked === "HEAD");
}

function pathOf({ url }: Request): string {
  return new URL(url).pathname;
}
