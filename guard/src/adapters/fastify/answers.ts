/** Denials and errors as answers: `application/problem+json` (RFC 9457), and nothing that helps an attacker. */
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { apiSecurityFields } from "../../defence/security-headers.ts";
import { answerFields, denialAnswer, thrownAnswer, thrownDenial } from "../../pipeline/answer.ts";
import { type Denial, type DenialCode, deny } from "../../pipeline/verdict.ts";
import { exchangeKey, guardKey, openExchange } from "./request.ts";

/** Answers a denial, and logs the reason that the caller is not told. */
export function sendDenial(request: FastifyRequest, reply: FastifyReply, denial: Denial): void {
  const { code, by, reason } = denial;
  request.log.info({ denial: { code, by, reason } }, "request denied");
  request.server[guardKey]?.denied(denial);
  const { status, fields, body } = denialAnswer(denial, request[exchangeKey] ?? undefined);
  reply.code(status).headers(fields).send(body);
}

/** Fastify's own refusals, in the guard's words. */
const refusals: Readonly<Record<string, DenialCode>> = {
  FST_ERR_BAD_URL: "request_malformed",
  FST_ERR_MAX_PARAM_LENGTH: "uri_too_long",
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
  // Not even `null` on a request that Fastify refused before it looked for a route.
  if ((request[exchangeKey] ?? null) === null) reply.headers(apiSecurityFields);
  const denial = toDenial(error);
  if (denial === undefined) {
    const { status, fields, body } = thrownAnswer(error);
    reply.code(status).headers(fields).send(body);
    return;
  }
  if (denial.code === "internal") request.log.error(error);
  sendDenial(request, reply, denial);
}

/**
 * What Fastify refuses before it looks for a route (a path that cannot be decoded), in the guard's words and within its
 * limits. Fastify answers these itself, past every hook and plugin, unless the application gives it this:
 *
 * @example
 * const app = Fastify({ frameworkErrors });
 * await app.register(bulwark, { security });
 */
export function frameworkErrors(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const scope = request.server[guardKey];
  if (scope === undefined) {
    answerError(error, request, reply);
    return;
  }
  const exchange = openExchange(scope.unknown, request);
  request[exchangeKey] = exchange;
  Promise.resolve(scope.unknown.head(exchange))
    .then((denial) => {
      reply.headers(answerFields(exchange));
      if (denial === undefined) answerError(error, request, reply);
      else sendDenial(request, reply, denial);
    })
    .catch((thrown) => answerError(thrown, request, reply));
}

/** The denial an error amounts to; `undefined` where it is the application's own word to its caller. */
function toDenial(error: FastifyError): Denial | undefined {
  const code = Object.hasOwn(refusals, error.code ?? "") ? refusals[error.code] : undefined;
  return code === undefined ? thrownDenial(error) : deny("transport", code, error.code);
}
