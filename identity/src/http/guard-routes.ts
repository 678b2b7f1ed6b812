/**
 * What a guard in another process asks: whose session, whose API key, which roles, what happened. Each needs an API key with the
 * scope `guard`.
 */
import type { IdentitySource, Session } from "@bulwark/guard";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { ApiKeys } from "../api-keys/api-keys.ts";
import type { Feed } from "../feed/feed.ts";
import type { SessionCookie } from "../sessions/session-cookie.ts";
import type { LiveSession, Sessions } from "../sessions/sessions.ts";
import { createFeedStreams } from "./feed-streams.ts";
import { callerOf, requireGuardKeys } from "./guard-access.ts";
import { orTemporary, sendProblem } from "./problem.ts";

export interface GuardRoutesOptions {
  readonly issuer: URL;
  readonly cookie: SessionCookie;
  readonly sessions: Sessions;
  readonly apiKeys: ApiKeys;
  readonly feed: Feed;
  /** What guards are told of roles. */
  readonly source: Pick<Required<IdentitySource>, "roleChanges">;
  readonly now: () => number;
}

/** Any text: what is not a cookie's value or a key is answered like one that is unknown. */
const SessionQuestion = z.strictObject({ cookieValue: z.string().max(256) });
const ApiKeyQuestion = z.strictObject({ id: z.string().max(64), secret: z.string().max(128) });
const RolesQuestion = z.strictObject({ since: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER) });
const mostBodyBytes = 2_048;

/** Its scope must be guarded by a contract with the guards' own limit. */
export function addGuardRoutes(scope: FastifyInstance, options: GuardRoutesOptions): void {
  const { issuer, cookie, sessions, apiKeys, feed, source, now } = options;
  const streams = createFeedStreams({ feed, now });
  // Before the server waits for its connections to end: these would not, by themselves.
  scope.addHook("preClose", async () => streams.close());
  requireGuardKeys(scope, apiKeys);

  scope.get("/guard/about", { security: { public: true } }, (_request, reply) =>
    reply.header("cache-control", "no-store").send({ issuer: issuer.origin, sessionCookieName: cookie.name }),
  );

  scope.post(
    "/guard/session",
    { security: { public: true, body: SessionQuestion, maxBodyBytes: mostBodyBytes } },
    async (request, reply) => {
      const session = await sessions.find(request.body.cookieValue).catch(orTemporary);
      if (session === "temporary") return sendProblem(reply, "unavailable");
      return reply.header("cache-control", "no-store").send({ session: session ? toSession(session) : null });
    },
  );

  scope.post(
    "/guard/api-key",
    { security: { public: true, body: ApiKeyQuestion, maxBodyBytes: mostBodyBytes } },
    async (request, reply) => {
      const { id, secret } = request.body;
      const apiKey = await apiKeys.find(id, secret).catch(orTemporary);
      if (apiKey === "temporary") return sendProblem(reply, "unavailable");
      return reply.header("cache-control", "no-store").send({ apiKey: apiKey ?? null });
    },
  );

  scope.post(
    "/guard/roles",
    { security: { public: true, body: RolesQuestion, maxBodyBytes: mostBodyBytes } },
    async (request, reply) => {
      const changes = await source.roleChanges(request.body.since).catch(orTemporary);
      if (changes === "temporary") return sendProblem(reply, "unavailable");
      return reply.header("cache-control", "no-store").send(changes);
    },
  );

  scope.get(
    "/guard/feed",
    // A HEAD answer would wait for the stream's end.
    { security: { public: true }, exposeHeadRoute: false },
    (request, reply) => {
      const stream = streams.open(callerOf(request), readLastEventId(request.headers["last-event-id"]));
      if (stream === undefined) return sendProblem(reply, "unavailable");
      return reply
        .header("content-type", "text/event-stream")
        .header("cache-control", "no-store")
        .header("connection", "close")
        .send(stream);
    },
  );
}

/** What guards are told of a session; not the address of whose it is. */
function toSession(live: LiveSession): Session {
  const { id, accountId, roles, claims, assurance, authenticatedAtMs, expiresAtMs } = live;
  return { id, accountId, roles, claims, assurance, authenticatedAtMs, expiresAtMs };
}

/** The sequence a client has reached. One that is no sequence is of no history we know: it is told so. */
function readLastEventId(field: string | string[] | undefined): number | undefined {
  if (field === undefined || field === "") return undefined;
  return typeof field === "string" && /^\d{1,15}$/.test(field) ? Number(field) : Number.MAX_SAFE_INTEGER;
}
