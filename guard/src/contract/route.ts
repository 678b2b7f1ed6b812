/**
 * What a route declares, and the checks that let it start.
 *
 * The declaration is written beside the route. A route without one does not start; one that contradicts itself
 * does not either.
 */
import { type CredentialKind, type CredentialSet, toCredentialSet } from "../authentication/credential.ts";
import type { StandardSchema } from "../defence/standard-schema.ts";
import { isStandardSchema } from "../defence/standard-schema.ts";
import type { Demand } from "./assurance.ts";
import {
  checkMaxBodyBytes,
  type LimitOptions,
  type Limits,
  parseLimits,
  type Security,
} from "./define-security.ts";
import { ContractError, refuseUnknownKeys } from "./refusal.ts";

/**
 * The contract that `permission` on routes is checked against by the compiler. A program declares it once:
 *
 * ```ts
 * declare module "@bulwark/guard" { interface Register { security: typeof security } }
 * ```
 */
// biome-ignore lint/suspicious/noEmptyInterface: it is filled by the program's own declaration.
export interface Register {}

/** The permissions of the registered contract; any text where none is registered. */
export type RegisteredPermission = Register extends { security: Security<infer Permission> }
  ? Permission
  : string;

export interface RouteSecurity<
  Params extends StandardSchema | undefined = StandardSchema | undefined,
  Query extends StandardSchema | undefined = StandardSchema | undefined,
  Body extends StandardSchema | undefined = StandardSchema | undefined,
  Row = unknown,
  Request = never,
> {
  /** Anyone may call it. Its input is validated all the same. */
  readonly public?: true;
  /** Any authenticated caller may call it. */
  readonly authenticated?: true;
  /** Callers with this permission may: `order:read`. */
  readonly permission?: RegisteredPermission;
  /** Path parameters. Required where the path has any. */
  readonly params?: Params;
  /** Query parameters. Without it, none are accepted. */
  readonly query?: Query;
  /** The body. Without it, none is accepted. */
  readonly body?: Body;
  /** Loads the row acted on; `undefined` answers 404. Runs after params, query and body are valid. */
  readonly resource?: (request: Request) => Row | undefined | Promise<Row | undefined>;
  /** The route answers many rows, and its query applies `request.allowed(resource)`. */
  readonly list?: true;
  /**
   * Further permissions that the handler asks `request.allowed` about. Only a contract with a policy needs to know: it is
   * asked about them beforehand.
   */
  readonly filters?: readonly RegisteredPermission[];
  /** The kinds of credential it takes; default the contract's. */
  readonly credentials?: readonly CredentialKind[];
  /** The least level of assurance the caller's sign-in must have: `"mfa"` (RFC 9470). */
  readonly assurance?: string;
  /** The longest time since the caller last proved who they are: `"15m"`. */
  readonly maxAge?: string;
  /** Limits of this route alone, beside the contract's. */
  readonly limits?: LimitOptions;
  /** The largest body here, in bytes; default the contract's. */
  readonly maxBodyBytes?: number;
}

/** `"public"`: anyone may call it, and the handler reads the input itself. For files, probes, mounted servers. */
export type RouteDeclaration = "public" | RouteSecurity;

/** A declaration that passed its checks. */
export interface CheckedRoute {
  /** `GET /orders/:id`, for messages. */
  readonly place: string;
  readonly access: "public" | "authenticated" | { readonly permission: string; readonly index: number };
  /** `undefined`: the handler reads the input itself. */
  readonly schemas:
    | {
        readonly params: StandardSchema | undefined;
        readonly query: StandardSchema | undefined;
        readonly body: StandardSchema | undefined;
      }
    | undefined;
  readonly resource: ((request: never) => unknown) | undefined;
  readonly list: boolean;
  /** The further permissions that its handler filters by. */
  readonly filters: readonly string[];
  /** `undefined`: all that the guard can check. */
  readonly credentials: CredentialSet | undefined;
  readonly demand: Demand | undefined;
  readonly limits: Limits;
  readonly maxBodyBytes: number;
}

export interface RouteIdentity {
  readonly method: string;
  readonly url: string;
}

const knownKeys = [
  "public",
  "authenticated",
  "permission",
  "params",
  "query",
  "body",
  "resource",
  "list",
  "filters",
  "credentials",
  "assurance",
  "maxAge",
  "limits",
  "maxBodyBytes",
] as const satisfies readonly (keyof RouteSecurity)[];

/**
 * Checks one route's declaration against the contract.
 *
 * @throws {ContractError} `route_undeclared`, `route_conflict`, `route_rows_undeclared`, `permission_unknown`,
 *   `schema_missing`, `schema_unsupported`, `rate_invalid`, `duration_invalid`, `assurance_unknown`,
 *   `credential_unknown`, `option_unknown`, `option_invalid`
 */
