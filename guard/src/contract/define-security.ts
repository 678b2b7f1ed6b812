/**
 * The contract: the whole security posture of an API, declared once.
 *
 * `defineSecurity` validates everything, compiles what can be compiled, and freezes the result. A contract it
 * returns is sound; what reads it only enforces.
 */

import { type CredentialKind, type CredentialSet, toCredentialSet } from "../authentication/credential.ts";
import { checkDpop, type DpopOptions, type DpopRules } from "../authentication/dpop/dpop-rules.ts";
import type { PublicJwkSet } from "../authentication/identity-source.ts";
import {
  checkIntrospection,
  type IntrospectionOptions,
  type IntrospectionRules,
} from "../authentication/introspection/introspection-rules.ts";
import type { Condition } from "../authorization/conditions/condition.ts";
import { type Dialect, dialects } from "../authorization/conditions/sql/parts.ts";
import type { PolicyEngine } from "../authorization/policy/engine.ts";
import { createPolicy, type Policy } from "../authorization/policy/policy.ts";
import { compileRoles, type RoleOptions, type RoleTable } from "../authorization/roles.ts";
import { type CorsOptions, type CorsPolicy, compileCors } from "../defence/cors.ts";
import {
  type AssuranceLevels,
  type AssuranceOptions,
  compileAssurance,
  defaultAssurance,
} from "./assurance.ts";
import { checkRange, checkText } from "./checks.ts";
import { checkFeed, type FeedOptions, type FeedRules } from "./feed-rules.ts";
import { checkIssuers, type IssuerOptions, type TrustedIssuer } from "./issuer.ts";
import { parseRate, type Rate } from "./rate.ts";
import { ContractError, refuseUnknownKeys } from "./refusal.ts";
import { checkCondition, type Resource } from "./resource.ts";
import { compileScopes, type ScopeOptions, type Scopes } from "./scopes.ts";

export interface LimitOptions {
  /** Requests from one address (IPv6: one /64) per window, before anything is known of the caller: `600/1m`. */
  readonly address?: string;
  /** Requests of one account or client per window: `1200/1m`. */
  readonly principal?: string;
}

export interface Limits {
  readonly address: Rate | undefined;
  readonly principal: Rate | undefined;
}

export interface SecurityOptions<Resources extends readonly Resource[], RoleName extends string> {
  /** The issuer whose tokens are accepted, exactly as their `iss`; https, or http on loopback. */
  readonly issuer: string;
  /** What a token's `aud` must contain: this API. */
  readonly audience: string;
  readonly resources: Resources;
  readonly roles: { readonly [Name in RoleName]: RoleOptions<NoInfer<RoleName>> };
  /**
   * Conditions by name, for grants that are kept in the identity server: custom roles, and what is granted or denied to
   * one account or client. They choose from these, and write none of their own.
   */
  readonly conditions?: Readonly<Record<string, Condition>>;
  /**
   * The database that filters are written for: `"sqlite"` or `"postgresql"`. Required where a condition compares what
   * the two write differently: numbers, dates, UUIDs, parts of text; and beside a policy, whose conditions may.
   */
  readonly database?: Dialect;
  /** A policy engine that is asked last, and can only narrow: `opa({ url, decision })`, or a team's own. */
  readonly policy?: PolicyEngine;
  /** What OAuth scopes let a token do, of what its subject may; default each permission is a scope of its name. */
  readonly scopes?: ScopeOptions;
  /** Signature algorithms accepted; default `["ES256"]`. The token never chooses outside this list. */
  readonly algorithms?: readonly string[];
  /** The issuer's keys, where they shall not be fetched from the issuer. */
  readonly keys?: PublicJwkSet;
  /**
   * Further issuers whose tokens are accepted, by a name of your own. Their principals' ids are `name:sub`: no issuer
   * can name another's people.
   */
  readonly issuers?: Readonly<Record<string, IssuerOptions>>;
  /** How to ask about tokens that are not JWTs (RFC 7662); without it they are refused. */
  readonly introspection?: IntrospectionOptions;
  /** How proofs of possession are checked (RFC 9449). */
  readonly dpop?: DpopOptions;
  /** The kinds of credential that routes take unless they say otherwise; default all that the guard can check. */
  readonly credentials?: readonly CredentialKind[];
  /**
   * Levels of assurance from weak to strong, each with the further `acr` values that mean it; default
   * `{ password: [], mfa: [] }`.
   */
  readonly assurance?: AssuranceOptions;
  /** What to do while the identity server's feed is lost. */
  readonly feed?: FeedOptions;
  /** Clock difference to the issuer that is forgiven, 0 to 60 seconds; default 5. */
  readonly clockToleranceSeconds?: number;
  /** Which other origins' pages may read answers; without it none. */
  readonly cors?: CorsOptions;
  /** Limits on every route; each is counted in this process. */
  readonly limits?: LimitOptions;
  /** The largest request body, in bytes, 1 to 104,857,600; default 65,536. A route may set its own. */
  readonly maxBodyBytes?: number;
}

