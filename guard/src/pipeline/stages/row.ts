/**
 * Stage 9: may the caller act on this row, with these values?
 *
 * A caller who may not even read the row is told that there is nothing here: a 403 would say that it exists. Where only
 * a grant that demands a better sign-in covers the act, the answer asks for that sign-in.
 */
import type { Caller } from "../../authentication/caller.ts";
import { type CompiledGrant, grantsOf, liveRules, type RowRules } from "../../authorization/authority.ts";
import type { Row } from "../../authorization/conditions/decide.ts";
import {
  coversRow,
  type DecisionContext,
  decideWrite,
  isWrite,
  type WriteRefusal,
} from "../../authorization/rows.ts";
import type { Resource } from "../../contract/resource.ts";
import type { Decided, DecidingCheck, DecidingContext, Outcome } from "../stages.ts";
import { type Denial, deny } from "../verdict.ts";
import { stepUp } from "./assurance.ts";

const nothingHere = deny("row", "not_found", "no such row");
const unreadable = deny("row", "not_found", "the caller may not read the row");
const bodyIsNoRow = deny("row", "row_denied", "the body is not an object of fields");

export function rowStage(context: DecidingContext): DecidingCheck | undefined {
  const { access, resource: load, list, schemas } = context.route;
  if (typeof access === "string" || list) return undefined;
  const [resourceName = "", action = ""] = access.permission.split(":");
  const resource = context.security.resources.get(resourceName);
  if (resource === undefined) return undefined;
  const { index } = access;
  const readIndex = context.security.roles.permissionIndex(`${resourceName}:read`);
  const { read } = context.services.framework;
  const { database: dialect } = context.security;
  const contextOf = ({ nowMs }: Decided, { principal }: Caller): DecisionContext => ({
    facts: principal,
    nowMs,
    dialect,
  });
  const changesOf = (exchange: Decided): unknown =>
    schemas?.body === undefined ? {} : (read(exchange.request).body ?? {});

  const write = (exchange: Decided, caller: Caller, before: Row | undefined): Outcome => {
    const changes = changesOf(exchange);
    if (typeof changes !== "object" || changes === null || Array.isArray(changes)) return bodyIsNoRow;
    const decisionContext = contextOf(exchange, caller);
    const live = liveRules(caller, index, exchange.nowMs);
    const decide = (rules: RowRules) =>
      decideWrite(rules, resource.attributes, before, changes as Row, decisionContext);
    const decision = decide(live);
    if ("values" in decision) {
      exchange.values = decision.values;
      return undefined;
    }
    const covers = (grant: CompiledGrant) => "values" in decide({ ...live, grants: [grant] });
    return stepUpFor(caller, index, covers) ?? refuseWrite(decision);
  };

  if (load === undefined) {
    if (action !== "create" || !hasAttributes(resource)) return undefined;
    return (exchange) => {
      const { caller } = exchange;
      return caller === undefined ? nothingHere : write(exchange, caller, undefined);
    };
  }

  const decide = (exchange: Decided, row: unknown): Outcome => {
    exchange.loaded = row;
    const { caller, nowMs } = exchange;
    if (caller === undefined || row === undefined || row === null) return nothingHere;
    const decisionContext = contextOf(exchange, caller);
    const covers = (rules: RowRules) => coversRow(rules, row as Row, decisionContext);
    const live = liveRules(caller, index, nowMs);
    const coversAlone = (grant: CompiledGrant) => covers({ ...live, grants: [grant] });
    if (
      readIndex === undefined ||
      !covers(readIndex === index ? live : liveRules(caller, readIndex, nowMs))
    ) {
      return (readIndex === index ? stepUpFor(caller, index, coversAlone) : undefined) ?? unreadable;
    }
    exchange.resource = row;
    if (index === readIndex) return undefined;
    if (isWrite(grantsOf(caller.authority, index), schemas?.body !== undefined)) {
      return write(exchange, caller, row as Row);
    }
    if (covers(live)) return undefined;
    return (
      stepUpFor(caller, index, coversAlone) ??
      deny("row", "row_denied", `no grant of ${access.permission} covers the row`)
    );
  };
  return (exchange) => {
    const row = load(exchange.request as never);
    return isPromiseLike(row)
      ? Promise.resolve(row).then((loaded) => decide(exchange, loaded))
      : decide(exchange, row);
  };
}

function hasAttributes({ attributes }: Resource): boolean {
  return Object.keys(attributes).length > 0;
}

/** The demand of the first grant that would cover the act if it counted. */
function stepUpFor(
  caller: Caller,
  index: number,
  covers: (grant: CompiledGrant) => boolean,
): Denial | undefined {
  if (!caller.authority.demanding) return undefined;
  const demand = grantsOf(caller.authority, index).find(
    (grant) => grant.demand !== undefined && covers(grant),
  )?.demand;
  return demand && stepUp(caller, demand);
}

/** Query builders return thenables of their own; one taken for a row would be decided instead of it. */
function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return value instanceof Promise || typeof (value as PromiseLike<unknown> | undefined)?.then === "function";
}

function refuseWrite({ forbiddenFields: fields }: WriteRefusal): Denial {
  if (fields.length === 0) return deny("row", "row_denied", "no grant covers the row before and after");
  return deny("row", "fields_denied", fields.join(" "), { members: { fields } });
}
