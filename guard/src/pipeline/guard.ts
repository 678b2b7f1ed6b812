/**
 * The compiled guard: `createGuard` once per contract, `compile` once per route, then only checks.
 *
 * Framework-neutral: an adapter builds an `Exchange`, runs the head checks, lets the framework read the body,
 * runs the body checks, and answers what they decide.
 */

import type { FeedState } from "../authentication/feed/feed.ts";
import type { IdentitySource } from "../authentication/identity-source.ts";
import { createRowAccess, type RowAccess, reachOf } from "../authorization/access.ts";
import { createFilter, type RowFilter } from "../authorization/conditions/filter.ts";
import type { PolicyHealth } from "../authorization/policy/policy.ts";
import { type Protectable, type ProtectOptions, protect } from "../authorization/protect/protect.ts";
import { callerContext } from "../authorization/row-level-security/context.ts";
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
import { askReach, isGoverned, knownReach, unavailable } from "./ask-policy.ts";
import { createRecording, type DecisionSink } from "./decision-record.ts";
import type { Exchange } from "./exchange.ts";
import { createPolicyProbe } from "./probe-policy.ts";
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
  /** Told of every decision about a permission; default nobody is. */
  readonly onDecision?: DecisionSink | undefined;
}

/** What a guard depends on beyond itself, at this moment. */
export interface GuardHealth {
  readonly feed: FeedState;
  /** Since when the feed is lost, in milliseconds since the epoch. */
  readonly feedLostAtMs: number | undefined;
  /** How the policy engine stands; absent without one. */
  readonly policy?: PolicyHealth;
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
  /**
   * Asks the policy for what the lists declared so far will be filtered by. A policy that cannot be reached refuses
   * nothing: its routes deny until it can.
   *
   * @throws {ContractError} `policy_untranslatable`
   */
  ready(): Promise<void>;
  /** Ends the subscription to the feed, and lets go of the policy engine. */
  close(): void;
  /**
   * The rows of a resource that the caller's grants of an action cover, as a filter for a query.
   *
   * @param table The table's name or alias in the query, where another table there has columns of the same names.
   */
  allowed(exchange: Exchange, resource: Resource, action: string, table?: string): RowFilter;
  /** What the caller may do with rows. */
  access(exchange: Exchange): RowAccess;
  /**
   * A Kysely database for the caller: its queries find and change only what the caller may.
   *
   * @throws {ContractError} see `protect`.
   */
  protect<Database extends Protectable>(exchange: Exchange, db: Database, options?: ProtectOptions): Database;
  /**
   * What PostgreSQL's row-level security must know of the caller, as text for `withContext`; empty where nobody is.
   *
   * @throws {ContractError} `database_undeclared`, `row_level_security_unwritable`
   */
  context(exchange: Exchange): string;
  /**
   * Asks the policy for its part of a filter that the route does not declare, so that `allowed` knows it.
   *
   * @returns a promise only where something must be awaited.
   * @throws {UnavailableError} where the policy gives no answer; so may the promise.
   */
  askPolicy(exchange: Exchange, resource: Resource, action: string): void | Promise<void>;
}

export function createGuard(options: GuardOptions): Guard {
  const { security, identity, framework, now = Date.now, onDecision } = options;
  const services = createServices({ security, identity, framework, now });
  const { feed } = services;
  const probe = isGoverned(security) ? createPolicyProbe(security, now) : undefined;
  const guard: Guard = Object.freeze({
    security,
    now,
    health: () => ({
      feed: feed.state,
      feedLostAtMs: feed.lostAtMs,
      ...(security.policy && { policy: security.policy.health() }),
    }),
    ready: async () => probe?.ready(),
    close() {
      feed.close();
      probe?.close();
      security.policy?.close();
    },
    compile(identityOfRoute: RouteIdentity, declaration: RouteDeclaration | undefined): GuardedRoute {
      const route = checkRoute(identityOfRoute, declaration, security);
      const policy = rateLimitPolicy(route, services);
      const fields: HeaderFields = Object.freeze({
        ...apiSecurityFields,
        ...(route.access === "public" ? {} : noStoreFields),
        ...(policy === undefined ? {} : { "ratelimit-policy": policy }),
      });
      probe?.add(route);
      const context: StageContext = { security, route, services, fields };
      const head = sequence(compilePhase("head", context));
      const body = sequence(compilePhase("body", context));
      const recording = onDecision && createRecording(context, onDecision);
      return Object.freeze({
        guard,
        route,
        fields,
        head: recording === undefined ? head : concluded(head, recording.head),
        body: recording === undefined ? body : concluded(body, recording.body),
      });
    },
    allowed(exchange: Exchange, resource: Resource, action: string, table?: string): RowFilter {
      const permission = `${resource.name}:${action}`;
      const index = security.roles.permissionIndex(permission);
      if (index === undefined || security.resources.get(resource.name) !== resource) {
        throw new ContractError("permission_unknown", "allowed", `The contract has no \`${permission}\`.`);
      }
      const access = guard.access(exchange);
      const { facts, nowMs } = access;
      const reach = reachOf(access, permission);
      // Only the filter that the route declares counts as its own, and only once a query has asked for it.
      const onUse = () => useFilter(exchange, index);
      return createFilter(reach, { dialect: security.database, facts, nowMs, table }, onUse);
    },
    access: (exchange: Exchange) =>
      createRowAccess(security, exchange.caller, exchange.nowMs, (permission) =>
        knownReach(security, exchange, permission),
      ),
    protect: <Database extends Protectable>(exchange: Exchange, db: Database, options?: ProtectOptions) =>
      protect(db, guard.access(exchange), options, ({ name }) =>
        useFilter(exchange, security.roles.permissionIndex(`${name}:read`)),
      ),
    context: ({ caller, nowMs }: Exchange) =>
      caller === undefined ? "" : callerContext(security, caller, nowMs),
    askPolicy(exchange: Exchange, resource: Resource, action: string) {
      const permission = `${resource.name}:${action}`;
      const known = exchange.caller === undefined || exchange.policyReaches?.has(permission);
      if (!isGoverned(security) || !security.policy.appliesTo(permission) || known) return undefined;
      const conclude = (reason: unknown): void => {
        if (reason !== undefined) throw unavailable(security);
      };
      const reason = askReach(security, exchange, permission, resource);
      return reason instanceof Promise ? reason.then(conclude) : conclude(reason);
    },
  });
  return guard;
}

/** The filter of a permission has gone into a query. */
function useFilter(exchange: Exchange, index: number | undefined): void {
  const { access } = exchange.route;
  exchange.filtered ||= typeof access !== "string" && access.index === index;
}

function compilePhase(phase: "head" | "body", context: StageContext): readonly Check[] {
  return stages
    .filter((stage) => stage.phase === phase)
    .map((stage) => stage.compile(context))
    .filter((check) => check !== undefined);
}

/** A check whose outcome is told. */
function concluded(check: Check, tell: (exchange: Exchange, outcome: Outcome) => void): Check {
  return (exchange) => {
    const outcome = check(exchange);
    if (!(outcome instanceof Promise)) {
      tell(exchange, outcome);
      return outcome;
    }
    return outcome.then((settled) => {
      tell(exchange, settled);
      return settled;
    });
  };
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
