/**
 * Who may do this, to this row? Answered from the rule that decides, the other way round: per role, per account or client
 * with grants of its own, which principals it comes to once the row is known.
 *
 * Sign-ins, scopes and policies only ever narrow: the answer is who may at most, with the demands named.
 */
import type { Security } from "../../contract/define-security.ts";
import { ContractError } from "../../contract/refusal.ts";
import type { Resource } from "../../contract/resource.ts";
import type { CompiledGrant } from "../authority.ts";
import type { Row } from "../conditions/decide.ts";
import type { GrantedSubject } from "../live-roles.ts";
import { describeCondition } from "./condition-text.ts";
import { contractRoles, type ExplainOptions } from "./explain.ts";
import { barredFor, coveredFor, type KnownBefore, writeBy } from "./partial.ts";
import {
  allOf,
  always,
  anyOf,
  describePrincipals,
  never,
  notOf,
  type PartialRow,
  type PrincipalCondition,
} from "./principal-condition.ts";

export interface WhoCanOptions extends ExplainOptions {
  /** What a write sends. */
  readonly changes?: Row | undefined;
  /** The roles to answer for; default every role of the contract's, and every custom one. */
  readonly only?: readonly string[] | undefined;
  /** The time that is asked about, in milliseconds since the epoch; default now. */
  readonly nowMs?: number | undefined;
}

/** Which principals a role, or grants of its own, let act. */
export interface WhoAnswer {
  readonly answer: "always" | "sometimes" | "never";
  /** Which principals, as data and as text: `principal.id = "alice"`. */
  readonly when: PrincipalCondition;
  readonly text: string;
  /** The grants that come to it, with what each demands of the sign-in. */
  readonly ways: readonly WhoWay[];
  /** Who it would let act if something else let them read the row; absent where that makes no difference. */
  readonly withReading?: string;
  /** Whom its denials bar, whatever else allows them; absent where they bar nobody. */
  readonly bars?: string;
}

/** One grant among those that let act. */
export interface WhoWay {
  /** The role that declares it; absent for a direct grant. */
  readonly role?: string;
  readonly permission: string;
  readonly where: string;
  readonly text: string;
  readonly assurance?: string;
  readonly maxAge?: string;
}

export interface WhoCan {
  readonly permission: string;
  /** The policy engine that may narrow it further; absent where none is asked about the permission. */
  readonly policy?: string;
  readonly roles: readonly (WhoAnswer & { readonly role: string; readonly custom: boolean })[];
  /** Accounts and clients with grants or denials of their own: by those alone, whatever roles they hold. */
  readonly direct: readonly (WhoAnswer & { readonly subject: GrantedSubject })[];
}

/**
 * Answers who may do something to a row.
 *
 * @param row As a database's driver gives it; `undefined`: who may do it at all, or create a row with the `changes`.
 * @throws {ContractError} `permission_unknown`, `option_invalid`
 * @example
 * whoCan(security, "order:read", order7).roles; // user: 'principal.id = "alice"', admin: 'anyone'
 */
export function whoCan(
  security: Security,
  permission: string,
  row: Row | undefined,
  { roles = contractRoles(security), changes, only, nowMs = Date.now() }: WhoCanOptions = {},
): WhoCan {
  const asked = askedOf(security, permission, row, changes);
  const names = only ?? [...roles.table.names, ...roles.customRoles()];
  const { policy } = security;
  return {
    permission,
    ...(policy?.appliesTo(permission) === true ? { policy: policy.name } : {}),
    roles: names.map((role) => ({
      role,
      custom: !roles.table.names.includes(role),
      ...answer(roles.grantsOfRole(role) ?? [], asked, { nowMs }),
    })),
    direct: roles.directGrants().flatMap(({ subject, grants }) => {
      const own = grants.filter((grant) => isOf(grant, permission) || isOf(grant, asked.readPermission));
      if (own.length === 0) return [];
      return [{ subject, ...answer(own, asked, { nowMs, id: subject.id }) }];
    }),
  };
}

/** Which principals these grants and denials together let act. */
export function principalsOf(
  security: Security,
  permission: string,
  row: Row | undefined,
  grants: readonly CompiledGrant[],
  { changes, nowMs = Date.now() }: Pick<WhoCanOptions, "changes" | "nowMs"> = {},
): PrincipalCondition {
  return answer(grants, askedOf(security, permission, row, changes), { nowMs }).when;
}

/** What is asked, looked up in the contract. */
interface Asked {
  readonly permission: string;
  readonly readPermission: string;
  readonly resource: Resource;
  readonly row: Row | undefined;
  readonly changes: Row | undefined;
}

