/**
 * Asks the policy at start for what its lists will be filtered by: a rule that cannot be said as a condition stops the
 * start, where the alternative is a route that never answers.
 *
 * An engine that is not there yet stops nothing: its routes deny until it is, and it is asked again until it answers. What
 * is wrong is then in the guard's health.
 */
import type { PolicyInput } from "../authorization/policy/engine.ts";
import { policyInput } from "../authorization/policy/input.ts";
import { ContractError } from "../contract/refusal.ts";
import type { CheckedRoute } from "../contract/route.ts";
import { type Governed, isFailure } from "./ask-policy.ts";

export interface PolicyProbe {
  /** Takes a route's lists among what is asked about. */
  add(route: CheckedRoute): void;
  /** @throws {ContractError} `policy_untranslatable` */
  ready(): Promise<void>;
  /** Asks no more. */
  close(): void;
}

const againAfterMs = 5_000;
/** A start is not held up by a contract of thousands. */
const mostRoles = 100;

export function createPolicyProbe(security: Governed, now: () => number): PolicyProbe {
  const { policy, resources } = security;
  const places = new Map<string, string>();
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  /** @returns whether every question was answered. */
  const probe = async (): Promise<boolean> => {
    for (const [permission, place] of places) {
      const resource = resources.get(permission.split(":")[0] ?? "");
      if (resource === undefined) continue;
      for (const input of syntheticInputs(security, permission, now())) {
        const reach = await policy.filter(input, resource);
        if (!isFailure(reach)) continue;
        if (!reach.untranslatable) return false;
        throw new ContractError("policy_untranslatable", place, `\`${policy.name}\`: ${reach.reason}.`);
      }
    }
    return true;
  };
  const again = () => {
    if (closed) return;
    timer = setTimeout(() => {
      // What cannot be said as a condition is in the policy's health from then on.
      probe().then(
        (answered) => (answered ? undefined : again()),
        () => {},
      );
    }, againAfterMs);
    timer.unref();
  };

  return {
    add({ access, list, filters }) {
      const own = list && typeof access !== "string" ? [access.permission] : [];
      for (const permission of [...own, ...filters]) {
        const { attributes = {} } = resources.get(permission.split(":")[0] ?? "") ?? {};
        if (policy.canFilter && policy.appliesTo(permission) && Object.keys(attributes).length > 0) {
          places.set(permission, `list of ${permission}`);
        }
      }
    },
    async ready() {
      if (!(await probe())) again();
    },
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}

/** Somebody of each role that grants the permission, and somebody of none: rules differ by who asks. */
function syntheticInputs(security: Governed, permission: string, nowMs: number): readonly PolicyInput[] {
  const { names, grantsOf } = security.roles;
  const granting = names.filter((role) =>
    grantsOf(role).some(({ resource, action }) => `${resource}:${action}` === permission),
  );
  const holders = [[], ...granting.slice(0, mostRoles).map((role) => [role])];
  return holders.map((roles) => {
    const principal = { id: "", kind: "account", roles, claims: {} } as const;
    return policyInput(security, { principal, permission, nowMs });
  });
}
