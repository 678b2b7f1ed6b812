/** Signing in and out with JSON, and asking who is signed in: what a first-party page or `curl` calls. */
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { SessionCookie } from "../sessions/session-cookie.ts";
import { type LiveSession, type Sessions, sessionLifetime } from "../sessions/sessions.ts";
import type { SignIn } from "../sessions/sign-in.ts";
import { orTemporary, sendProblem } from "./problem.ts";
import { findRequestSource } from "./request-source.ts";

export interface SessionRoutesOptions {
  readonly issuer: URL;
  readonly cookie: SessionCookie;
  readonly sessions: Sessions;
  readonly signIn: SignIn;
}

/** Longer than anything that could be right; the account and password rules decide below that. */
const Credentials = z.strictObject({ email: z.string().max(320), password: z.string().max(1_024) });

/** @param scope A scope whose contract limits sign-ins. */
export function addSignInRoute(scope: FastifyInstance, options: SessionRoutesOptions): void {
  const { issuer, cookie, signIn } = options;
  scope.post("/auth/sign-in", { security: { public: true, body: Credentials } }, async (request, reply) => {
    // A sign-in with neither field is no browser's: it has no cookie to plant, and only itself to sign in.
    if (findRequestSource(request.headers, issuer.origin) === "foreign") {
      return sendProblem(reply, "cross_site_refused");
    }
    const signedIn = await signIn({
      ...request.body,
      cookieValue: cookie.read(request.headers.cookie),
      userAgent: request.headers["user-agent"],
    }).catch(orTemporary);
    if (signedIn === "temporary") return sendProblem(reply, "unavailable");
    if (signedIn === undefined) return sendProblem(reply, "sign_in_failed");
    return reply
      .header("set-cookie", cookie.write(signedIn.cookieValue, sessionLifetime.absoluteMs / 1000))
      .header("cache-control", "no-store")
      .send(describe(signedIn.session));
  });
}

export function addSessionRoutes(scope: FastifyInstance, options: SessionRoutesOptions): void {
  const { issuer, cookie, sessions } = options;

  scope.post("/auth/sign-out", { security: { public: true } }, async (request, reply) => {
    // Of two cookies one was planted, and no one can say which: both end.
    const values = cookie.readEvery(request.headers.cookie);
    if (values.length > 0 && findRequestSource(request.headers, issuer.origin) !== "own") {
      return sendProblem(reply, "cross_site_refused");
    }
    for (const value of values) {
      const ended = await sessions.find(value).then(endSession).catch(orTemporary);
      if (ended === "temporary") return sendProblem(reply, "unavailable");
    }
    return reply.header("set-cookie", cookie.clear()).header("cache-control", "no-store").code(204).send();
  });

  scope.get("/auth/session", { security: { public: true } }, async (request, reply) => {
    const value = cookie.read(request.headers.cookie);
    const session = value === undefined ? undefined : await sessions.find(value).catch(orTemporary);
    if (session === "temporary") return sendProblem(reply, "unavailable");
    if (session === undefined) return sendProblem(reply, "not_signed_in");
    return reply.header("cache-control", "no-store").send(describe(session));
  });

  async function endSession(session: LiveSession | undefined): Promise<void> {
    if (session !== undefined) await sessions.revoke(session.id);
  }
}

function describe({ id, accountId, email, roles, expiresAtMs }: LiveSession) {
  return {
    account: { id: accountId, email, roles },
    session: { id, expiresAt: new Date(expiresAtMs).toISOString() },
  };
}