export function checkRoute(
  { method, url }: RouteIdentity,
  declaration: RouteDeclaration | undefined,
  security: Security,
): CheckedRoute {
  const place = `${method} ${url}`;
  if (declaration === undefined || declaration === null) {
    throw new ContractError("route_undeclared", place, "The route declares no security.");
  }
  if (declaration === "public") return Object.freeze(publicRoute(place, security));
  if (typeof declaration !== "object") {
    throw new ContractError("option_invalid", place, `\`${String(declaration)}\` declares nothing.`);
  }
  refuseUnknownKeys(declaration, knownKeys, place);
  // `false` would read as "not declared" in one place and as "declared" in another.
  for (const name of ["public", "authenticated", "list"] as const) {
    if (Object.hasOwn(declaration, name) && declaration[name] !== true) {
      throw new ContractError("option_invalid", `${place} ${name}`, "It is either `true` or not there.");
    }
  }
  const { params, query, body, resource, list = false } = declaration;
  const access = checkAccess(declaration, security, place);
  for (const [part, schema] of Object.entries({ params, query, body })) {
    if (schema !== undefined && !isStandardSchema(schema)) {
      throw new ContractError("schema_unsupported", `${place} ${part}`, "It is not a Standard Schema.");
    }
  }
  if (params === undefined && /[:*]/.test(url)) {
    throw new ContractError(
      "schema_missing",
      `${place} params`,
      "The path has parameters that nothing validates.",
    );
  }
  const limits = parseLimits(declaration.limits ?? {}, `${place} limits`);
  if (access === "public" && limits.principal !== undefined) {
    throw new ContractError("route_conflict", place, "A public route has no principal to limit.");
  }
  const demand = security.assurance.demand(declaration, place);
  if (access === "public" && (demand !== undefined || declaration.credentials !== undefined)) {
    throw new ContractError("route_conflict", place, "A public route asks for no credential.");
  }
  const maxBodyBytes = checkMaxBodyBytes(
    declaration.maxBodyBytes ?? security.maxBodyBytes,
    `${place} maxBodyBytes`,
  );
  return Object.freeze({
    place,
    access,
    schemas: Object.freeze({ params, query, body }),
    resource,
    list,
    filters: checkFilters(declaration.filters ?? [], access, security, place),
    credentials:
      declaration.credentials === undefined
        ? security.credentials
        : toCredentialSet(declaration.credentials, `${place} credentials`),
    demand,
    limits,
    maxBodyBytes,
  });
}

function publicRoute(place: string, security: Security): CheckedRoute {
  return {
    place,
    access: "public",
    schemas: undefined,
    resource: undefined,
    list: false,
    filters: [],
    credentials: undefined,
    demand: undefined,
    limits: parseLimits({}, place),
    maxBodyBytes: security.maxBodyBytes,
  };
}

function checkAccess(declaration: RouteSecurity, security: Security, place: string): CheckedRoute["access"] {
  const { permission, resource, list } = declaration;
  const declared = [declaration.public, declaration.authenticated, permission].filter(
    (one) => one !== undefined,
  );
  if (declared.length === 0) {
    throw new ContractError("route_undeclared", place, "The route does not say who may call it.");
  }
  if (declared.length > 1) {
    throw new ContractError(
      "route_conflict",
      place,
      "`public`, `authenticated` and `permission` exclude each other.",
    );
  }
  if (permission === undefined) {
    if (resource !== undefined || list !== undefined) {
      throw new ContractError(
        "route_conflict",
        place,
        "Rows are decided by a permission, and the route has none.",
      );
    }
    return declaration.public === undefined ? "authenticated" : "public";
  }
  const index = security.roles.permissionIndex(permission);
  if (index === undefined) {
    throw new ContractError("permission_unknown", place, `The contract has no permission \`${permission}\`.`);
  }
  checkRows(declaration, permission, security, place);
  return { permission, index };
}

function checkFilters(
  filters: readonly string[],
  access: CheckedRoute["access"],
  { roles }: Security,
  place: string,
): readonly string[] {
  if (access === "public" && filters.length > 0) {
    throw new ContractError(
      "route_conflict",
      place,
      "Nobody calls a public route: its filters find nothing.",
    );
  }
  for (const permission of filters) {
    if (roles.permissionIndex(permission) === undefined) {
      throw new ContractError(
        "permission_unknown",
        `${place} filters`,
        `The contract has no permission \`${String(permission)}\`.`,
      );
    }
  }
  return Object.freeze([...filters]);
}

/** A permission over a resource with attributes is decided row by row: the route says where the rows come from. */
function checkRows(declaration: RouteSecurity, permission: string, security: Security, place: string): void {
  const [resourceName = "", action = ""] = permission.split(":");
  const { attributes = {} } = security.resources.get(resourceName) ?? {};
  const { resource, list, body } = declaration;
  if (resource !== undefined && list !== undefined) {
    throw new ContractError("route_conflict", place, "It loads one row, and says it lists many.");
  }
  if (list !== undefined && body !== undefined && action !== "read") {
    throw new ContractError(
      "route_conflict",
      place,
      "What is written to many rows at once would be decided by no grant's `fields` and `set`.",
    );
  }
  if (Object.keys(attributes).length === 0) return;
  if (action === "create") {
    if (resource !== undefined || list !== undefined) {
      throw new ContractError(
        "route_conflict",
        place,
        "A row that is being created cannot be loaded or listed.",
      );
    }
    if (body === undefined) {
      throw new ContractError(
        "schema_missing",
        `${place} body`,
        "A row is created from a body that nothing validates.",
      );
    }
    return;
  }
  if (resource === undefined && list === undefined) {
    throw new ContractError("route_rows_undeclared", place, "Nothing says which rows the caller reaches.");
  }
}
