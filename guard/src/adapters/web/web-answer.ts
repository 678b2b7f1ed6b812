/** What the guard answers itself as Fetch responses, and what it adds to the application's. */
import {
  answerFields,
  denialAnswer,
  type GuardAnswer,
  thrownAnswer,
  thrownDenial,
} from "../../pipeline/answer.ts";
import type { Exchange } from "../../pipeline/exchange.ts";
import type { Denial } from "../../pipeline/verdict.ts";
import type { Watched } from "../api/options.ts";

/** An answer of the guard's own. */
export function toResponse({ status, fields, body }: GuardAnswer, exchange?: Exchange): Response {
  const headers = { ...(exchange && answerFields(exchange)), ...fields };
  return new Response(body === "" ? null : body, { status, headers });
}

export function denyResponse(denial: Denial, exchange: Exchange, { denied }: Watched): Response {
  denied(denial);
  return toResponse(denialAnswer(denial, exchange), exchange);
}

/** The answer to an error that was thrown. */
export function failResponse(error: unknown, exchange: Exchange, watched: Watched): Response {
  const denial = thrownDenial(error);
  if (denial === undefined) return toResponse(thrownAnswer(error), exchange);
  if (denial.code === "internal") watched.failed(error);
  return denyResponse(denial, exchange, watched);
}

/** Puts the guard's fields on the application's response; what that has set itself wins. */
export function withFields(response: Response, exchange: Exchange): Response {
  const fields = answerFields(exchange);
  try {
    addFields(response.headers, fields);
    return response;
  } catch (error) {
    // The fields of a redirection, and of an answer from `fetch`, cannot be changed.
    if (!(error instanceof TypeError)) throw error;
    const { status, statusText } = response;
    const headers = new Headers(response.headers);
    addFields(headers, fields);
    return new Response(response.body, { status, statusText, headers });
  }
}

function addFields(headers: Headers, fields: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(fields)) {
    if (!headers.has(name)) headers.set(name, value);
    else if (name === "vary") headers.append(name, value);
  }
}
