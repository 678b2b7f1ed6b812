/** One request on its way through the pipeline. */
import type { Caller } from "../authentication/caller.ts";
import type { CheckedRoute } from "../contract/route.ts";
import type { HeaderFields } from "../defence/cors.ts";
import type { PolicyReaches } from "./ask-policy.ts";
import type { Guard, GuardedRoute } from "./guard.ts";

/** What the guard reads of a request, whatever the framework. */
export interface IncomingRequest {
  readonly method: string;
  /** Path and query as sent. */
  readonly url: string;
  /** Header fields by lower-case name. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The peer's address; empty where the platform does not know it. */
  readonly address: string;
  /** Names and values of the fields in turn, as sent: finds doubled fields that `headers` hides. */
  readonly rawHeaders?: readonly string[] | undefined;
  /** The client's TLS certificate in DER, where the platform has one. */
  clientCertificate?(): Uint8Array | undefined;
}

/** What a request brings, for validation; after it, what the schemas made of it. */
export interface Input {
  params: unknown;
  query: unknown;
  body: unknown;
}

/** A class, so that every exchange has one shape and the stages stay monomorphic. */
export class Exchange {
  /** The guard whose route this is. */
  readonly guard: Guard;
  readonly route: CheckedRoute;
  readonly incoming: IncomingRequest;
  /** The framework's request, handed to the route's row loader. */
  readonly request: unknown;
  readonly nowMs: number;
  /** Who is calling, once authenticated; `undefined` on public routes. */
  caller: Caller | undefined = undefined;
  /** The row as loaded, allowed or not: for the record of the decision, never for a handler. */
  loaded: unknown = undefined;
  /** The row the route acts on, once loaded and allowed. */
  resource: unknown = undefined;
  /** What a write may write: the caller's values, then the grant's own. */
  values: Readonly<Record<string, unknown>> | undefined = undefined;
  /** The policy's part of what the caller reaches, by permission, as far as it has been asked. */
  policyReaches: PolicyReaches | undefined = undefined;
  /** Did a query of the handler's use the filter? A list that did not is not answered. */
  filtered = false;
  /** Fields of the answer: the route's fixed ones, with those that the asking origin gets. */
  fields: HeaderFields;
  /** The `RateLimit` field so far. */
  remaining = "";
  /** A nonce for the client's next proof (RFC 9449 §8.2); empty for none. */
  proofNonce = "";

  constructor(
    { guard, route, fields }: GuardedRoute,
    incoming: IncomingRequest,
    request: unknown,
    nowMs: number,
  ) {
    this.guard = guard;
    this.route = route;
    this.fields = fields;
    this.incoming = incoming;
    this.request = request;
    this.nowMs = nowMs;
  }
}
