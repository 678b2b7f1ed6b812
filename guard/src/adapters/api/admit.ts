/** The way of a request up to its handler, for frameworks that leave reading the body to the guard. */
import { readJsonBody } from "../../defence/json-body.ts";
import type { GuardedRoute } from "../../pipeline/guard.ts";
import type { Outcome } from "../../pipeline/stages.ts";
import { deny } from "../../pipeline/verdict.ts";
import type { GuardedCall } from "./call.ts";

/** A body's bytes as they come; `undefined` where there are none. */
export type Body = () => AsyncIterable<Uint8Array> | undefined;

/** Runs every check. `undefined`: the handler may run, on the input that is then in the call. */
export async function admit(
  { head, body, route }: GuardedRoute,
  call: GuardedCall,
  read: Body,
): Promise<Outcome> {
  const { exchange } = call;
  const denial = await head(exchange);
  if (denial !== undefined) return denial;
  // Without schemas the handler reads the input itself.
  if (route.schemas !== undefined && mayHaveBody(exchange.incoming.method)) {
    const refused = await readBody(call, read, route.maxBodyBytes);
    if (refused !== undefined) return refused;
  }
  return body(exchange);
}

async function readBody(call: GuardedCall, read: Body, maxBytes: number): Promise<Outcome> {
  const chunks = read();
  if (chunks === undefined) return undefined;
  const { "content-type": type } = call.exchange.incoming.headers;
  const contentType = typeof type === "string" ? type : undefined;
  const result = await readJsonBody(chunks, { contentType, maxBytes });
  if (result.code !== undefined) return deny("transport", result.code, result.reason);
  call.body = result.value;
  return undefined;
}

function mayHaveBody(method: string): boolean {
  return method !== "GET" && method !== "HEAD";
}
