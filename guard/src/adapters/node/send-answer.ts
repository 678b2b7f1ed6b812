/** Sends an answer of the guard's own on Node's response. */
import type { ServerResponse } from "node:http";
import type { GuardAnswer } from "../../pipeline/answer.ts";

/** Nothing of an answer that was begun before goes with it. */
export function sendAnswer(response: ServerResponse, { status, fields, body }: GuardAnswer): void {
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  response.statusCode = status;
  for (const [name, value] of Object.entries(fields)) response.setHeader(name, value);
  if (body !== "") response.setHeader("content-length", Buffer.byteLength(body));
  response.end(body);
}
