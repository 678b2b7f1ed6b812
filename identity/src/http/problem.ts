/** Refusals of the JSON routes as problem documents (RFC 9457). One table: code, status, title. */
import type { FastifyReply } from "fastify";
import { IdentityError } from "../errors.ts";
import { isStoreUnavailable } from "../storage/store-failure.ts";

interface Problem {
  readonly status: number;
  readonly title: string;
  readonly challenge?: string;
}

/** RFC 9110 §15.5.2: a 401 names the scheme that would help. A cookie's has no registered name. */
const session = 'Session realm="bulwark"';

/** Every refusal of the JSON routes. */
export const problems = {
  sign_in_failed: { status: 401, title: "The e-mail address or the password is wrong.", challenge: session },
  not_signed_in: { status: 401, title: "There is no session.", challenge: session },
  unauthenticated: { status: 401, title: "A valid credential is needed.", challenge: "Bearer" },
  // RFC 6750 §3.1.
  scope_missing: {
    status: 403,
    title: "The key lacks the scope for this.",
    challenge: 'Bearer error="insufficient_scope"',
  },
  cross_site_refused: { status: 403, title: "This write came from another site." },
  unavailable: { status: 503, title: "This cannot be decided right now." },
  not_found: { status: 404, title: "There is nothing here." },
  validation_failed: { status: 422, title: "The request is not valid." },
  authority_exceeded: { status: 403, title: "You may not give, change or take away what you do not hold." },
  own_access: { status: 403, title: "You may not change your own access." },
  changed_meanwhile: { status: 412, title: "It has changed since you read it." },
  role_declared: { status: 409, title: "The role is the contract's." },
  role_taken: { status: 409, title: "There is a role of this name." },
  role_in_use: { status: 409, title: "The role is held, or extended by another." },
  roles_too_many: { status: 409, title: "There is no room for more." },
} as const satisfies Readonly<Record<string, Problem>>;

export type ProblemCode = keyof typeof problems;

/** What a caller is told to wait when something of ours does not answer. */
export const retryAfterSeconds = 2;

/** @param members Further members of the document. */
export function sendProblem(
  reply: FastifyReply,
  code: ProblemCode,
  members: Readonly<Record<string, unknown>> = {},
): FastifyReply {
  const { status, title, challenge }: Problem = problems[code];
  if (challenge !== undefined) reply.header("www-authenticate", challenge);
  if (status === 503) reply.header("retry-after", String(retryAfterSeconds));
  return reply
    .code(status)
    .header("cache-control", "no-store")
    .header("content-type", "application/problem+json; charset=utf-8")
    .send(JSON.stringify({ type: "about:blank", title, status, code, ...members }));
}

/** True where waiting helps: the hashing queue is full, or the database does not answer. */
export function isTemporary(error: unknown): boolean {
  return (error instanceof IdentityError && error.code === "hashing_busy") || isStoreUnavailable(error);
}

/** Turns a failure that will pass into a value to answer with; others go on. */
export function orTemporary(error: unknown): "temporary" {
  if (isTemporary(error)) return "temporary";
  throw error;
}
