/**
 * Records of decisions, as plain JSON: what a decision depended on, and what it was. To be replayed against another
 * contract.
 *
 * A record holds no credential, of the claims only those that some rule names, of the row only what is declared, and of
 * what a write sent no value of anything that is no attribute. It is personal data all the same: a log of who did what.
 */

import type { Row } from "../authorization/conditions/decide.ts";
import { claimNames } from "../authorization/explain/claim-names.ts";
import { rowShape, writeChanges, writeRow } from "../authorization/explain/row-data.ts";
import type { LiveRoles } from "../authorization/live-roles.ts";
import type { Demand } from "../contract/assurance.ts";
import type { Security } from "../contract/define-security.ts";
import type { Asker } from "./decide.ts";
import { compileDeciding } from "./decide.ts";
import type { Exchange } from "./exchange.ts";
import type { DecidingContext, Outcome } from "./stages.ts";
import type { DenialCode, StageName } from "./verdict.ts";

/** One decision, as plain JSON. */
export interface DecisionRecord {
  /** RFC 3339. */
  readonly time: string;
  /** Its claims are those that some rule names. */
  readonly principal: Asker;
  /** The only permissions that the credential might use; absent: all. */
  readonly scopes?: readonly string[];
  /** The level of the sign-in, and when it was. */
  readonly acr?: string;
  readonly authenticatedAt?: string;
  /** `order:update` */
  readonly permission: string;
  /** What the route itself demands of the sign-in. */
  readonly demand?: { readonly assurance?: string; readonly maxAge?: string };
  /** The declared attributes of the row acted on; `null`: there was no such row. Absent: none was asked about. */
  readonly row?: Row | null;
  /** What a write sent; `null`: something other than an object. The values of undeclared fields are left out. */
  readonly changes?: Row | null;
  readonly effect: "allow" | "deny";
  readonly code: "allowed" | DenialCode;
  readonly by: StageName;
}

/** Takes what makes the record, so that whoever does not want it does not pay for it. It never throws. */
export type DecisionSink = (make: () => DecisionRecord) => void;

/** Told of the outcome of a route's head and body. */
export interface DecisionRecording {
  head(exchange: Exchange, outcome: Outcome): void;
  body(exchange: Exchange, outcome: Outcome): void;
}

/** The stages before the permission: what they refuse was no decision about anything. */
const undecided: readonly StageName[] = [
  "transport",
  "cors",
  "limit-address",
  "authenticate",
  "limit-principal",
];

/** @returns `undefined` for a route without a permission. */
export function createRecording(
  context: DecidingContext & { readonly services: { readonly roles: LiveRoles } },
  sink: DecisionSink,
): DecisionRecording | undefined {
  const { security, route, services } = context;
  const { access, demand, schemas, list, resource: load } = route;
  if (typeof access === "string") return undefined;
  const { permission } = access;
  const shape = rowShape(security, permission.split(":")[0] ?? "");
  const { allowedBy } = compileDeciding(context, () => true);
  const claimsOf = createClaimsOf(security, services.roles);
  const demanded = demand && { demand: demandOf(demand, security) };

  const record = (exchange: Exchange, outcome: Outcome, asked: Pick<DecisionRecord, "row" | "changes">) =>
    sink(() => ({
      time: new Date(exchange.nowMs).toISOString(),
      ...callerOf(exchange, security, claimsOf),
      permission,
      ...demanded,
      ...asked,
      ...(outcome === undefined
        ? { effect: "allow", code: "allowed", by: allowedBy }
        : { effect: "deny", code: outcome.code, by: outcome.by }),
    }));

  const rowOf = ({ loaded }: Exchange) =>
    load === undefined || list ? {} : { row: isObject(loaded) ? writeRow(loaded, shape) : null };
  const changesOf = ({ request }: Exchange) => {
    if (schemas?.body === undefined || list) return {};
    const body = services.framework.read(request).body ?? {};
    return { changes: isObject(body) && !Array.isArray(body) ? writeChanges(body, shape) : null };
  };
  return {
    head(exchange, outcome) {
      if (outcome !== undefined && !undecided.includes(outcome.by)) record(exchange, outcome, {});
    },
    body(exchange, outcome) {
      // Input that is not valid was not asked about.
      const asked = outcome?.by === "validate" ? {} : { ...rowOf(exchange), ...changesOf(exchange) };
      record(exchange, outcome, asked);
    },
  };
}

function callerOf(
  { caller }: Exchange,
  { assurance: { declared } }: Security,
  claimsOf: (claims: Asker["claims"]) => Asker["claims"],
): Pick<DecisionRecord, "principal" | "scopes" | "acr" | "authenticatedAt"> {
  if (caller === undefined) throw new TypeError("A permission was decided for nobody.");
  const { principal, scopes, assurance } = caller;
  const acr = Object.keys(declared)[assurance.level];
  const atMs = assurance.authenticatedAtMs;
  return {
    principal: {
      id: principal.id,
      kind: principal.kind,
      roles: principal.roles,
      claims: claimsOf(principal.claims),
    },
    ...(scopes === undefined ? {} : { scopes }),
    ...(acr === undefined ? {} : { acr }),
    ...(Number.isFinite(atMs) ? { authenticatedAt: new Date(atMs).toISOString() } : {}),
  };
}

/** The claims that rules name: found anew only when the roles have changed. */
function createClaimsOf(security: Security, roles: LiveRoles): (claims: Asker["claims"]) => Asker["claims"] {
  let names = claimNames(security, roles);
  let epoch = roles.epoch;
  return (claims) => {
    if (epoch !== roles.epoch) {
      names = claimNames(security, roles);
      epoch = roles.epoch;
    }
    const named = [...names].filter((name) => Object.hasOwn(claims, name));
    return Object.fromEntries(named.map((name) => [name, toData(claims[name])]));
  };
}

/** A condition reads single values and lists of them; anything else compares as NULL. */
function toData(claim: unknown): unknown {
  if (Array.isArray(claim)) return claim.map((item: unknown) => (isPlain(item) ? item : null));
  return isPlain(claim) ? claim : null;
}

function isPlain(value: unknown): boolean {
  return typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
}

function demandOf({ level, maxAgeMs }: Demand, { assurance }: Security): DecisionRecord["demand"] & object {
  const name = Object.keys(assurance.declared)[level];
  return {
    ...(name === undefined ? {} : { assurance: name }),
    ...(Number.isFinite(maxAgeMs) ? { maxAge: `${maxAgeMs / 1_000}s` } : {}),
  };
}

function isObject(value: unknown): value is Row {
  return typeof value === "object" && value !== null;
}
