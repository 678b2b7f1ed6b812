/**
 * What a custom role may be called and made of, by the contract.
 *
 * Bounded in every direction: what one administrator writes down every guard keeps in memory.
 */
import { ContractError, type CustomRole, type GrantData, readGrant, type Security } from "@bulwark/guard";
import type { CompiledGrant } from "@bulwark/guard/roles";
import { requireRoles } from "../accounts/attributes.ts";
import { IdentityError } from "../errors.ts";

/** The most there may be of each. */
export const bounds = Object.freeze({
  /** Custom roles. */
  roles: 500,
  /** Grants of one role, account or client. */
  grants: 200,
  /** Roles that one role extends. */
  extends: 20,
  /** Roles of one account or client: tokens name them all. */
  held: 50,
  /** Characters of one role's or holder's grants as JSON. */
  characters: 100_000,
});

/** A name that a custom role can have. @throws {IdentityError} `role_invalid`, `role_declared` */
export function requireRoleName(name: string, contract: Security): string {
  requireRoles([String(name)], "name");
  // `constructor` and its like: names that every object knows.
  if (name in Object.prototype) {
    throw new IdentityError("role_invalid", "name", `${JSON.stringify(name)} is not a role's name.`);
  }
  if (contract.roles.names.includes(name)) {
    throw new IdentityError("role_declared", "name", "The contract declares a role of this name.");
  }
  return name;
}

/**
 * Reads grants by the contract.
 *
 * @param role Whose they are; `undefined`: direct ones.
 * @throws {IdentityError} `grant_invalid`, `roles_too_many`
 */
export function requireGrants(
  grants: readonly GrantData[],
  role: string | undefined,
  { roles, resources, conditions }: Security,
): readonly CompiledGrant[] {
  if (!Array.isArray(grants)) throw new IdentityError("grant_invalid", "grants", "It is no list.");
  if (grants.length > bounds.grants || JSON.stringify(grants).length > bounds.characters) {
    throw new IdentityError("roles_too_many", "grants", "There are too many grants, or too long ones.");
  }
  return grants.map((data, index) => {
    const place = `grants[${index}]`;
    try {
      return roles.compile(readGrant(data, { resources, conditions }, place), role, place);
    } catch (error) {
      if (!(error instanceof ContractError)) throw error;
      throw new IdentityError("grant_invalid", place, error.message, { cause: error });
    }
  });
}

/** @throws {IdentityError} `grant_invalid`, `roles_too_many` */
export function requireExtends({ extends: parents }: Pick<CustomRole, "extends">): readonly string[] {
  if (!Array.isArray(parents) || !parents.every((name) => typeof name === "string")) {
    throw new IdentityError("grant_invalid", "extends", "It is no list of roles.");
  }
  if (parents.length > bounds.extends) {
    throw new IdentityError("roles_too_many", "extends", "It extends too many roles.");
  }
  return [...new Set<string>(parents)];
}
