/** One call of a guarded route, as its row loader and its handler see it. */
import type { Principal } from "../../authentication/principal.ts";
import type { RowFilter } from "../../authorization/conditions/filter.ts";
import type { Protectable, ProtectOptions } from "../../authorization/protect/protect.ts";
import { type InDatabase, inDatabaseAs } from "../../authorization/row-level-security/with-context.ts";
import type { Resource } from "../../contract/resource.ts";
import type { RouteSecurity } from "../../contract/route.ts";
import type { OutputOf, StandardSchema } from "../../defence/standard-schema.ts";
import { Exchange, type IncomingRequest, type Input } from "../../pipeline/exchange.ts";
import type { GuardedRoute } from "../../pipeline/guard.ts";
import type { FrameworkServices } from "../../pipeline/services.ts";

export type Schema = StandardSchema | undefined;

/** The input of a request, as the route's schemas made it; `undefined` where the route declares none. */
interface ValidInput<Params, Query, Body> {
  readonly params: OutputOf<Params>;
  readonly query: OutputOf<Query>;
  readonly body: OutputOf<Body>;
}

/** What a handler gets of a request that the guard has let through. */
export interface Guarded<Access, Params, Query, Body, Row> extends ValidInput<Params, Query, Body> {
  /** Who is calling; `undefined` on public routes. */
  readonly principal: Access extends true ? undefined : Principal;
  /** The row the route loaded, and the caller may act on. */
  readonly resource: Row;
  /** What a write may write: the validated body, with the values the grant sets over it. */
  readonly values: OutputOf<Body> & Readonly<Record<string, unknown>>;
  /**
   * The rows of a resource that the caller may reach, for a query's `where`.
   *
   * @param action Default `read`.
   * @param table The table's name or alias in the query, where another table there has columns of the same names.
   */
  readonly allowed: (resource: Resource, action?: string, table?: string) => RowFilter;
  /**
   * A Kysely database or transaction for the caller: its queries find and change only what the caller may.
   *
   * @example
   * const mine = protect(db);
   * await mine.selectFrom("order").selectAll().execute();
   */
  readonly protect: <Database extends Protectable>(db: Database, options?: ProtectOptions) => Database;
  /** Work in a transaction that PostgreSQL's row-level security knows the caller of. A list still asks `allowed`. */
  readonly inDatabase: InDatabase;
}

/** A route's declaration. Its loader gets the valid input, then the framework's own request or context. */
export type Declaration<
  Access,
  Params extends Schema,
  Query extends Schema,
  Body extends Schema,
  Row,
  Subject,
> = Omit<RouteSecurity<Params, Query, Body>, "resource" | "public"> & {
  readonly public?: Access;
  readonly resource?: (
    input: ValidInput<Params, Query, Body>,
    subject: Subject,
  ) => Row | undefined | Promise<Row | undefined>;
};

/** Getters, so that a handler sees what the stages have found by then; nothing in it depends on `this`. */
export class GuardedCall implements Input {
  params: unknown;
  query: unknown;
  body: unknown = undefined;
  /** The framework's own request or context. */
  readonly subject: unknown;
  readonly exchange: Exchange;

  constructor(route: GuardedRoute, incoming: IncomingRequest, subject: unknown, given: Omit<Input, "body">) {
    this.params = given.params;
    this.query = given.query;
    this.subject = subject;
    this.exchange = new Exchange(route, incoming, this, route.guard.now());
  }

  get principal(): Principal | undefined {
    return this.exchange.caller?.principal;
  }

  get resource(): unknown {
    return this.exchange.resource;
  }

  get values(): Readonly<Record<string, unknown>> | undefined {
    return this.exchange.values;
  }

  readonly allowed = (resource: Resource, action = "read", table?: string): RowFilter =>
    this.exchange.guard.allowed(this.exchange, resource, action, table);

  readonly protect = <Database extends Protectable>(db: Database, options?: ProtectOptions): Database =>
    this.exchange.guard.protect(this.exchange, db, options);

  get inDatabase(): InDatabase {
    return inDatabaseAs(() => this.exchange.guard.context(this.exchange));
  }
}

export const callServices: FrameworkServices = Object.freeze({
  read: (call: unknown) => call as GuardedCall,
  write: (call: unknown, input: Input) => void Object.assign(call as GuardedCall, input),
});
