/**
 * OAuth scopes (RFC 6749 §3.3): what a token may be used for, of what its subject may do. They only ever narrow.
 *
 * A scope that is named like a permission (`order:read`) stands for that permission; others stand for what the contract
 * says. A contract that declares scopes asks for them: a token that carries none of them may do nothing.
 */
import { ContractError } from "./refusal.ts";

/** What each scope lets a token do: permissions, by the scope's name. */
export type ScopeOptions = Readonly<Record<string, readonly string[]>>;

export interface Scopes {
  /** The names that clients may ask for: the declared scopes, and every permission. */
  readonly names: readonly string[];
  /**
   * The permissions that a token with this `scope` claim is limited to.
   *
   * @returns `undefined`: it is not limited.
   */
  permissionsOf(claim: unknown): readonly string[] | undefined;
}

/** RFC 6749 §3.3: visible ASCII, without quotes and backslashes. */
const scopeName = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/** @throws {ContractError} `option_invalid`, `permission_unknown` */
export function compileScopes(
  options: ScopeOptions | undefined,
  permissions: ReadonlyMap<string, number>,
  place: string,
): Scopes {
  const byName = new Map([...permissions.keys()].map((name) => [name, [name] as readonly string[]]));
  for (const [name, given] of Object.entries(options ?? {})) {
    if (!scopeName.test(name) || byName.has(name) || !Array.isArray(given)) {
      throw new ContractError(
        "option_invalid",
        `${place}.${name}`,
        "It is no scope with a list of permissions.",
      );
    }
    for (const permission of given) {
      if (permissions.has(permission)) continue;
      throw new ContractError(
        "permission_unknown",
        `${place}.${name}`,
        `There is no \`${String(permission)}\`.`,
      );
    }
    byName.set(name, Object.freeze([...given]));
  }
  const always = options !== undefined;
  return Object.freeze({
    names: Object.freeze([...byName.keys()]),
    permissionsOf(claim: unknown) {
      // Some issuers write a list (RFC 8693 §4.2 writes text).
      const names = typeof claim === "string" ? claim.split(" ") : Array.isArray(claim) ? claim : [];
      const known = names.flatMap((name: unknown) =>
        typeof name === "string" ? (byName.get(name) ?? []) : [],
      );
      const limits = always || names.some((name: unknown) => typeof name === "string" && byName.has(name));
      return limits ? known : undefined;
    },
  });
}
