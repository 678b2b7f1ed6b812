/** Questions to the contract's policy about one request: about its row, and about the rows of its lists. */
import { UnavailableError } from "../authentication/security-error.ts";
import type { Row } from "../authorization/conditions/decide.ts";
import type { PolicyInput, PolicyReach } from "../authorization/policy/engine.ts";
import { PolicyInputError, policyInput } from "../authorization/policy/input.ts";
import type { Policy, PolicyFailure } from "../authorization/policy/policy.ts";
import type { Security } from "../contract/define-security.ts";
import type { Resource } from "../contract/resource.ts";
import type { Decided } from "./stages.ts";

/** A policy's part of what a caller reaches, by permission. */
export type PolicyReaches = Map<string, PolicyReach>;

/** A contract with a policy. */
export type Governed = Security & { readonly policy: Policy };

export function isGoverned(security: Security): security is Governed {
  return security.policy !== undefined;
}

type Asking = Pick<Decided, "caller" | "nowMs">;

/** Why a policy gives no answer: its engine fails, or cannot be told what it is asked about. */
export type NoAnswer = PolicyFailure | PolicyInputError;

/**
 * The input about an act of the caller's.
 *
 * @returns the error where it cannot be told.
 */
export function inputAbout(
  security: Governed,
  { caller, nowMs }: Asking,
  permission: string,
  subject: { readonly row?: Row | undefined; readonly values?: Row | undefined } = {},
): PolicyInput | PolicyInputError {
  if (caller === undefined) return new PolicyInputError("nobody is calling");
  const { principal, assurance } = caller;
  const { authenticatedAtMs, level } = assurance;
  try {
    return policyInput(
      security,
      {
        principal,
        assurance: Object.keys(security.assurance.declared)[level],
        authenticatedAtMs: Number.isFinite(authenticatedAtMs) ? authenticatedAtMs : undefined,
        permission,
        nowMs,
        ...subject,
      },
      security.policy.claims,
    );
  } catch (error) {
    if (error instanceof PolicyInputError) return error;
    throw error;
  }
}

export function isFailure(value: object | string): value is PolicyFailure {
  return typeof value === "object" && "effect" in value && value.effect === "fail";
}

/**
 * Asks for the policy's part of what the caller reaches, and keeps it.
 *
 * @returns why it is not known, if it is not.
 */
export function askReach(
  security: Governed,
  exchange: Asking & Keeping,
  permission: string,
  resource: Resource,
): NoAnswer | undefined | Promise<NoAnswer | undefined> {
  const input = inputAbout(security, exchange, permission);
  if (input instanceof PolicyInputError) return input;
  const keep = (reach: PolicyReach | PolicyFailure): NoAnswer | undefined => {
    if (isFailure(reach)) return reach;
    keepReach(exchange, permission, reach);
    return undefined;
  };
  const reach = security.policy.filter(input, resource);
  return reach instanceof Promise ? reach.then(keep) : keep(reach);
}

interface Keeping {
  policyReaches: PolicyReaches | undefined;
}

export function keepReach(exchange: Keeping, permission: string, reach: PolicyReach): void {
  exchange.policyReaches ??= new Map();
  exchange.policyReaches.set(permission, reach);
}

/**
 * The policy's part of what the caller reaches, as far as it has been asked.
 *
 * @throws {Error} where it has not: a filter without its part would show what it hides.
 */
export function knownReach(
  { policy }: Security,
  { policyReaches }: Keeping,
  permission: string,
): PolicyReach {
  if (policy === undefined || !policy.appliesTo(permission)) return "all";
  const reach = policyReaches?.get(permission);
  if (reach !== undefined) return reach;
  throw new Error(
    `The policy has not been asked about the rows of \`${permission}\`: name it in the route's \`filters\`.`,
  );
}

/** For questions that are no stage's: answered 503 where they are thrown to the guard. */
export function unavailable({ policy }: Governed): UnavailableError {
  return new UnavailableError(`The policy \`${policy.name}\``, retryAfterSeconds);
}

export const retryAfterSeconds = 1;
