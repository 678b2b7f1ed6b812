/**
 * Verdicts: what the guard decided about a request, as values.
 *
 * One table lists every denial with what the caller is told. `by` and `reason` are for the log: what would help
 * an attacker (which check of a token failed, that a row exists) is the same answer outside.
 */

/** Every denial, with its status and title (RFC 9457 §3.1). */
export const denials = {
  uri_too_long: { status: 414, title: "The address is too long." },
  body_malformed: { status: 400, title: "The body cannot be read." },
  body_too_large: { status: 413, title: "The body is too large." },
  media_type_unsupported: { status: 415, title: "The body's media type is not accepted here." },
  request_malformed: { status: 400, title: "The request cannot be read." },
  rate_limited: { status: 429, title: "Too many requests." },
  credentials_ambiguous: { status: 400, title: "More than one credential was sent." },
  unauthenticated: { status: 401, title: "A valid credential is needed." },
  cross_site_refused: { status: 403, title: "This write came from another site." },
  permission_denied: { status: 403, title: "You may not do this." },
  step_up_needed: { status: 401, title: "A stronger or fresher sign-in is needed." },
  validation_failed: { status: 422, title: "The request is not valid." },
  not_found: { status: 404, title: "There is nothing here." },
  row_denied: { status: 403, title: "You may not do this here." },
  fields_denied: { status: 403, title: "You may not set these fields." },
  policy_denied: { status: 403, title: "A policy does not allow this." },
  unavailable: { status: 503, title: "This cannot be decided right now." },
  internal: { status: 500, title: "Something went wrong." },
} as const satisfies Record<string, { readonly status: number; readonly title: string }>;

export type DenialCode = keyof typeof denials;

/** The stages of the pipeline, by name. */
export type StageName =
  | "transport"
  | "cors"
  | "limit-address"
  | "authenticate"
  | "limit-principal"
  | "permission"
  | "assurance"
  | "validate"
  | "row"
  | "policy"
  | "handler";

export interface Denial {
  readonly effect: "deny";
  readonly code: DenialCode;
  /** The stage that decided. */
  readonly by: StageName;
  /** For the log; never sent. Contains nothing secret. */
  readonly reason: string;
  /** Header fields of the answer: a challenge, a time to wait. */
  readonly fields: Readonly<Record<string, string>>;
  /** Further members of the problem document. */
  readonly members: Readonly<Record<string, unknown>>;
}

const none: Readonly<Record<string, never>> = Object.freeze({});

export function deny(
  by: StageName,
  code: DenialCode,
  reason: string,
  more: { readonly fields?: Denial["fields"]; readonly members?: Denial["members"] } = none,
): Denial {
  return { effect: "deny", code, by, reason, fields: more.fields ?? none, members: more.members ?? none };
}

export const problemMediaType = "application/problem+json; charset=utf-8";

/** The body of a denial's answer (RFC 9457), as JSON text. */
export function problemText(denial: Denial): string {
  const { status, title } = denials[denial.code];
  return JSON.stringify({ type: "about:blank", title, status, code: denial.code, ...denial.members });
}
