/** The routes of one guard: each compiled when it is declared, each path knowing its methods. */
import { ContractError } from "../../contract/refusal.ts";
import type { RouteDeclaration, RouteSecurity } from "../../contract/route.ts";
import type { CorsPolicy } from "../../defence/cors.ts";
import type { Guard, GuardedRoute } from "../../pipeline/guard.ts";
import { type Denial, deny } from "../../pipeline/verdict.ts";
import type { GuardedCall } from "./call.ts";

export type RouteMethod = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** A declaration whose types have done their work. */
export type AnyDeclaration =
  | "public"
  | (Omit<RouteSecurity, "resource"> & { readonly resource?: (input: never, subject: never) => unknown });

/** A route as it is declared. */
export interface RouteParts {
  readonly method: RouteMethod;
  readonly path: string;
  readonly declaration: AnyDeclaration;
  readonly handler: unknown;
}

interface DeclaredRoute {
  readonly route: GuardedRoute;
  /** The methods of its path; grows as routes are declared. */
  readonly methods: ReadonlySet<string>;
  /** Is it the first of its path? */
  readonly isNew: boolean;
}

export interface Routes {
  /** Compiles a route. A second one of the same method and path is refused, unless `mayRepeat`. */
  declare(parts: RouteParts, options?: { readonly mayRepeat: boolean }): DeclaredRoute;
  /** The methods of a path; grows as routes are declared. */
  methodsOf(path: string): ReadonlySet<string>;
  /** What requests without a route are held to: limited and answered like all others. */
  readonly unknown: GuardedRoute;
  readonly cors: CorsPolicy | undefined;
}

/** @throws {ContractError} from `declare`: `option_invalid`, `route_conflict`, and what `checkRoute` throws. */
export function createRoutes(guard: Guard): Routes {
  const paths = new Map<string, Set<string>>();
  const methodsOf = (path: string): Set<string> => {
    // Paths that differ only in what their parameters are called are one path.
    const key = path.replace(/:\w+/g, ":");
    const methods = paths.get(key) ?? new Set();
    paths.set(key, methods);
    return methods;
  };
  return {
    unknown: guard.compile({ method: "any", url: "unknown path" }, "public"),
    cors: guard.security.cors,
    methodsOf,
    declare({ method, path, declaration, handler }, { mayRepeat } = { mayRepeat: false }) {
      const place = `${method} ${path}`;
      if (typeof path !== "string" || !path.startsWith("/")) {
        throw new ContractError("option_invalid", place, "A path is text that begins with a slash.");
      }
      if (typeof handler !== "function") {
        throw new ContractError("option_invalid", place, "It has no handler.");
      }
      const route = guard.compile({ method, url: path }, withSubject(declaration));
      const methods = methodsOf(path);
      const isNew = methods.size === 0;
      if (methods.has(method) && !mayRepeat) {
        throw new ContractError("route_conflict", place, "It is declared twice.");
      }
      methods.add(method);
      if (method === "GET") methods.add("HEAD");
      return { route, methods, isNew };
    },
  };
}

/** The loader is declared with the framework's own request beside the call; the guard hands it the call alone. */
function withSubject(declaration: AnyDeclaration): RouteDeclaration {
  if (typeof declaration !== "object" || declaration === null) return declaration;
  const { resource: load, ...rest } = declaration;
  if (load === undefined) return rest;
  return { ...rest, resource: (call: GuardedCall) => load(call as never, call.subject as never) };
}

/** Why a request that no route takes is refused. */
export function unknownDenial(url: string): Denial {
  return isWellFormed(url)
    ? deny("handler", "not_found", "no such route")
    : deny("transport", "request_malformed", "a path that cannot be decoded");
}

/** Can the path be percent-decoded? Routers differ in what they make of one that cannot. */
export function isWellFormed(url: string): boolean {
  if (!url.includes("%")) return true;
  try {
    decodeURIComponent(url.replace(/[?#].*$/s, ""));
    return true;
  } catch {
    return false;
  }
}
