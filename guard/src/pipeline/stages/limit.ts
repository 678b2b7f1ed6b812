/** Stages 3 and 5: how often one address, and one principal, may call. */

import type { Rate } from "../../contract/rate.ts";
import type { CheckedRoute } from "../../contract/route.ts";
import { addressKey } from "../../defence/rate-limit/address-key.ts";
import { createRemainingItem, policyItem } from "../../defence/rate-limit/fields.ts";
import { createMemoryLimiter, type Limiter } from "../../defence/rate-limit/gcra.ts";
import type { Exchange } from "../exchange.ts";
import type { Services } from "../services.ts";
import type { Check, StageContext } from "../stages.ts";
import { type Denial, deny, type StageName } from "../verdict.ts";

interface Layer {
  readonly name: string;
  readonly limiter: Limiter;
  readonly remainingItem: (remaining: number) => string;
}

export function addressLimitStage({ route, services }: StageContext): Check | undefined {
  const layers = layersOf("address", services.addressLimiter, route.limits.address);
  return limitStage("limit-address", layers, ({ incoming }) => addressKey(incoming.address));
}

export function principalLimitStage({ route, services }: StageContext): Check | undefined {
  if (route.access === "public") return undefined;
  const layers = layersOf("principal", services.principalLimiter, route.limits.principal);
  return limitStage("limit-principal", layers, ({ caller }) => caller?.limitKey ?? "");
}

/** The fixed `RateLimit-Policy` field of a route, or `undefined` where nothing limits it. */
export function rateLimitPolicy(route: CheckedRoute, services: Services): string | undefined {
  const items = [
    ...layersOf("address", services.addressLimiter, route.limits.address),
    ...(route.access === "public"
      ? []
      : layersOf("principal", services.principalLimiter, route.limits.principal)),
  ].map(({ name, limiter }) => policyItem(name, limiter.rate));
  return items.length === 0 ? undefined : items.join(", ");
}

/** The contract's layer, shared by all routes, then the route's own. */
function layersOf(name: string, shared: Limiter | undefined, own: Rate | undefined): readonly Layer[] {
  return [
    ...(shared === undefined ? [] : [createLayer(name, shared)]),
    ...(own === undefined ? [] : [createLayer(`route-${name}`, createMemoryLimiter(own))]),
  ];
}

function createLayer(name: string, limiter: Limiter): Layer {
  return { name, limiter, remainingItem: createRemainingItem(name, limiter.rate) };
}

function limitStage(
  stage: StageName,
  layers: readonly Layer[],
  keyOf: (exchange: Exchange) => string,
): Check | undefined {
  if (layers.length === 0) return undefined;
  return (exchange) => {
    const key = keyOf(exchange);
    for (const { name, limiter, remainingItem } of layers) {
      const remaining = limiter.take(key, exchange.nowMs);
      const item = remainingItem(Math.max(remaining, 0));
      exchange.remaining = exchange.remaining === "" ? item : `${exchange.remaining}, ${item}`;
      if (remaining < 0) return refuse(stage, name, -remaining);
    }
    return undefined;
  };
}

function refuse(stage: StageName, layer: string, waitMs: number): Denial {
  const fields = { "retry-after": String(Math.ceil(waitMs / 1000)) };
  return deny(stage, "rate_limited", `over the limit by ${layer}`, { fields });
}
