/** `@bulwark/guard`: an API's security, declared once and enforced on every request. */
export { type ApiKeyParts, formatApiKey, parseApiKey } from "./authentication/api-key-format.ts";
export type { CredentialKind } from "./authentication/credential.ts";
export type { DpopOptions } from "./authentication/dpop/dpop-rules.ts";
export {
  type FeedEvent,
  type FeedSubscriber,
  feedRetentionMs,
  revocationTargets,
} from "./authentication/feed/feed.ts";
export type {
  ApiKey,
  IdentitySource,
  PublicJwk,
  PublicJwkSet,
  Session,
} from "./authentication/identity-source.ts";
export type { IntrospectionOptions } from "./authentication/introspection/introspection-rules.ts";
export type { Principal } from "./authentication/principal.ts";
export { type ConnectIdentityOptions, connectIdentity } from "./authentication/remote/connect-identity.ts";
export {
  type ActingOptions,
  type ActingPrincipal,
  accessOf,
  type RowAccess,
} from "./authorization/access.ts";
export { type AnswerDecision, canAnswerContain } from "./authorization/answers/can-answer-contain.ts";
export type {
  AttributeConditions,
  Conditions,
  OrderedConditions,
  TextConditions,
} from "./authorization/conditions/build.ts";
export {
  type AttributeType,
  all,
  any,
  type Condition,
  not,
  now,
  principal,
} from "./authorization/conditions/condition.ts";
export type { RowFilter, SqlFilter } from "./authorization/conditions/filter.ts";
export { type GrantData, type GrantVocabulary, readGrant, type SetData } from "./authorization/grant-data.ts";
export type {
  CustomRole,
  GrantedSubject,
  LiveRoles,
  RoleChanges,
  RoleHolder,
} from "./authorization/live-roles.ts";
export { createLiveRoles } from "./authorization/live-roles.ts";
export {
  type PolicyDecision,
  type PolicyEngine,
  type PolicyInput,
  type PolicyReach,
  type PolicyRow,
  PolicyUntranslatableError,
} from "./authorization/policy/engine.ts";
export { PolicyInputError, type PolicyQuestion, policyInput } from "./authorization/policy/input.ts";
export { type OpaOptions, opa } from "./authorization/policy/opa/opa.ts";
export type { OpaRules } from "./authorization/policy/opa/options.ts";
export type { Policy, PolicyFailure, PolicyHealth } from "./authorization/policy/policy.ts";
export { administration } from "./contract/administration.ts";
export type { AssuranceOptions } from "./contract/assurance.ts";
export { defineSecurity, type Security, type SecurityOptions } from "./contract/define-security.ts";
export type { FeedOptions } from "./contract/feed-rules.ts";
export type { IssuerOptions } from "./contract/issuer.ts";
export { ContractError, type RefusalCode } from "./contract/refusal.ts";
export {
  type DenialOptions,
  type Grant,
  type GrantOptions,
  type Resource,
  resource,
} from "./contract/resource.ts";
export type { Register, RegisteredPermission, RouteDeclaration, RouteSecurity } from "./contract/route.ts";
export type { DecisionRecord } from "./pipeline/decision-record.ts";
export type { GuardHealth } from "./pipeline/guard.ts";
