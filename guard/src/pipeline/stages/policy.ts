/**
 * Stage 10: does the policy engine leave standing what everything before it has allowed?
 *
 * It only narrows, and what is no clear answer denies. About a loaded or a new row it is asked to decide; about a list, for
 * a condition that the route's filter then carries.
 */

import type { Row } from "../../authorization/conditions/decide.ts";
import type { PolicyDecision } from "../../authorization/policy/engine.ts";
import { PolicyInputError } from "../../authorization/policy/input.ts";
import { sameRow } from "../../authorization/policy/narrow.ts";
import type { PolicyFailure } from "../../authorization/policy/policy.ts";
import { ContractError } from "../../contract/refusal.ts";
import type { Resource } from "../../contract/resource.ts";
import {
  askReach,
  type Governed,
  inputAbout,
  isFailure,
  isGoverned,
  keepReach,
  type NoAnswer,
  retryAfterSeconds,
} from "../ask-policy.ts";
import type { Decided, DecidingCheck, DecidingContext, Outcome } from "../stages.ts";
import { type Denial, deny } from "../verdict.ts";

/** @throws {ContractError} `policy_unfiltered` for a list where the engine filters none. */
export function policyStage({ security, route }: DecidingContext): DecidingCheck | undefined {
  if (!isGoverned(security)) return undefined;
  const { access, filters, list, place } = route;
  const permission = typeof access === "string" ? undefined : access.permission;
  const checks: DecidingCheck[] = [];
  for (const further of filters) {
    const check = filterCheck(security, further, `${place} filters`);
    if (check !== undefined) checks.push(check);
  }
  if (permission !== undefined) {
    const own = list
      ? filterCheck(security, permission, place)
      : decideCheck(security, permission, subjectOf);
    if (own !== undefined) checks.unshift(own);
  }
  const [first, ...others] = checks;
  if (first === undefined || others.length === 0) return first;
  return async (exchange) => {
    for (const check of checks) {
      const outcome = await check(exchange);
      if (outcome !== undefined) return outcome;
    }
    return undefined;
  };
}

function filterCheck(security: Governed, permission: string, place: string): DecidingCheck | undefined {
  const { policy } = security;
  if (!policy.appliesTo(permission)) return undefined;
  const resource = resourceOf(security, permission);
  // Rows without attributes are all alike: one decision is for all of them.
  if (Object.keys(resource.attributes).length === 0) return decideCheck(security, permission, noSubject);
  if (!policy.canFilter) {
    throw new ContractError("policy_unfiltered", place, `\`${policy.name}\` filters no lists.`);
  }
  const conclude = (reason: NoAnswer | undefined): Outcome => reason && deniedBy(security, reason);
  return (exchange) => {
    const reason = askReach(security, exchange, permission, resource);
    return reason instanceof Promise ? reason.then(conclude) : conclude(reason);
  };
}

function decideCheck(
  security: Governed,
  permission: string,
  subjectOf: (exchange: Decided) => Subject,
): DecidingCheck | undefined {
  const { policy } = security;
  if (!policy.appliesTo(permission)) return undefined;
  const { attribute } = resourceOf(security, permission);
  return (exchange) => {
    const subject = subjectOf(exchange);
    const input = inputAbout(security, exchange, permission, subject);
    if (input instanceof PolicyInputError) return deniedBy(security, input);
    const conclude = (answer: PolicyDecision | PolicyFailure): Outcome => {
      if (isFailure(answer)) return deniedBy(security, answer);
      if (answer.effect === "deny") return refuse(security, answer);
      // What the decision holds for is all that a filter of this route may find.
      if (input.row !== null) keepReach(exchange, permission, sameRow(input.row, attribute));
      else if (input.after === null) keepReach(exchange, permission, "all");
      // Of a new row, what was given: the rest (an id, a time) is still the handler's to fill in.
      else keepReach(exchange, permission, sameRow(input.after, pick(attribute, subject.values)));
      return undefined;
    };
    const answer = policy.decide(input);
    return answer instanceof Promise ? answer.then(conclude) : conclude(answer);
  };
}

interface Subject {
  readonly row?: Row | undefined;
  readonly values?: Row | undefined;
}

const noSubject = (): Subject => ({});

function subjectOf({ resource, values }: Decided): Subject {
  const row = typeof resource === "object" && resource !== null ? (resource as Row) : undefined;
  return { row, values };
}

/** The attributes that have a value. */
function pick(attributes: Resource["attribute"], values: Row | undefined): Resource["attribute"] {
  const given = Object.entries(attributes).filter(([name]) => Object.hasOwn(values ?? {}, name));
  return Object.fromEntries(given);
}

/** Routes are checked before their stages: the permission is the contract's. */
function resourceOf({ resources }: Governed, permission: string): Resource {
  const name = permission.split(":")[0] ?? "";
  const resource = resources.get(name);
  if (resource === undefined)
    throw new ContractError("resource_unknown", permission, `There is no \`${name}\`.`);
  return resource;
}

function refuse({ policy }: Governed, { reason, code, hide, decisionId }: PolicyDecision): Denial {
  const told = `${policy.name}: ${reason}${decisionId === undefined ? "" : ` (decision ${decisionId})`}`;
  if (hide === true) return deny("policy", "not_found", told);
  return deny("policy", "policy_denied", told, code === undefined ? {} : { members: { policy: code } });
}

function deniedBy({ policy }: Governed, why: NoAnswer): Denial {
  // The engine does not fail: there is something that no engine could be told, now or later.
  if (why instanceof PolicyInputError) return deny("policy", "policy_denied", why.message);
  const fields = { "retry-after": String(retryAfterSeconds) };
  return deny("policy", "unavailable", `${policy.name}: ${why.reason}`, { fields });
}
