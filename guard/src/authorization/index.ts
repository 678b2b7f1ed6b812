/**
 * `@bulwark/guard/roles`: for who keeps roles and decides who may change them, such as an identity server.
 */
export type { Caller } from "../authentication/caller.ts";
export type { Assurance } from "../contract/assurance.ts";
export {
  type Authority,
  type CompiledGrant,
  denialsOf,
  grantsOf,
  hasPermission,
  liveGrants,
} from "./authority.ts";
export { grantKey, type Holder, holdsDenied, holdsGrant, permissionOf } from "./holding.ts";
export { createLiveRoles, type LiveRoles } from "./live-roles.ts";
export { createRoleSync } from "./role-sync.ts";
