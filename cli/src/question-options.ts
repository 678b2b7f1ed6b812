/** The options that name a principal, its credential, and what is asked. */
import type { Security } from "@bulwark/guard";
import { type Asker, type Question, readChanges, readRow, rowShape } from "@bulwark/guard/explain";
import { type OptionTable, type OptionValues, UserMistake } from "./command.ts";
import { objectOf, readJsonArgument } from "./json-input.ts";

export const askerOptions = {
  principal: { type: "string", value: "<id>", help: "the account's or client's id" },
  kind: { type: "string", value: "<kind>", help: "account (the default) or client" },
  role: { type: "string", multiple: true, value: "<name>", help: "a role it holds; may be given again" },
  claim: {
    type: "string",
    multiple: true,
    value: "<name=value>",
    help: "a claim: text, or what reads as JSON (5, true, [1,2]); may be given again",
  },
  claims: { type: "string", value: "<json>", help: "its claims as a JSON object, or @file" },
  scope: { type: "string", value: "<names>", help: "the `scope` claim of its token, as it stands there" },
  acr: { type: "string", value: "<level>", help: "how it signed in: a level of assurance, or its `acr`" },
  "signed-in": { type: "string", value: "<time>", help: "when it signed in, by RFC 3339" },
  at: { type: "string", value: "<time>", help: "the time of the request, by RFC 3339; default now" },
} as const satisfies OptionTable;

export const rowOptions = {
  permission: { type: "string", value: "<name>", help: "what is asked for: order:read" },
  row: {
    type: "string",
    value: "<json>",
    help: "the row acted on, as a JSON object or @file; dates by RFC 3339",
  },
  changes: { type: "string", value: "<json>", help: "what a write sends, as a JSON object or @file" },
} as const satisfies OptionTable;

type Values = Readonly<Record<string, unknown>>;

/** @throws {UserMistake} */
export function readAsker(values: OptionValues<typeof askerOptions>): Asker {
  const { kind = "account" } = values;
  const id = required(values.principal, "principal");
  if (kind !== "account" && kind !== "client") throw new UserMistake("--kind is neither account nor client.");
  const given =
    values.claims === undefined ? {} : objectOf(readJsonArgument(values.claims, "claims"), "--claims");
  return {
    id,
    kind,
    roles: values.role,
    claims: { ...given, ...Object.fromEntries(values.claim.map(readClaim)) },
  };
}

/** The credential, the sign-in and the time. @throws {UserMistake} */
export function readCircumstances(
  security: Security,
  { scope, acr, at, "signed-in": signedIn }: OptionValues<typeof askerOptions>,
): Pick<Question, "scopes" | "acr" | "authenticatedAtMs" | "nowMs"> {
  if (acr !== undefined && security.assurance.levelOf(acr) < 0) {
    throw new UserMistake(`--acr ${JSON.stringify(acr)} is no level of the contract's.`);
  }
  return {
    scopes: scope === undefined ? undefined : security.scopes.permissionsOf(scope),
    acr,
    authenticatedAtMs: signedIn === undefined ? undefined : readTime(signedIn, "--signed-in"),
    nowMs: at === undefined ? undefined : readTime(at, "--at"),
  };
}

/** @throws {UserMistake} where the permission is missing; `ContractError` where the row or the changes are wrong. */
export function readAsked(
  security: Security,
  values: OptionValues<typeof rowOptions>,
): { readonly permission: string; readonly row: Values | undefined; readonly changes: Values | undefined } {
  const permission = required(values.permission, "permission");
  if (security.roles.permissionIndex(permission) === undefined) {
    throw new UserMistake(
      `The contract has no ${JSON.stringify(permission)}: it has ${security.permissions.join(", ")}.`,
    );
  }
  const shape = rowShape(security, permission.split(":")[0] ?? "");
  const { row, changes } = values;
  return {
    permission,
    row: row === undefined ? undefined : readRow(readJsonArgument(row, "row"), shape, "--row"),
    changes:
      changes === undefined
        ? undefined
        : readChanges(readJsonArgument(changes, "changes"), shape, "--changes"),
  };
}

/** @throws {UserMistake} */
export function readTime(text: string, place: string): number {
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text);
  const timeMs = isTime ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(timeMs)) throw new UserMistake(`${place} ${JSON.stringify(text)} is no time by RFC 3339.`);
  return timeMs;
}

function required(value: string | undefined, option: string): string {
  if (value === undefined || value === "") throw new UserMistake(`--${option} is missing.`);
  return value;
}

function readClaim(text: string): readonly [string, unknown] {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new UserMistake(`--claim ${JSON.stringify(text)} is not of the form name=value.`);
  }
  try {
    return [name, JSON.parse(value)];
  } catch {
    return [name, value];
  }
}
