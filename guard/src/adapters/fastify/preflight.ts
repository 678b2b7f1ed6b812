/**
 * Preflights (WHATWG Fetch §3.2.2): each guarded path answers `OPTIONS` by itself.
 *
 * They are answered before any work: they carry no credential, prove nothing, and reach no handler.
 */
import type { FastifyInstance, RouteOptions } from "fastify";
import type { CorsPolicy } from "../../defence/cors.ts";
import { preflightAnswer } from "../../pipeline/answer.ts";

/** Marks the routes made here, for the guard to leave alone. */
const preflightKey = Symbol("bulwark.preflight");

export function isPreflight(options: RouteOptions): boolean {
  return preflightKey in options;
}

/**
 * Adds the preflight answer of a route's path.
 *
 * @param methods The path's methods; may still grow until the server is ready.
 */
export function addPreflight(
  scope: FastifyInstance,
  { routePath, constraints }: RouteOptions & { readonly routePath?: string },
  cors: CorsPolicy,
  methods: ReadonlySet<string>,
): void {
  scope.route({
    [preflightKey]: true,
    method: "OPTIONS",
    url: routePath ?? "",
    ...(constraints === undefined ? {} : { constraints }),
    onRequest: async (request, reply) => {
      const { status, fields } = preflightAnswer(cors, request.headers.origin, methods);
      return reply.code(status).headers(fields).send();
    },
    handler: () => undefined,
  } as RouteOptions);
}
