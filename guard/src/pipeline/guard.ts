/**
 * The compiled guard: `createGuard` once per contract, `compile` once per route, then only checks.
 *
 * Framework-neutral: an adapter builds an `Exchange`, runs the head checks, lets the framework read the body,
 * runs the body checks, and answers what they decide.
 */

import type { Caller } from "../authentication/caller.ts";
import type { FeedState } from "../authentication/feed/feed.ts";
import type { IdentitySource } from "../authentication/identity-source.ts";
import { denialsOf, liveGrants } from "../authorization/authority.ts";
import { createFilter, type Reach, type RowFilter } from "../authorization/conditions/filter.ts";
import type { PrincipalFacts } from "../authorization/conditions/operand.ts";
import type { Security } from "../contract/define-security.ts";
import { ContractError } from "../contract/refusal.ts";
import type { Resource } from "../contract/resource.ts";
import {
  type CheckedRoute,
  checkRoute,
  type RouteDeclaration,
  type RouteIdentity,
} from "../contract/route.ts";
import type { HeaderFields } from "../defence/cors.ts";
import { apiSecurityFields, noStoreFields } from "../defence/security-headers.ts";
import type { Exchange } from "./exchange.ts";
import { createServices, type FrameworkServices } from "./services.ts";
import { rateLimitPolicy } from "./stages/limit.ts";
import { type Check, type Outcome, type StageContext, stages } from "./stages.ts";

export interface GuardOptions {
  readonly security: Security;
  /** The identity server in this process: lends its keys, and makes its sessions a credential. */
  readonly identity?: IdentitySource | undefined;
  readonly framework: FrameworkServices;
  /** The time, in milliseconds since the epoch; default `Date.now`. */
  readonly now?: (() => number) | undefined;
}

/** What a guard depends on beyond itself, at this moment. */
export interface GuardHealth {
  readonly feed: FeedState;
  /** Since when the feed is lost, in milliseconds since the epoch. */
  readonly feedLostAtMs: number | undefined;
}

export interface GuardedRoute {
  readonly guard: Guard;
  readonly route: CheckedRoute;
  /** Fields that every answer of the route carries. */
  readonly fields: HeaderFields;
  /** Everything that is decided before the body is read. */
  head(exchange: Exchange): Outcome | Promise<Outcome>;
  /** Everything that is decided once the body is there. */
  body(exchange: Exchange): Outcome | Promise<Outcome>;
}

export interface Guard {
  readonly security: Security;
  /** @throws {ContractError} see `checkRoute`. */
  compile(identity: RouteIdentity, declaration: RouteDeclaration | undefined): GuardedRoute;
  readonly now: () => number;
  health(): GuardHealth;
  /** Ends the subscription to the feed. */
  close(): void;
  /**
   * The rows of a resource that the caller's grants of an action cover, as a filter for a query.
   *
   * @param table The table's name or alias in the query, where another table there has columns of the same names.
   */
  allowed(exchange: Exchange, resource: Resource, action: string, table?: string): RowFilter;
}

export function createGuard({ security, identity, framework, now = Date.now }: GuardOptions): Guard {
  const services = createServices({ security, identity, framework, now });
  const { feed } = services;
  const guard: Guard = Object.freeze({
    security,
    now,
    health: () => ({ feed: feed.state, feedLostAtMs: feed.lostAtMs }),
    close: () => feed.close(),
    compile(identityOfRoute: RouteIdentity, declaration: RouteDeclaration | undefined): GuardedRoute {
      const route = checkRoute(identityOfRoute, declaration, security);
      const policy = rateLimitPolicy(route, services);
      const fields: HeaderFields = Object.freeze({
        ...apiSecurityFields,
        ...(route.access === "public" ? {} : noStoreFields),
        ...(policy === undefined ? {} : { "ratelimit-policy": policy }),
      });
      const context: StageContext = { security, route, services, fields };
      return Object.freeze({
        guard,
        route,
        fields,
        head: sequence(compilePhase("head", context)),
        body: sequence(compilePhase("body", context)),
      });
    },
    allowed(exchange: Exchange, resource: Resource, action: string, table?: string): RowFilter {
      const index = security.roles.permissionIndex(`${resource.name}:${action}`);
      if (index === undefined || security.resources.get(resource.name) !== resource) {
        throw new ContractError(
          "permission_unknown",
          "allowed",
          `The contract has no \`${resource.name}:${action}\`.`,
        );
      }
      const { caller, nowMs } = exchange;
      const reach = caller === undefined ? nothing : reachOf(caller, index, nowMs);
      const facts = caller?.principal ?? nobody;
      const { access } = exchange.route;
      // Only the filter that the route declares counts as its own, and only once a query has asked for it.
      const isRoutes = typeof access !== "string" && access.index === index;
      const onUse = () => {
        exchange.filtered ||= isRoutes;
      };
      return createFilter(reach, { dialect: security.database, facts, nowMs, table }, onUse);
    },
  });
  return guard;
}

const nothing: Reach = Object.freeze({ allowed: [], denied: [] });
const nobody: PrincipalFacts = Object.freeze({ id: "", claims: Object.freeze({}) });

function reachOf(caller: Caller, index: number, nowMs: number): Reach {
  return {
    allowed: liveGrants(caller, index, nowMs).map(({ where }) => where),
    denied: denialsOf(caller.authority, index).map(({ where }) => where),
  };
}

function compilePhase(phase: "head" | "body", context: StageContext): readonly Check[] {
  return stages
    .filter((stage) => stage.phase === phase)
    .map((stage) => stage.compile(context))
    .filter((check) => check !== undefined);
}

/** Runs checks in order until one denies. Stays synchronous until one of them must be awaited. */
function sequence(checks: readonly Check[]): Check {
  const runFrom = (start: number, exchange: Exchange): Outcome | Promise<Outcome> => {
    for (let index = start; index < checks.length; index += 1) {
      const outcome = checks[index]?.(exchange);
      if (outcome === undefined) continue;
      if (!(outcome instanceof Promise)) return outcome;
      return outcome.then((denial) => denial ?? runFrom(index + 1, exchange));
    }
    return undefined;
  };
  return (exchange) => runFrom(0, exchange);
}
