/** What the guard writes on answers, whatever the framework: its fields, its denials, and what errors become. */
import { STATUS_CODES as reasonPhrases } from "node:http";
import { UnavailableError } from "../authentication/security-error.ts";
import { WriteDeniedError } from "../authorization/protect/errors.ts";
import type { CorsPolicy, HeaderFields } from "../defence/cors.ts";
import { apiSecurityFields } from "../defence/security-headers.ts";
import type { Exchange } from "./exchange.ts";
import { type Denial, denials, deny, problemMediaType, problemText } from "./verdict.ts";

/** The fields that an answer carries, a denial or not; what the application sets itself wins over them. */
export function answerFields(exchange: Exchange): HeaderFields {
  const { fields, remaining, proofNonce } = exchange;
  if (proofNonce !== "") return { ...fields, ...limitField(remaining), "dpop-nonce": proofNonce };
  return remaining === "" ? fields : { ...fields, ratelimit: remaining };
}

/** An answer of the guard's own. Its fields come over those of `answerFields`. */
export interface GuardAnswer {
  readonly status: number;
  readonly fields: HeaderFields;
  readonly body: string;
}

/** @param exchange `undefined` where the request was refused before any guard saw it. */
export function denialAnswer(denial: Denial, exchange: Exchange | undefined): GuardAnswer {
  const { cors } = exchange?.guard.security ?? {};
  const readable = cors !== undefined && exchange?.fields["access-control-allow-origin"] !== undefined;
  return {
    status: denials[denial.code].status,
    fields: {
      ...denial.fields,
      "content-type": problemMediaType,
      ...(readable ? { "access-control-expose-headers": cors.exposedOnDenial } : {}),
    },
    body: problemText(denial),
  };
}

/**
 * The answer to a preflight (WHATWG Fetch §3.2.2): it carries no credential, proves nothing, and reaches no handler.
 *
 * @param methods The path's methods.
 */
export function preflightAnswer(
  cors: CorsPolicy,
  origin: string | undefined,
  methods: ReadonlySet<string>,
): GuardAnswer {
  const names = [...methods].filter((name) => name !== "OPTIONS");
  const allow = [...names, "OPTIONS"].join(", ");
  const fields = { ...apiSecurityFields, ...cors.preflightFields(origin, names), allow };
  return { status: 204, fields, body: "" };
}

/** What an error of the application's can say by convention: `statusCode` (Fastify), `status` (Express, Hono). */
interface ThrownProblem {
  readonly statusCode?: unknown;
  readonly status?: unknown;
  readonly message?: unknown;
}

/** The denial that an error thrown by a handler amounts to; `undefined` where it is the application's own word. */
export function thrownDenial(error: unknown): Denial | undefined {
  if (error instanceof UnavailableError) {
    const fields = { "retry-after": String(error.retryAfterSeconds) };
    return deny("handler", "unavailable", error.message, { fields });
  }
  if (error instanceof WriteDeniedError) {
    const { code, message, fields } = error;
    return deny("handler", code, message, code === "fields_denied" ? { members: { fields } } : {});
  }
  if (problemStatus(error) !== undefined) return undefined;
  return deny("handler", "internal", error instanceof Error ? error.name : typeof error);
}

/** The application's own word to its caller, thrown as an error with a status from 400 to 499. */
export function thrownAnswer(error: unknown): GuardAnswer {
  const status = problemStatus(error) ?? 400;
  const { message } = error as ThrownProblem;
  const body = JSON.stringify({ type: "about:blank", title: reasonPhrases[status], status, detail: message });
  return { status, fields: { "content-type": problemMediaType }, body };
}

function problemStatus(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const { statusCode, status = statusCode } = error as ThrownProblem;
  return typeof status === "number" && status >= 400 && status < 500 ? status : undefined;
}

function limitField(remaining: string): HeaderFields {
  return remaining === "" ? {} : { ratelimit: remaining };
}
