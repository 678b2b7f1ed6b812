/**
 * What the guard adds to Fastify's types: `security` on routes, and requests typed from it.
 */
import type {
  FastifyBaseLogger,
  FastifyRequest,
  FastifyTypeProvider,
  FastifyTypeProviderDefault,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerBase,
  RawServerDefault,
} from "fastify";
import type { Principal } from "../../authentication/principal.ts";
import type { RowFilter } from "../../authorization/conditions/filter.ts";
import type { Protectable, ProtectOptions } from "../../authorization/protect/protect.ts";
import type { InDatabase } from "../../authorization/row-level-security/with-context.ts";
import type { Resource } from "../../contract/resource.ts";
import type { RouteSecurity } from "../../contract/route.ts";
import type { OutputOf } from "../../defence/standard-schema.ts";
import type { GuardHealth } from "../../pipeline/guard.ts";
import type { Guarded, Schema } from "../api/call.ts";

/** A request whose input has been validated by the route's schemas. */
type ValidatedRequest<Params, Query, Body> = FastifyRequest<{
  Params: OutputOf<Params>;
  Querystring: OutputOf<Query>;
  Body: OutputOf<Body>;
}>;

/** What a handler of a route with declared security gets. */
export type GuardedRequest<Access, Params, Query, Body, Row> = Omit<
  ValidatedRequest<Params, Query, Body>,
  "principal" | "resource" | "values"
> &
  Pick<Guarded<Access, Params, Query, Body, Row>, "principal" | "resource" | "values">;

declare module "fastify" {
  interface FastifyInstance {
    /** What the scope's guard depends on beyond itself, at this moment. */
    guardHealth(): GuardHealth;
  }

  interface FastifyRequest {
    /** Who is calling; `undefined` on public routes. */
    readonly principal: Principal | undefined;
    /** The row the route loaded, and the caller may act on. */
    readonly resource: unknown;
    /** What a write may write: the validated body, with the values the grant sets over it. */
    readonly values: Readonly<Record<string, unknown>> | undefined;
    /**
     * The rows of a resource that the caller may reach, for a query's `where`.
     *
     * @param action Default `read`.
     * @param table The table's name or alias in the query, where another table there has columns of the same names.
     */
    allowed(resource: Resource, action?: string, table?: string): RowFilter;
    /**
     * A Kysely database or transaction for the caller: its queries find and change only what the caller may.
     *
     * @example
     * const mine = request.protect(db);
     * await mine.selectFrom("order").selectAll().execute();
     */
    protect<Database extends Protectable>(db: Database, options?: ProtectOptions): Database;
    /** Work in a transaction that PostgreSQL's row-level security knows the caller of. A list still asks `allowed`. */
    readonly inDatabase: InDatabase;
  }

  interface RouteShorthandOptions {
    /** Who may call the route and what they may send. Every route needs it. */
    security?: "public" | RouteSecurity<Schema, Schema, Schema, unknown, never>;
  }

  // The type parameters must repeat Fastify's own, for the interfaces to merge.
  interface RouteShorthandMethod<
    RawServer extends RawServerBase = RawServerDefault,
    RawRequest extends RawRequestDefaultExpression<RawServer> = RawRequestDefaultExpression<RawServer>,
    RawReply extends RawReplyDefaultExpression<RawServer> = RawReplyDefaultExpression<RawServer>,
    TypeProvider extends FastifyTypeProvider = FastifyTypeProviderDefault,
    Logger extends FastifyBaseLogger = FastifyBaseLogger,
  > {
    // biome-ignore lint/style/useShorthandFunctionType: only an interface merges with Fastify's.
    <
      Access extends true | undefined = undefined,
      Params extends Schema = undefined,
      Query extends Schema = undefined,
      Body extends Schema = undefined,
      Row = undefined,
    >(
      path: string,
      options: Omit<RouteShorthandOptions<RawServer, RawRequest, RawReply>, "security"> & {
        readonly security: RouteSecurity<Params, Query, Body, Row, ValidatedRequest<Params, Query, Body>> & {
          readonly public?: Access;
        };
      },
      handler: (
        this: FastifyInstance,
        request: GuardedRequest<Access, Params, Query, Body, Row>,
        reply: FastifyReply,
      ) => unknown,
    ): FastifyInstance<RawServer, RawRequest, RawReply, Logger, TypeProvider>;
  }
}
