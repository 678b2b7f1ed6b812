/** `@bulwark/guard/postgresql`: the contract's rules as PostgreSQL's row-level security. */
export { type ContextCaller, callerContext } from "./context.ts";
export { checkRowLevelSecurity, requireRowLevelSecurity } from "./doctor.ts";
export { type Finding, type FindingCode, findingMends, type Query } from "./finding.ts";
export {
  expectedPolicies,
  type PolicyFingerprint,
  type RowLevelSecurityOptions,
  rowLevelSecurity,
} from "./policies.ts";
export { type InDatabase, type SqlConnection, type SqlPool, withContext } from "./with-context.ts";
