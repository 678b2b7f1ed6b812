/** `@bulwark/guard`: an API's security, declared once and enforced on every request. */
export type {
  IdentitySource,
  PublicJwk,
  PublicJwkSet,
  Session,
} from "./authentication/identity-source.ts";
export type { Principal } from "./authentication/principal.ts";
export { all, any, type Condition, not, principal } from "./authorization/conditions/condition.ts";
export type { RowFilter } from "./authorization/conditions/filter.ts";
export { defineSecurity, type Security, type SecurityOptions } from "./contract/define-security.ts";
export { ContractError, type RefusalCode } from "./contract/refusal.ts";
export {
  type AttributeConditions,
  type Conditions,
  type Grant,
  type GrantOptions,
  type NumberConditions,
  type Resource,
  resource,
} from "./contract/resource.ts";
export type { Register, RegisteredPermission, RouteDeclaration, RouteSecurity } from "./contract/route.ts";
