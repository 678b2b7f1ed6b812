/** The types of routes whose handlers answer with a Fetch `Response`. */
import type { GuardHealth } from "../../pipeline/guard.ts";
import type { Declaration, Guarded, Schema } from "../api/call.ts";

/** @typeParam Subject The framework's own request or context. */
export interface DeclareWebRoute<Subject> {
  /** Anyone may call it, and the handler reads the input itself. */
  (path: string, declaration: "public", handler: (subject: Subject) => Response | Promise<Response>): void;
  <
    Access extends true | undefined = undefined,
    Params extends Schema = undefined,
    Query extends Schema = undefined,
    Body extends Schema = undefined,
    Row = undefined,
  >(
    path: string,
    declaration: Declaration<Access, Params, Query, Body, Row, Subject>,
    handler: (
      subject: Subject,
      call: Guarded<Access, Params, Query, Body, Row>,
    ) => Response | Promise<Response>,
  ): void;
}

/** Where routes are declared. */
export interface WebApi<Subject> {
  readonly get: DeclareWebRoute<Subject>;
  readonly post: DeclareWebRoute<Subject>;
  readonly put: DeclareWebRoute<Subject>;
  readonly patch: DeclareWebRoute<Subject>;
  readonly delete: DeclareWebRoute<Subject>;
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
