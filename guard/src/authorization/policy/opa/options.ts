/** What the remote and the embedded engine are declared with alike. */
import { ContractError } from "../../../contract/refusal.ts";

/** What an OPA engine is asked about, and what it is told. */
export interface OpaRules {
  /**
   * The decision's path: `"orders/allow"` for `allow` of `package orders`. Its value is a boolean, or an object
   * `{ allow, reason, code, hide }`.
   */
  readonly decision: string;
  /** The permissions it is asked about; default all. */
  readonly permissions?: readonly string[];
  /** The claims it is told; default none. */
  readonly claims?: readonly string[];
}

/** @throws {ContractError} `option_invalid` where it is no path to a rule: a package and a name at least. */
export function checkRulePath(path: unknown, place: string): string {
  if (typeof path === "string" && /^[A-Za-z_][A-Za-z0-9_-]*(\/[A-Za-z_][A-Za-z0-9_-]*)+$/.test(path))
    return path;
  throw new ContractError("option_invalid", place, 'It is no path to a rule, such as "orders/allow".');
}
