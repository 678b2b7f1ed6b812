/** What may this principal do? Every permission it has, on which rows, with its own values filled into the rule. */
import { createCaller } from "../../authentication/caller.ts";
import { meets } from "../../contract/assurance.ts";
import type { Security } from "../../contract/define-security.ts";
import type { Question } from "../../pipeline/decide.ts";
import { type CompiledGrant, hasPermission } from "../authority.ts";
import { any, type Condition } from "../conditions/condition.ts";
import { resolveOperand } from "../conditions/operand.ts";
import { describeCondition, scalarText } from "./condition-text.ts";
import { contractRoles, type ExplainOptions } from "./explain.ts";
import { filled, isAlways, isNever } from "./filled.ts";
import { pathTo } from "./role-path.ts";

/** Who is asked about, and with which credential. */
export type WhatQuestion = Pick<Question, "principal" | "scopes" | "acr" | "authenticatedAtMs" | "nowMs">;

/** One grant or denial, for this principal. */
export interface WhatGrant {
  /** The role that declares it; absent for a direct one. */
  readonly role?: string;
  /** From a role that the principal holds to the one that declares it. */
  readonly via: readonly string[];
  /** The rows it is for, with the principal's values: `ownerId = "alice"`. */
  readonly where: string;
  /** The same as data. */
  readonly condition: Condition;
  /** The attributes it lets be set; absent: every one. */
  readonly fields?: readonly string[];
  /** What it sets whatever is sent, with the principal's values. */
  readonly set?: Readonly<Record<string, string>>;
  /** What it demands of the sign-in, and whether that is met now. */
  readonly assurance?: string;
  readonly maxAge?: string;
  readonly met: boolean;
}

export interface WhatAnswer {
  readonly permission: string;
  /** On every row, on some, or on none. Sign-ins that are demanded, and policies, are not counted in. */
  readonly answer: "always" | "sometimes" | "never";
  /** The policy engine that may narrow it further; absent where none is asked about the permission. */
  readonly policy?: string;
  readonly grants: readonly WhatGrant[];
  readonly denials: readonly WhatGrant[];
}

/**
 * Answers what a principal may do: one answer for each permission of the contract.
 *
 * @example
 * whatCan(security, { principal: alice }).find(({ permission }) => permission === "order:read")?.grants[0]?.where;
 * // 'ownerId = "alice"'
 */
export function whatCan(
  security: Security,
  { principal, scopes, acr, authenticatedAtMs, nowMs = Date.now() }: WhatQuestion,
  { roles = contractRoles(security) }: ExplainOptions = {},
): readonly WhatAnswer[] {
  const caller = createCaller(
    {
      principal: { ...principal, credential: "bearer", sessionId: undefined },
      scopes,
      acr,
      authenticatedAtMs,
    },
    { roles, assurance: security.assurance },
  );
  const held = roles.grantsOf(principal);
  const describe = (grant: CompiledGrant): WhatGrant => {
    const { role, where, fields, set, assurance, maxAge, demand, resource, action } = grant;
    const { attributes = {} } = security.resources.get(resource) ?? {};
    const written = Object.entries(set).map(([attribute, operand]) => {
      const type = attributes[attribute] ?? "string";
      const value = resolveOperand(operand, type, principal, nowMs);
      return [attribute, value === undefined ? undefined : scalarText(value, type)] as const;
    });
    // Who lacks a claim that a write sets cannot write; reading sets nothing.
    const lacks = action !== "read" && written.some(([, value]) => value === undefined);
    const condition = lacks ? any() : filled(where, principal);
    return {
      ...(role === undefined ? {} : { role }),
      via: role === undefined ? [] : pathTo(role, principal.roles, roles),
      where: textOf(condition),
      condition,
      ...(fields === undefined ? {} : { fields }),
      ...(written.length === 0
        ? {}
        : { set: Object.fromEntries(written.map(([name, value]) => [name, value ?? "nothing"])) }),
      ...(assurance === undefined ? {} : { assurance }),
      ...(maxAge === undefined ? {} : { maxAge }),
      met: demand === undefined || meets(caller.assurance, demand, nowMs),
    };
  };
  return security.permissions.map((permission) => {
    const own = held.filter(({ resource, action }) => `${resource}:${action}` === permission);
    const index = roles.table.permissionIndex(permission) ?? -1;
    const grants = own.filter(({ effect }) => effect === "allow").map(describe);
    const denials = own.filter(({ effect }) => effect === "deny").map(describe);
    const may = hasPermission(caller.authority, index);
    return {
      permission,
      answer: may ? answerOf(grants, denials) : "never",
      ...(security.policy?.appliesTo(permission) === true ? { policy: security.policy.name } : {}),
      grants,
      denials,
    };
  });
}

function answerOf(grants: readonly WhatGrant[], denials: readonly WhatGrant[]): WhatAnswer["answer"] {
  if (grants.every(({ condition }) => isNever(condition))) return "never";
  const isFree = denials.every(({ condition }) => isNever(condition));
  return isFree && grants.some(({ condition }) => isAlways(condition)) ? "always" : "sometimes";
}

function textOf(condition: Condition): string {
  if (isAlways(condition)) return "every row";
  return isNever(condition) ? "no row" : describeCondition(condition);
}