function askedOf(
  { resources, roles }: Security,
  permission: string,
  row: Row | undefined,
  changes: Row | undefined,
): Asked {
  const resource = resources.get(permission.split(":")[0] ?? "");
  if (resource === undefined || roles.permissionIndex(permission) === undefined) {
    throw new ContractError("permission_unknown", permission, "The contract has no such permission.");
  }
  const creates = permission === `${resource.name}:create` && Object.keys(resource.attributes).length > 0;
  if (creates ? row !== undefined : row === undefined && changes !== undefined) {
    throw new ContractError(
      "option_invalid",
      creates ? "row" : "changes",
      creates
        ? "A row that is created is given as its changes."
        : "There is no row that the changes are for.",
    );
  }
  return { permission, readPermission: `${resource.name}:read`, resource, row, changes };
}

function answer(grants: readonly CompiledGrant[], asked: Asked, known: KnownBefore): WhoAnswer {
  const { permission, readPermission, row } = asked;
  const acts = letBy(
    grants.filter((grant) => isOf(grant, permission)),
    asked,
    known,
  );
  const readsFirst = row !== undefined && permission !== readPermission;
  const reads = readsFirst
    ? letBy(
        grants.filter((grant) => isOf(grant, readPermission)),
        { ...asked, permission: readPermission, changes: undefined },
        known,
      )
    : undefined;
  const when = reads === undefined ? acts.when : allOf([reads.when, acts.when]);
  const bars = reads === undefined ? acts.bars : anyOf([acts.bars, reads.bars]);
  const differs = JSON.stringify(when) !== JSON.stringify(acts.when);
  return {
    answer: when.kind === "always" || when.kind === "never" ? when.kind : "sometimes",
    when,
    text: describePrincipals(when),
    ways: when.kind === "never" ? [] : acts.ways,
    ...(differs ? { withReading: describePrincipals(acts.when) } : {}),
    ...(bars.kind === "never" ? {} : { bars: describePrincipals(bars) }),
  };
}

interface Let {
  readonly when: PrincipalCondition;
  readonly ways: readonly WhoWay[];
  readonly bars: PrincipalCondition;
}

/** Whom the grants of one permission let act, and whom its denials bar. */
function letBy(grants: readonly CompiledGrant[], asked: Asked, known: KnownBefore): Let {
  const denials = grants.filter(({ effect }) => effect === "deny");
  const { row } = asked;
  const before: PartialRow | undefined = row === undefined ? undefined : { values: row, set: {} };
  const barredBefore = denials.map((denial) => (before ? barredFor(denial, before, known) : wholly(denial)));
  const allowed = grants
    .filter(({ effect }) => effect === "allow")
    .map((grant) => {
      const { may, after } = actBy(grant, asked, known);
      const rows = [before, after].filter((one) => one !== undefined);
      const covers = rows.map((one) => coveredFor(grant, one, known));
      const bars = [
        ...barredBefore,
        ...(after === undefined ? [] : denials.map((denial) => barredFor(denial, after, known))),
      ];
      return { grant, when: allOf([may, ...covers, ...bars.map(notOf)]) };
    });
  return {
    when: anyOf(allowed.map(({ when }) => when)),
    ways: allowed.flatMap(({ grant, when }) => (when.kind === "never" ? [] : [wayOf(grant, when)])),
    bars: anyOf(barredBefore),
  };
}

/** What a grant lets be written, and the row that it leaves; nothing is written by reading, or without a row. */
function actBy(
  grant: CompiledGrant,
  { permission, readPermission, resource, row, changes }: Asked,
  known: KnownBefore,
) {
  const writes = permission !== readPermission && (row !== undefined || changes !== undefined);
  if (!writes) return { may: always, after: undefined };
  return writeBy(grant, { attributes: resource.attributes, before: row, changes: changes ?? {} }, known);
}

/** Without a row, only what bars every row is known to bar. */
function wholly({ where }: CompiledGrant): PrincipalCondition {
  return where === undefined ? always : never;
}

function wayOf(grant: CompiledGrant, when: PrincipalCondition): WhoWay {
  const { role, resource, action, where, assurance, maxAge } = grant;
  return {
    ...(role === undefined ? {} : { role }),
    permission: `${resource}:${action}`,
    where: describeCondition(where),
    text: describePrincipals(when),
    ...(assurance === undefined ? {} : { assurance }),
    ...(maxAge === undefined ? {} : { maxAge }),
  };
}

function isOf({ resource, action }: CompiledGrant, permission: string): boolean {
  return `${resource}:${action}` === permission;
}
