/**
 * Grants as plain data: how custom roles, and grants to one account or client, are written down, stored and sent.
 *
 * They choose from what the contract declares: its permissions, and the conditions it has named. So whoever manages
 * roles invents no rules, and every rule there can be is in the contract, the row-level security and the tests.
 */
import { ContractError, refuseUnknownKeys } from "../contract/refusal.ts";
import type { Grant, Resource } from "../contract/resource.ts";
import { toOperand } from "./conditions/build.ts";
import { type Condition, principal } from "./conditions/condition.ts";

/** A value that a write always sets: a literal (a date as RFC 3339 text), or something of the caller's. */
export type SetData = string | number | boolean | { readonly principal: "id" } | { readonly claim: string };

/** One grant or denial, as JSON. */
export interface GrantData {
  readonly effect: "allow" | "deny";
  /** `order:read` */
  readonly permission: string;
  /** The name of a condition of the contract's; without it, every row. */
  readonly where?: string;
  /** The attributes a write may set. Only where it allows. */
  readonly fields?: readonly string[];
  /** Attributes a write always sets. Only where it allows. */
  readonly set?: Readonly<Record<string, SetData>>;
  /** The least level of assurance for it to count. Only where it allows. */
  readonly assurance?: string;
  /** The longest time since the sign-in for it to count: `"15m"`. Only where it allows. */
  readonly maxAge?: string;
}

/** What grants as data choose from. */
export interface GrantVocabulary {
  readonly resources: ReadonlyMap<string, Resource>;
  readonly conditions: ReadonlyMap<string, Condition>;
}

const knownKeys = ["effect", "permission", "where", "fields", "set", "assurance", "maxAge"] as const;

/**
 * Reads a grant from data.
 *
 * @throws {ContractError} `option_unknown`, `option_invalid`, `permission_unknown`, `condition_unknown`,
 *   `condition_foreign`, `attribute_unknown`
 */
export function readGrant(data: GrantData, { resources, conditions }: GrantVocabulary, place: string): Grant {
  if (typeof data !== "object" || data === null)
    throw new ContractError("option_invalid", place, "It is no grant.");
  refuseUnknownKeys(data, knownKeys, place);
  const { effect, permission, where, fields, set, assurance, maxAge } = data;
  if (effect !== "allow" && effect !== "deny") {
    throw new ContractError("option_invalid", `${place}.effect`, "It is neither `allow` nor `deny`.");
  }
  const [resourceName = "", action = "", ...rest] = String(permission).split(":");
  const resource = resources.get(resourceName);
  if (resource === undefined || rest.length > 0 || !resource.actions.includes(action)) {
    throw new ContractError(
      "permission_unknown",
      `${place}.permission`,
      "The contract has no such permission.",
    );
  }
  const condition = where === undefined ? undefined : conditions.get(where);
  if (where !== undefined && condition === undefined) {
    throw new ContractError("condition_unknown", `${place}.where`, "The contract names no such condition.");
  }
  const covered = condition === undefined ? {} : { where: condition };
  if (effect === "deny") {
    for (const option of ["fields", "set", "assurance", "maxAge"] as const) {
      if (data[option] !== undefined) {
        throw new ContractError(
          "option_invalid",
          `${place}.${option}`,
          "A denial has none: it bars whole rows.",
        );
      }
    }
    return resource.deny(action, covered);
  }
  for (const [name, text] of Object.entries({ assurance, maxAge })) {
    if (text !== undefined && typeof text !== "string") {
      throw new ContractError("option_invalid", `${place}.${name}`, "It is no text.");
    }
  }
  if (fields !== undefined && !isTextList(fields)) {
    throw new ContractError("option_invalid", `${place}.fields`, "It is no list of attributes.");
  }
  const grant = resource.allow(action, {
    ...covered,
    ...(fields === undefined ? {} : { fields }),
    ...(assurance === undefined ? {} : { assurance }),
    ...(maxAge === undefined ? {} : { maxAge }),
  });
  return set === undefined ? grant : Object.freeze({ ...grant, set: readSet(set, resource, `${place}.set`) });
}

function readSet(set: unknown, { attributes }: Resource, place: string): Grant["set"] {
  if (typeof set !== "object" || set === null || Array.isArray(set)) {
    throw new ContractError("option_invalid", place, "It is no object of attributes.");
  }
  const entries = Object.entries(set).map(([attribute, value]: [string, unknown]) => {
    const at = `${place}.${attribute}`;
    const type = Object.hasOwn(attributes, attribute) ? attributes[attribute] : undefined;
    if (type === undefined) {
      throw new ContractError("attribute_unknown", at, `The resource has no attribute \`${attribute}\`.`);
    }
    const given =
      readReference(value, at) ?? (type === "date" && typeof value === "string" ? new Date(value) : value);
    return [attribute, toOperand(given, type, at)] as const;
  });
  return Object.freeze(Object.fromEntries(entries));
}

function readReference(value: unknown, place: string) {
  if (typeof value !== "object" || value === null) return undefined;
  refuseUnknownKeys(value, ["principal", "claim"], place);
  const { principal: of, claim } = value as { readonly principal?: unknown; readonly claim?: unknown };
  if (of === "id" && claim === undefined) return principal.id;
  if (typeof claim === "string" && claim !== "" && of === undefined) return principal.claim(claim);
  throw new ContractError("option_invalid", place, "It names neither the caller's id nor one claim.");
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
