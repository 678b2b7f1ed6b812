/**
 * What a policy engine is told: the declared attributes of a row, the named claims of a caller, the time.
 *
 * A policy may look at any attribute, so a row that lacks one, or holds something else than declared, cannot be told: in
 * Rego what is missing makes a rule quietly undefined, and its `not` true.
 */
import type { Security } from "../../contract/define-security.ts";
import type { AttributeTypes, Scalar } from "../conditions/condition.ts";
import { type Row, readScalar } from "../conditions/decide.ts";
import { rowAfter } from "../rows.ts";
import type { PolicyInput, PolicyRow } from "./engine.ts";

/** Something that cannot be told to a policy engine as it is. The act is then denied. */
export class PolicyInputError extends Error {
  override readonly name = "PolicyInputError";
}

/** What is to be decided. */
export interface PolicyQuestion {
  readonly principal: {
    readonly id: string;
    readonly kind: "account" | "client";
    readonly roles: readonly string[];
    readonly claims: Readonly<Record<string, unknown>>;
  };
  /** The contract's level of assurance that the sign-in reached. */
  readonly assurance?: string | undefined;
  /** When that was, in milliseconds since the epoch. */
  readonly authenticatedAtMs?: number | undefined;
  /** `order:update` */
  readonly permission: string;
  /** The row acted on, as a database's driver gives it. */
  readonly row?: Row | undefined;
  /** What a write writes; with no row, of a new one. */
  readonly values?: Row | undefined;
  readonly nowMs: number;
}

/** Letters of text in one input. OPA would take more; nothing that is decided by needs it. */
const mostText = 262_144;
const deepestClaim = 8;

/**
 * Builds the input for an engine.
 *
 * @param claims The names of the claims that it is told.
 * @throws {PolicyInputError} where a row or a claim cannot be told.
 */
export function policyInput(
  { resources }: Pick<Security, "resources">,
  question: PolicyQuestion,
  claims: readonly string[] = [],
): PolicyInput {
  const { principal, permission, row, values, nowMs, assurance = null, authenticatedAtMs = null } = question;
  const [resource = "", action = ""] = permission.split(":");
  const { attributes = {} } = resources.get(resource) ?? {};
  const budget: Budget = { left: mostText };
  const told = (given: Row, names = Object.keys(attributes)) => tellRow(given, names, attributes, budget);
  return Object.freeze({
    principal: Object.freeze({
      id: tellText(principal.id, "the principal's id", budget),
      kind: principal.kind,
      roles: Object.freeze(principal.roles.map((role) => tellText(role, "a role", budget))),
      claims: tellClaims(principal.claims, claims, budget),
      assurance,
      authenticatedAtMs,
    }),
    permission,
    resource,
    action,
    row: row === undefined ? null : told(row),
    after: values === undefined ? null : told(rowAfter(attributes, row, values)),
    changes: values === undefined ? null : told(values, Object.keys(values)),
    nowMs,
    time: new Date(nowMs).toISOString(),
  });
}

/** Counts the text that is told, so that no row makes a question without bounds. */
interface Budget {
  left: number;
}

function tellRow(row: Row, names: readonly string[], attributes: AttributeTypes, budget: Budget): PolicyRow {
  const entries = names.map((name): readonly [string, Scalar | null] => {
    const type = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
    const value = Object.hasOwn(row, name) ? row[name] : undefined;
    if (type !== undefined && value === null) return [name, null];
    const scalar = type === undefined ? undefined : readScalar(value, type);
    if (scalar === undefined) throw new PolicyInputError(`the row's \`${name}\` is not as declared`);
    return [name, typeof scalar === "string" ? tellText(scalar, `the row's \`${name}\``, budget) : scalar];
  });
  return Object.freeze(Object.fromEntries(entries));
}

function tellClaims(
  claims: Readonly<Record<string, unknown>>,
  names: readonly string[],
  budget: Budget,
): Readonly<Record<string, unknown>> {
  const entries = names
    .filter((name) => Object.hasOwn(claims, name) && claims[name] !== undefined)
    .map((name) => [name, tellClaim(claims[name], `the claim \`${name}\``, budget, deepestClaim)] as const);
  return Object.freeze(Object.fromEntries(entries));
}

/** A copy of what JSON can say, and of nothing else. Own properties only: a key like `__proto__` stays a key. */
function tellClaim(value: unknown, what: string, budget: Budget, depth: number): unknown {
  if (typeof value === "string") return tellText(value, what, budget);
  if (value === null || typeof value === "boolean" || Number.isFinite(value)) return value;
  if (typeof value !== "object" || depth === 0) throw new PolicyInputError(`${what} is no plain value`);
  if (Array.isArray(value)) {
    return Object.freeze(value.map((item: unknown) => tellClaim(item, what, budget, depth - 1)));
  }
  // A `Map` or a `Date` is not what its own properties say.
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new PolicyInputError(`${what} is no plain value`);
  }
  const entries = Object.entries(value).map(
    ([name, item]: [string, unknown]) =>
      [tellText(name, what, budget), tellClaim(item, what, budget, depth - 1)] as const,
  );
  return Object.freeze(Object.fromEntries(entries));
}

/** Half of a surrogate pair would arrive as another letter. */
function tellText(text: string, what: string, budget: Budget): string {
  if (!text.isWellFormed()) throw new PolicyInputError(`${what} is no well-formed text`);
  // One more for each: an empty text has its quotes.
  budget.left -= text.length + 1;
  if (budget.left < 0) throw new PolicyInputError("there is more to tell than a policy is told");
  return text;
}
