/** The types of routes declared on Express through the guard. */
import type { NextFunction, Request, RequestHandler, Response } from "express";
import type { GuardHealth } from "../../pipeline/guard.ts";
import type { Declaration, Guarded, Schema } from "../api/call.ts";

/** A request whose input has been validated, by a caller that the guard has let through. */
export type GuardedRequest<Access, Params, Query, Body, Row> = Omit<Request, "params" | "query" | "body"> &
  Guarded<Access, Params, Query, Body, Row>;

export interface DeclareRoute {
  /** Anyone may call it, and the handler reads the input itself. */
  (path: string, declaration: "public", handler: RequestHandler): void;
  <
    Access extends true | undefined = undefined,
    Params extends Schema = undefined,
    Query extends Schema = undefined,
    Body extends Schema = undefined,
    Row = undefined,
  >(
    path: string,
    declaration: Declaration<Access, Params, Query, Body, Row, Request>,
    handler: (
      request: GuardedRequest<Access, Params, Query, Body, Row>,
      response: Response,
      next: NextFunction,
    ) => unknown,
  ): void;
}

/** Where an Express API's routes are declared. */
export interface ExpressApi {
  readonly get: DeclareRoute;
  readonly post: DeclareRoute;
  readonly put: DeclareRoute;
  readonly patch: DeclareRoute;
  readonly delete: DeclareRoute;
  /** The same, with every path below a prefix: `/v1`. */
  router(prefix: string): ExpressApi;
  /** Runs a middleware before the handlers of routes declared after it, for requests that the guard has let through. */
  use(middleware: RequestHandler): void;
  /** What the guard depends on beyond itself, at this moment. */
  health(): GuardHealth;
  /**
   * Asks the policy engine what lists will be filtered by, once every route is declared.
   *
   * @throws {ContractError} `policy_untranslatable`; an engine that cannot be reached refuses nothing.
   */
  ready(): Promise<void>;
  /** Ends the guard's subscription to the identity server's feed, and lets go of the policy engine. */
  close(): void;
}