/** A validated contract. */
export interface Security<Permission extends string = string> {
  readonly issuer: string;
  readonly audience: string;
  /** The contract's own issuer, then the further ones. */
  readonly issuers: readonly [TrustedIssuer, ...TrustedIssuer[]];
  readonly introspection: IntrospectionRules | undefined;
  readonly dpop: DpopRules | undefined;
  readonly credentials: CredentialSet | undefined;
  readonly assurance: AssuranceLevels;
  readonly feed: FeedRules;
  readonly clockToleranceSeconds: number;
  readonly resources: ReadonlyMap<string, Resource>;
  readonly roles: RoleTable;
  /** The named conditions. */
  readonly conditions: ReadonlyMap<string, Condition>;
  /** The database that filters are written for. */
  readonly database: Dialect;
  /** The policy engine, held to a clear answer in time. */
  readonly policy: Policy | undefined;
  readonly scopes: Scopes;
  readonly cors: CorsPolicy | undefined;
  readonly limits: Limits;
  readonly maxBodyBytes: number;
  /** Every permission of the contract. */
  readonly permissions: readonly Permission[];
}

/** `order:read`, for every action of every resource. */
export type PermissionOf<Resources extends readonly Resource[]> = {
  [Index in keyof Resources]: Resources[Index] extends Resource<infer Name, infer Action, infer _Attributes>
    ? `${Name}:${Action}`
    : never;
}[number];

const knownKeys = [
  "issuer",
  "audience",
  "resources",
  "roles",
  "conditions",
  "database",
  "policy",
  "scopes",
  "algorithms",
  "keys",
  "issuers",
  "introspection",
  "dpop",
  "credentials",
  "assurance",
  "feed",
  "clockToleranceSeconds",
  "cors",
  "limits",
  "maxBodyBytes",
] as const satisfies readonly (keyof SecurityOptions<readonly Resource[], string>)[];

/**
 * Declares an API's security.
 *
 * @throws {ContractError} with the code of what is wrong: see `refusals`.
 * @example
 * const security = defineSecurity({
 *   issuer: "http://localhost:3000",
 *   audience: "http://localhost:3000/api",
 *   resources: [order],
 *   roles: { user: { grants: [order.allow("read", { where: order.where.ownerId.eq(principal.id) })] } },
 *   limits: { address: "600/1m" },
 * });
 */
export function defineSecurity<const Resources extends readonly Resource[], const RoleName extends string>(
  options: SecurityOptions<Resources, RoleName>,
): Security<PermissionOf<Resources>> {
  refuseUnknownKeys(options, knownKeys, "security");
  const resources = indexResources(options.resources);
  const assurance = compileAssurance(options.assurance ?? defaultAssurance, "security.assurance");
  const roles = compileRoles(options.roles, options.resources, assurance);
  const conditions = indexConditions(options.conditions ?? {}, resources);
  if (options.policy !== undefined && options.database === undefined) {
    throw new ContractError("database_undeclared", "security.database", "A policy's conditions may need it.");
  }
  const database = checkDatabase(options.database, [
    ...roles.names.flatMap((name) => roles.grantsOf(name).flatMap(({ where }) => where ?? [])),
    ...conditions.values(),
  ]);
  const audience = checkText(options.audience, "security.audience");
  const issuers = checkIssuers(ownIssuer(options), options.issuers ?? {}, {
    audience,
    algorithms: options.algorithms ?? ["ES256"],
  });
  const permissions = options.resources.flatMap(({ name, actions }) =>
    actions.map((action) => `${name}:${action}`),
  );
  return Object.freeze({
    issuer: options.issuer,
    audience,
    issuers,
    introspection: options.introspection && checkIntrospection(options.introspection, issuers),
    dpop: checkDpop(options.dpop ?? {}, audience),
    credentials: options.credentials && toCredentialSet(options.credentials, "security.credentials"),
    assurance,
    feed: checkFeed(options.feed ?? {}),
    clockToleranceSeconds: checkRange(
      options.clockToleranceSeconds ?? 5,
      0,
      60,
      "security.clockToleranceSeconds",
    ),
    resources,
    roles,
    conditions,
    database,
    policy: options.policy === undefined ? undefined : createPolicy(options.policy, roles.permissions),
    scopes: compileScopes(options.scopes, roles.permissions, "security.scopes"),
    cors: options.cors && compileCors(options.cors, "security.cors"),
    limits: parseLimits(options.limits ?? {}, "security.limits"),
    maxBodyBytes: checkMaxBodyBytes(options.maxBodyBytes ?? 65_536, "security.maxBodyBytes"),
    permissions: Object.freeze(permissions) as readonly PermissionOf<Resources>[],
  });
}

