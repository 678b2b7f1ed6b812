/**
 * Stage 9: may the caller act on this row, with these values?
 *
 * A caller who may not even read the row is told that there is nothing here: a 403 would say that it exists.
 */
import type { Caller } from "../../authentication/caller.ts";
import type { Row } from "../../authorization/conditions/decide.ts";
import type { CompiledGrant } from "../../authorization/roles.ts";
import { coversRow, decideWrite } from "../../authorization/rows.ts";
import type { Resource } from "../../contract/resource.ts";
import type { Exchange } from "../exchange.ts";
import type { Check, Outcome, StageContext } from "../stages.ts";
import { type Denial, deny } from "../verdict.ts";

const nothingHere = deny("row", "not_found", "no such row");
const unreadable = deny("row", "not_found", "the caller may not read the row");

export function rowStage(context: StageContext): Check | undefined {
  const { access, resource: load, list, schemas } = context.route;
  if (typeof access === "string" || list) return undefined;
  const [resourceName = "", action = ""] = access.permission.split(":");
  const resource = context.security.resources.get(resourceName);
  if (resource === undefined) return undefined;
  const grantsOf = ({ authority }: Caller) => authority.grants[access.index] ?? [];
  const { read } = context.services.framework;
  const bodyOf = (exchange: Exchange) => (schemas?.body && (read(exchange.request).body as Row)) ?? {};

  if (load === undefined) {
    if (action !== "create" || Object.keys(resource.attributes).length === 0) return undefined;
    return (exchange) => {
      const { caller } = exchange;
      if (caller === undefined) return nothingHere;
      return concludeWrite(exchange, grantsOf(caller), resource, undefined, bodyOf(exchange), caller);
    };
  }

  const readIndex = context.security.roles.permissionIndex(`${resourceName}:read`);
  const decide = (exchange: Exchange, row: unknown): Outcome => {
    const { caller } = exchange;
    if (caller === undefined || row === undefined || row === null) return nothingHere;
    const { principal, authority } = caller;
    const readable = readIndex === undefined ? [] : (authority.grants[readIndex] ?? []);
    if (!coversRow(readable, row as Row, principal)) return unreadable;
    exchange.resource = row;
    if (access.index === readIndex) return undefined;
    if (schemas?.body !== undefined) {
      return concludeWrite(exchange, grantsOf(caller), resource, row as Row, bodyOf(exchange), caller);
    }
    if (coversRow(grantsOf(caller), row as Row, principal)) return undefined;
    return deny("row", "row_denied", `no grant of ${access.permission} covers the row`);
  };
  return (exchange) => {
    const row = load(exchange.request as never);
    return isPromiseLike(row)
      ? Promise.resolve(row).then((loaded) => decide(exchange, loaded))
      : decide(exchange, row);
  };
}

/** Query builders return thenables of their own; one taken for a row would be decided instead of it. */
function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return value instanceof Promise || typeof (value as PromiseLike<unknown> | undefined)?.then === "function";
}

function concludeWrite(
  exchange: Exchange,
  grants: readonly CompiledGrant[],
  resource: Resource,
  before: Row | undefined,
  changes: Row,
  { principal }: Caller,
): Denial | undefined {
  const decision = decideWrite(grants, resource.attributes, before, changes, principal);
  if ("values" in decision) {
    exchange.values = decision.values;
    return undefined;
  }
  const { forbiddenFields } = decision;
  if (forbiddenFields.length === 0)
    return deny("row", "row_denied", "no grant covers the row before and after");
  return deny("row", "fields_denied", forbiddenFields.join(" "), { members: { fields: forbiddenFields } });
}
