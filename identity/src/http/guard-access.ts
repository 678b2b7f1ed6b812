/**
 * Who may use the guards' routes: the bearer of a live API key that names the scope `guard`.
 *
 * Threats: a person's or an API's key used to look up everybody's sessions (the scope must be named; a key without
 * scopes has all of its owner's permissions, and this is none of them); telling why a key was refused (one answer).
 */
import { type ApiKey, parseApiKey } from "@bulwark/guard";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { ApiKeys } from "../api-keys/api-keys.ts";
import { guardScope } from "../api-keys/new-api-key.ts";
import { orTemporary, sendProblem } from "./problem.ts";

/** The caller of a guarded route, and how to ask again whether its key still lives. */
export interface GuardCaller {
  readonly key: ApiKey;
  isLive(): Promise<boolean>;
}

export const callerKey = Symbol("bulwark.guard-caller");

declare module "fastify" {
  interface FastifyRequest {
    [callerKey]: GuardCaller | null;
  }
}

/**
 * Asks every request of the scope for its key, routes added later included. It runs after the scope's limit by
 * address, which is a route's own first hook, and before a body is read.
 */
export function requireGuardKeys(scope: FastifyInstance, apiKeys: ApiKeys): void {
  scope.decorateRequest(callerKey, null);
  scope.addHook("preParsing", async (request, reply) => {
    const caller = await findCaller(request, apiKeys).catch(orTemporary);
    if (caller === "temporary") return sendProblem(reply, "unavailable");
    if (caller === undefined) return sendProblem(reply, "unauthenticated");
    if (caller.key.scopes?.includes(guardScope) !== true) return sendProblem(reply, "scope_missing");
    request[callerKey] = caller;
  });
}

/** The caller that the hook above let through. */
export function callerOf(request: Pick<FastifyRequest, typeof callerKey>): GuardCaller {
  const caller = request[callerKey];
  if (caller === null) throw new TypeError("No key was asked for.");
  return caller;
}

async function findCaller({ headers }: FastifyRequest, apiKeys: ApiKeys): Promise<GuardCaller | undefined> {
  // RFC 9110 §11.1: the scheme is case-insensitive. A comma would be two credentials in one field.
  const [, text] = /^bearer ([^\s,]+)$/i.exec(headers.authorization ?? "") ?? [];
  const parts = text === undefined ? undefined : parseApiKey(text);
  if (parts === undefined) return undefined;
  const find = () => apiKeys.find(parts.id, parts.secret);
  const key = await find();
  return key && { key, isLive: async () => (await find()) !== undefined };
}
