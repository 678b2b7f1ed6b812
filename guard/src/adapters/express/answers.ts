/** What the guard answers itself under Express: never HTML, never a stack. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { apiSecurityFields } from "../../defence/security-headers.ts";
import { denialAnswer, thrownAnswer, thrownDenial } from "../../pipeline/answer.ts";
import type { GuardedRoute } from "../../pipeline/guard.ts";
import type { Denial } from "../../pipeline/verdict.ts";
import { GuardedCall } from "../api/call.ts";
import type { Watched } from "../api/options.ts";
import { unknownDenial } from "../api/routes.ts";
import { exchangeOf, setFields } from "../node/fields.ts";
import { NodeRequest } from "../node/node-request.ts";
import { sendAnswer } from "../node/send-answer.ts";

export interface Answers {
  deny(denial: Denial, response: ServerResponse): void;
  /** Answers an error that was thrown, or handed to `next`. */
  fail(error: unknown, response: ServerResponse): void;
  /** Answers a request that no route takes. */
  unknown(request: IncomingMessage, response: ServerResponse): void;
}

export function createAnswers(unknown: GuardedRoute, { denied, failed }: Watched): Answers {
  const deny = (denial: Denial, response: ServerResponse) => {
    denied(denial);
    const exchange = exchangeOf(response);
    const { fields, ...answer } = denialAnswer(denial, exchange);
    sendAnswer(response, {
      ...answer,
      fields: exchange === undefined ? { ...apiSecurityFields, ...fields } : fields,
    });
  };

  const fail = (error: unknown, response: ServerResponse) => {
    if (response.headersSent) {
      // Half an answer is out: all that is left is to break it off, so that it is not taken for a whole one.
      failed(error);
      response.destroy();
      return;
    }
    const denial = thrownDenial(error);
    if (denial === undefined) {
      sendAnswer(response, thrownAnswer(error));
      return;
    }
    if (denial.code === "internal") failed(error);
    deny(denial, response);
  };

  return {
    deny,
    fail,
    unknown(request, response) {
      // A handler that has answered, and calls `next` all the same.
      if (response.headersSent) return;
      const incoming = new NodeRequest(request, originalUrl(request));
      const { exchange } = new GuardedCall(unknown, incoming, request, { params: {}, query: {} });
      setFields(response, exchange);
      Promise.resolve(unknown.head(exchange))
        .then((denial) => deny(denial ?? unknownDenial(incoming.url), response))
        .catch((error) => fail(error, response));
    },
  };
}

/** Path and query as sent, also below another app. */
export function originalUrl(request: IncomingMessage & { readonly originalUrl?: string }): string {
  return request.originalUrl ?? request.url ?? "";
}
