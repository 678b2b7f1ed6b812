/** A principal with what its roles amount to under one contract: made once per token, used on every request. */
import type { Authority, RoleTable } from "../authorization/roles.ts";
import type { Principal } from "./principal.ts";

export interface Caller {
  readonly principal: Principal;
  readonly authority: Authority;
  /** The key its limit is counted under. */
  readonly limitKey: string;
}

export function createCaller(principal: Principal, roles: RoleTable): Caller {
  return Object.freeze({
    principal: Object.freeze(principal),
    authority: roles.authorityOf(principal.roles),
    limitKey: `${principal.kind}:${principal.id}`,
  });
}
