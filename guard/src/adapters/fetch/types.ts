/** The types of handlers under a Fetch guard. */
import type { Declaration, Guarded, Schema } from "../api/call.ts";
import type { RouteMethod } from "../api/routes.ts";
import type { Peer } from "../web/web-request.ts";

/** What the platform knows of a request beyond it. */
export interface RequestInfo extends Peer {
  /** Path parameters, where the platform has matched the path; default what the declared path says. */
  readonly params?: Readonly<Record<string, unknown>>;
}

export type FetchHandler = (request: Request, info?: RequestInfo) => Promise<Response>;

export interface RouteIdentity {
  readonly method: RouteMethod;
  readonly path: string;
}

export interface Protect {
  /** Anyone may call it, and the handler reads the input itself. */
  (
    route: RouteIdentity,
    declaration: "public",
    handler: (request: Request) => Response | Promise<Response>,
  ): FetchHandler;
  <
    Access extends true | undefined = undefined,
    Params extends Schema = undefined,
    Query extends Schema = undefined,
    Body extends Schema = undefined,
    Row = undefined,
  >(
    route: RouteIdentity,
    declaration: Declaration<Access, Params, Query, Body, Row, Request>,
    handler: (
      request: Request,
      call: Guarded<Access, Params, Query, Body, Row>,
    ) => Response | Promise<Response>,
  ): FetchHandler;
}
