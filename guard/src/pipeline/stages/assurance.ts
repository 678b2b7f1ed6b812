/**
 * Stage 7: is the caller's sign-in strong and fresh enough, for the route and for any grant of its permission?
 *
 * Where only grants that demand more would let the caller in, the answer says what to bring (RFC 9470), not "no".
 */

import type { Caller } from "../../authentication/caller.ts";
import { stepUpChallenge } from "../../authentication/challenge.ts";
import { grantsOf, liveGrants } from "../../authorization/authority.ts";
import { type Demand, meets } from "../../contract/assurance.ts";
import type { DecidingCheck, DecidingContext } from "../stages.ts";
import { type Denial, deny } from "../verdict.ts";

export function assuranceStage({ route, security, services }: DecidingContext): DecidingCheck | undefined {
  const { access, demand } = route;
  if (access === "public") return undefined;
  const index = typeof access === "string" ? undefined : access.index;
  // Grants that are kept elsewhere may come to demand something at any time.
  const mayDemand = index !== undefined && (security.roles.isDemanding(index) || services.roles.mayChange);
  if (demand === undefined && !mayDemand) return undefined;
  return ({ caller, nowMs }) => {
    if (caller === undefined) return undefined;
    if (demand !== undefined && !meets(caller.assurance, demand, nowMs)) return stepUp(caller, demand);
    if (index === undefined || !caller.authority.demanding) return undefined;
    if (liveGrants(caller, index, nowMs).length > 0) return undefined;
    const [first, ...others] = grantsOf(caller.authority, index).flatMap(({ demand: of }) => of ?? []);
    if (first === undefined) return undefined;
    return stepUp(caller, others.reduce(weaker, first));
  };
}

/** Of two demands the one that asks less: the lower level, then the longer age. */
function weaker(one: Demand, other: Demand): Demand {
  if (one.level !== other.level) return one.level < other.level ? one : other;
  return one.maxAgeMs >= other.maxAgeMs ? one : other;
}

/** Asks for what a route or a grant demands. */
export function stepUp({ principal }: Caller, demand: Demand): Denial {
  const scheme = principal.credential === "dpop" ? "DPoP" : "Bearer";
  return deny("assurance", "step_up_needed", demand.challenge, { fields: stepUpChallenge(scheme, demand) });
}
