/**
 * The way of a request: every stage of the pipeline, in order, in one table.
 *
 * `compile` looks at the contract and the route once, at start, and returns the stage's check, or `undefined`
 * where the route does not need it: an absent stage costs nothing. A check returns a denial, or `undefined` to
 * go on; a promise of either only where something must really be awaited.
 */
import type { LiveRoles } from "../authorization/live-roles.ts";
import type { Security } from "../contract/define-security.ts";
import type { CheckedRoute } from "../contract/route.ts";
import type { HeaderFields } from "../defence/cors.ts";
import type { Exchange } from "./exchange.ts";
import type { Services } from "./services.ts";
import { assuranceStage } from "./stages/assurance.ts";
import { authenticateStage } from "./stages/authenticate.ts";
import { corsStage } from "./stages/cors.ts";
import { addressLimitStage, principalLimitStage } from "./stages/limit.ts";
import { permissionStage } from "./stages/permission.ts";
import { policyStage } from "./stages/policy.ts";
import { rowStage } from "./stages/row.ts";
import { transportStage } from "./stages/transport.ts";
import { validateStage } from "./stages/validate.ts";
import type { Denial, StageName } from "./verdict.ts";

export type Outcome = Denial | undefined;
export type Check = (exchange: Exchange) => Outcome | Promise<Outcome>;

export interface StageContext {
  readonly security: Security;
  readonly route: CheckedRoute;
  readonly services: Services;
  /** Fields that every answer of the route carries. */
  readonly fields: HeaderFields;
}

/** What the stages that decide what a caller may do need of a contract and its guard. */
export interface DecidingContext extends Pick<StageContext, "security" | "route"> {
  readonly services: Pick<Services, "framework"> & { readonly roles: Pick<LiveRoles, "mayChange"> };
}

/** What those stages read and write of a request. */
export type Decided = Pick<
  Exchange,
  "caller" | "nowMs" | "request" | "loaded" | "resource" | "values" | "policyReaches"
>;
export type DecidingCheck = (exchange: Decided) => Outcome | Promise<Outcome>;

export interface Stage {
  readonly name: StageName;
  /** Before the body is read, or after. */
  readonly phase: "head" | "body";
  readonly compile: (context: StageContext) => Check | undefined;
}

// biome-ignore format: a table
export const stages: readonly Stage[] = [
  { name: "transport",       phase: "head", compile: transportStage },
  { name: "cors",            phase: "head", compile: corsStage },
  { name: "limit-address",   phase: "head", compile: addressLimitStage },
  { name: "authenticate",    phase: "head", compile: authenticateStage },
  { name: "limit-principal", phase: "head", compile: principalLimitStage },
  { name: "permission",      phase: "head", compile: permissionStage },
  { name: "assurance",       phase: "head", compile: assuranceStage },
  { name: "validate",        phase: "body", compile: validateStage },
  { name: "row",             phase: "body", compile: rowStage },
  { name: "policy",          phase: "body", compile: policyStage },
];
