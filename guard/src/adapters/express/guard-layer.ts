/** The first layer of every guarded route. */
import type { Request, RequestHandler, Response } from "express";
import type { GuardedRoute } from "../../pipeline/guard.ts";
import { admit } from "../api/admit.ts";
import { GuardedCall } from "../api/call.ts";
import { forgottenFilter } from "../api/forgotten-filter.ts";
import { parseQuery } from "../api/query.ts";
import { setFields } from "../node/fields.ts";
import { holdAnswer } from "../node/hold.ts";
import { NodeRequest } from "../node/node-request.ts";
import type { Answers } from "./answers.ts";

export function guardLayer(guarded: GuardedRoute, answers: Answers): RequestHandler {
  const { schemas, list } = guarded.route;
  return (request: Request, response: Response, next) => {
    const { originalUrl: url, params } = request;
    const given = { params, query: parseQuery(url) };
    const call = new GuardedCall(guarded, new NodeRequest(request, url), request, given);
    const { exchange } = call;
    setFields(response, exchange);
    // Leaving the body half read must not end the connection that the answer goes to.
    admit(guarded, call, () => request.iterator({ destroyOnReturn: false }))
      .then((denial) => {
        if (denial !== undefined) {
          request.resume();
          answers.deny(denial, response);
          return;
        }
        if (schemas !== undefined) expose(request, call);
        if (list) {
          const maySend = (status: number) => status >= 400 || exchange.filtered;
          holdAnswer(response, maySend, () => answers.fail(forgottenFilter(), response));
        }
        next();
      })
      .catch(next);
  };
}

const exposed = [
  "params",
  "query",
  "body",
  "principal",
  "resource",
  "values",
  "allowed",
  "protect",
  "inDatabase",
] as const;

/** Puts on the request what its handler is promised: validated input, and what the guard found out. */
function expose(request: Request, call: GuardedCall): void {
  for (const name of exposed) {
    const property = { value: call[name], writable: true, configurable: true, enumerable: true };
    Object.defineProperty(request, name, property);
  }
}
