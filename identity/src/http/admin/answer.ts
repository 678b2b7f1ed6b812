/** What the administration's routes share: who asks, and how refusals are answered. */
import type { RegisteredPermission } from "@bulwark/guard";
import { callerOf } from "@bulwark/guard/fastify";
import type { FastifyReply, FastifyRequest } from "fastify";
import { IdentityError, type IdentityProblem } from "../../errors.ts";
import type { Administrator } from "../../roles/administrator.ts";
import { AuthorityError } from "../../roles/change.ts";
import { entityTag } from "../../roles/entity-tag.ts";
import { isTemporary, type ProblemCode, sendProblem } from "../problem.ts";

/** A permission of `administration`: which of them there are is the contract's to say, checked when the route is added. */
export function permission(name: string): RegisteredPermission {
  return name as RegisteredPermission;
}

/** Who asks, as the guard has found it. */
export function administratorOf(
  request: Parameters<typeof callerOf>[0] & Pick<FastifyRequest, "ip">,
  asked: string,
): Administrator {
  const caller = callerOf(request);
  if (caller === undefined) throw new TypeError("No guard has seen who asks.");
  const { principal, scopes, assurance } = caller;
  const { id, kind, roles, sessionId } = principal;
  return { id, kind, roles, scopes, assurance, sessionId, permission: asked, address: request.ip };
}

/** Refusals that are an answer, each with the code it has outside. */
const answers: Readonly<Partial<Record<IdentityProblem, ProblemCode>>> = {
  account_unknown: "not_found",
  client_unknown: "not_found",
  role_unknown: "not_found",
  role_invalid: "validation_failed",
  role_undeclared: "validation_failed",
  role_cycle: "validation_failed",
  grant_invalid: "validation_failed",
  option_invalid: "validation_failed",
  role_declared: "role_declared",
  role_taken: "role_taken",
  role_in_use: "role_in_use",
  roles_too_many: "roles_too_many",
  authority_exceeded: "authority_exceeded",
  own_access: "own_access",
  changed_meanwhile: "changed_meanwhile",
};

/** The refusals of the administration, by the code they have outside. */
export const administrationProblems: readonly ProblemCode[] = [...new Set(Object.values(answers))];

/** Answers with what the work returns, or with its refusal. */
export async function answer(reply: FastifyReply, work: () => Promise<FastifyReply>): Promise<FastifyReply> {
  try {
    return await work();
  } catch (error) {
    if (isTemporary(error)) return sendProblem(reply, "unavailable");
    const code = error instanceof IdentityError ? answers[error.code] : undefined;
    if (code === undefined || !(error instanceof IdentityError)) throw error;
    if (error instanceof AuthorityError) {
      return sendProblem(
        reply,
        code,
        error.permissions.length === 0 ? {} : { permissions: error.permissions },
      );
    }
    if (code !== "validation_failed") return sendProblem(reply, code);
    return sendProblem(reply, code, {
      errors: [{ in: "body", pointer: pointerOf(error.place), message: error.message }],
    });
  }
}

/** Sends a resource with the tag that `If-Match` takes. */
export function sendTagged(reply: FastifyReply, state: unknown, body: object): FastifyReply {
  return reply.header("etag", entityTag(state)).send(body);
}

/** `grants[3]` as RFC 6901 writes it. */
function pointerOf(place: string): string {
  return `/${place.replace(/\[(\d+)\]/g, "/$1")}`;
}
