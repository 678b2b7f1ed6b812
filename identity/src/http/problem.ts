/** Refusals of the JSON routes as problem documents (RFC 9457). One table: code, status, title. */
import type { FastifyReply } from "fastify";
import { IdentityError } from "../errors.ts";
import { isStoreUnavailable } from "../storage/store-failure.ts";

const problems = {
  sign_in_failed: { status: 401, title: "The e-mail address or the password is wrong." },
  not_signed_in: { status: 401, title: "There is no session." },
  cross_site_refused: { status: 403, title: "This write came from another site." },
  unavailable: { status: 503, title: "This cannot be decided right now." },
} as const;

export type ProblemCode = keyof typeof problems;

/** What a caller is told to wait when something of ours does not answer. */
export const retryAfterSeconds = 2;

export function sendProblem(reply: FastifyReply, code: ProblemCode): FastifyReply {
  const { status, title } = problems[code];
  // RFC 9110 §15.5.2: a 401 names the scheme that would help. Ours is a cookie, which has no registered name.
  if (status === 401) reply.header("www-authenticate", 'Session realm="bulwark"');
  if (status === 503) reply.header("retry-after", String(retryAfterSeconds));
  return reply
    .code(status)
    .header("cache-control", "no-store")
    .header("content-type", "application/problem+json; charset=utf-8")
    .send(JSON.stringify({ type: "about:blank", title, status, code }));
}

/** True where waiting helps: the hashing queue is full, or the database does not answer. */
export function isTemporary(error: unknown): boolean {
  return (error instanceof IdentityError && error.code === "hashing_busy") || isStoreUnavailable(error);
}
