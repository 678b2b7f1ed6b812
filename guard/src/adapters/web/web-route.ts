/** One guarded route that takes Fetch requests, whatever routes them. */
import { apiSecurityFields } from "../../defence/security-headers.ts";
import { denialAnswer } from "../../pipeline/answer.ts";
import type { GuardedRoute } from "../../pipeline/guard.ts";
import { deny } from "../../pipeline/verdict.ts";
import { admit } from "../api/admit.ts";
import { GuardedCall } from "../api/call.ts";
import { forgottenFilter } from "../api/forgotten-filter.ts";
import type { Watched } from "../api/options.ts";
import { parseQuery } from "../api/query.ts";
import { isWellFormed, unknownDenial } from "../api/routes.ts";
import { denyResponse, failResponse, toResponse, withFields } from "./web-answer.ts";
import { type Peer, WebRequest } from "./web-request.ts";

interface WebCall<Subject> extends Peer {
  readonly request: Request;
  /** The framework's own request or context, for loader and handler. */
  readonly subject: Subject;
  /** Path parameters, decoded; only asked for a path that can be. */
  readonly params: () => unknown;
}

/** A handler whose types have done their work. */
export type AnyHandler<Subject> = (subject: Subject, call: never) => Response | Promise<Response>;

export interface WebRoutes<Subject> {
  /** Runs the checks of a route, then its handler. Never rejects. */
  answer(route: GuardedRoute, handler: AnyHandler<Subject>, call: WebCall<Subject>): Promise<Response>;
  /** Answers a request that no route takes. */
  answerUnknown(request: Request, peer: Peer): Promise<Response>;
  /** Answers an error of what stands around the routes. */
  fail(error: unknown): Response;
}

export function createWebRoutes<Subject>(unknown: GuardedRoute, watched: Watched): WebRoutes<Subject> {
  const answerUnknown = async (request: Request, peer: Peer): Promise<Response> => {
    const incoming = new WebRequest(request, peer);
    const { exchange } = new GuardedCall(unknown, incoming, request, { params: {}, query: {} });
    try {
      const denial = (await unknown.head(exchange)) ?? unknownDenial(incoming.url);
      return denyResponse(denial, exchange, watched);
    } catch (error) {
      return failResponse(error, exchange, watched);
    }
  };

  return {
    answerUnknown,
    fail(error) {
      watched.failed(error);
      const denial = deny("handler", "internal", error instanceof Error ? error.name : typeof error);
      watched.denied(denial);
      const { fields, ...answer } = denialAnswer(denial, undefined);
      return toResponse({ ...answer, fields: { ...apiSecurityFields, ...fields } });
    },
    async answer(guarded, handler, { request, subject, params, ...peer }) {
      const incoming = new WebRequest(request, peer);
      if (!isWellFormed(incoming.url)) return answerUnknown(request, peer);
      const given = { params: {}, query: parseQuery(incoming.url) };
      const call = new GuardedCall(guarded, incoming, subject, given);
      const { exchange } = call;
      try {
        call.params = params();
        const denial = await admit(guarded, call, () => bytesOf(request));
        if (denial !== undefined) return denyResponse(denial, exchange, watched);
        const response = await handler(subject, call as never);
        if (guarded.route.list && response.status < 400 && !exchange.filtered) throw forgottenFilter();
        return withFields(response, exchange);
      } catch (error) {
        return failResponse(error, exchange, watched);
      }
    },
  };
}

/** Leaving the body half read must not end the connection that the answer goes to. */
function bytesOf({ body }: Request): AsyncIterable<Uint8Array> | undefined {
  return body?.values({ preventCancel: true });
}