/** @throws {ContractError} `rate_invalid`, `option_unknown` */
export function parseLimits(options: LimitOptions, place: string): Limits {
  refuseUnknownKeys(options, ["address", "principal"], place);
  const parse = (text: string | undefined, name: string) =>
    text === undefined ? undefined : parseRate(text, `${place}.${name}`);
  return Object.freeze({
    address: parse(options.address, "address"),
    principal: parse(options.principal, "principal"),
  });
}

/** @throws {ContractError} `option_invalid` */
export function checkMaxBodyBytes(bytes: number, place: string): number {
  return checkRange(bytes, 1, 104_857_600, place);
}

function ownIssuer({ issuer, keys }: Pick<SecurityOptions<[], string>, "issuer" | "keys">): IssuerOptions {
  return { issuer, ...(keys === undefined ? {} : { keys }) };
}

function indexResources(resources: readonly Resource[]): ReadonlyMap<string, Resource> {
  const byName = new Map<string, Resource>();
  for (const resource of resources) {
    if (byName.has(resource.name)) {
      throw new ContractError(
        "resource_duplicate",
        "security.resources",
        `\`${resource.name}\` is listed twice.`,
      );
    }
    byName.set(resource.name, resource);
  }
  return byName;
}

/** @throws {ContractError} `option_invalid`, `condition_invalid`, `condition_foreign`, `resource_unknown` */
function indexConditions(
  conditions: Readonly<Record<string, Condition>>,
  resources: ReadonlyMap<string, Resource>,
): ReadonlyMap<string, Condition> {
  for (const [name, condition] of Object.entries(conditions)) {
    const place = `security.conditions.${name}`;
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(name)) {
      throw new ContractError("option_invalid", place, "It is not a plain name.");
    }
    const resource = resourceOf(condition);
    if (resource === undefined || !resources.has(resource)) {
      throw new ContractError("resource_unknown", place, "It is over none of the contract's resources.");
    }
    checkCondition(condition, resource, place);
  }
  return new Map(Object.entries(conditions));
}

/** The resource that a condition is over; `undefined` for one over none. */
function resourceOf(condition: Condition): string | undefined {
  switch (condition.kind) {
    case "all":
    case "any":
      return condition.conditions.map(resourceOf).find((name) => name !== undefined);
    case "not":
      return resourceOf(condition.condition);
    default:
      return condition.resource;
  }
}

/** @throws {ContractError} `option_invalid`, `database_undeclared` */
function checkDatabase(database: Dialect | undefined, conditions: readonly Condition[]): Dialect {
  if (database !== undefined) {
    if (dialects.includes(database)) return database;
    throw new ContractError(
      "option_invalid",
      "security.database",
      `There is no \`${String(database)}\` here.`,
    );
  }
  if (!conditions.some(needsDialect)) return "sqlite";
  throw new ContractError(
    "database_undeclared",
    "security.database",
    "A condition compares what SQLite and PostgreSQL write differently.",
  );
}

function needsDialect(condition: Condition): boolean {
  switch (condition.kind) {
    case "all":
    case "any":
      return condition.conditions.some(needsDialect);
    case "not":
    case "related":
      return needsDialect(condition.condition);
    case "text":
      return true;
    case "null":
      return false;
    default:
      return condition.type !== "string" && condition.type !== "boolean";
  }
}
