/** Denials and errors as answers: `application/problem+json` (RFC 9457), and nothing that helps an attacker. */
import { STATUS_CODES } from "node:http";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { UnavailableError } from "../../authentication/security-error.ts";
import { apiSecurityFields } from "../../defence/security-headers.ts";
import {
  type Denial,
  type DenialCode,
  denials,
  deny,
  problemMediaType,
  problemText,
} from "../../pipeline/verdict.ts";
import { exchangeKey } from "./request.ts";

/** Answers a denial, and logs the reason that the caller is not told. */
export function sendDenial(request: FastifyRequest, reply: FastifyReply, denial: Denial): void {
  const { code, by, reason, fields } = denial;
  request.log.info({ denial: { code, by, reason } }, "request denied");
  reply.code(denials[code].status).headers(fields).header("content-type", problemMediaType);
  const exchange = request[exchangeKey];
  const { cors } = exchange?.guard.security ?? {};
  if (cors !== undefined && exchange?.fields["access-control-allow-origin"] !== undefined) {
    reply.header("access-control-expose-headers", cors.exposedOnDenial);
  }
  reply.send(problemText(denial));
}

/** Fastify's own refusals, in the guard's words. */
const frameworkErrors: Readonly<Record<string, DenialCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: "body_too_large",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "media_type_unsupported",
  FST_ERR_CTP_INVALID_TYPE: "media_type_unsupported",
  FST_ERR_CTP_EMPTY_JSON_BODY: "body_malformed",
  FST_ERR_CTP_INVALID_JSON_BODY: "body_malformed",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "body_malformed",
  FST_ERR_VALIDATION: "validation_failed",
};

/** The error handler of a guarded scope. */
export function answerError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  if (request[exchangeKey] === null) reply.headers(apiSecurityFields);
  const denial = toDenial(error);
  if (denial === undefined) {
    sendApplicationProblem(error, reply);
    return;
  }
  if (denial.code === "internal") request.log.error(error);
  sendDenial(request, reply, denial);
}

/** The denial an error amounts to; `undefined` where it is the application's own word to its caller. */
function toDenial(error: FastifyError): Denial | undefined {
  const code = Object.hasOwn(frameworkErrors, error.code ?? "") ? frameworkErrors[error.code] : undefined;
  if (code !== undefined) return deny("transport", code, error.code);
  if (error instanceof UnavailableError) {
    const fields = { "retry-after": String(error.retryAfterSeconds) };
    return deny("handler", "unavailable", error.message, { fields });
  }
  return isApplicationProblem(error) ? undefined : deny("handler", "internal", error.name);
}

function isApplicationProblem({ statusCode = 500 }: FastifyError): boolean {
  return statusCode >= 400 && statusCode < 500;
}

function sendApplicationProblem(
  { statusCode: status = 400, message }: FastifyError,
  reply: FastifyReply,
): void {
  const problem = { type: "about:blank", title: STATUS_CODES[status], status, detail: message };
  reply.code(status).header("content-type", problemMediaType).send(JSON.stringify(problem));
}
