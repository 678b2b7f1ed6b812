/** `@bulwark/guard/kysely`: a Kysely database that keeps every query to what one caller may do. */
export { type ActingOptions, type ActingPrincipal, accessOf, type RowAccess } from "../access.ts";
export { type ProtectionCode, ProtectionError, WriteDeniedError } from "./errors.ts";
export { type Protectable, type ProtectOptions, protect } from "./protect.ts";
