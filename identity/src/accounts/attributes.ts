/** What an account or a client carries into its tokens: role names and claims, checked once when stored. */
import { IdentityError } from "../errors.ts";

export type Claims = Readonly<Record<string, unknown>>;

/**
 * Claims that the server itself writes into tokens (RFC 7519 §4.1, RFC 9068 §2.2, OpenID Connect Core §2). An
 * account that could carry its own `roles` or `sub` would be whoever it says.
 */
const reservedClaims: ReadonlySet<string> = new Set([
  ...["iss", "sub", "aud", "exp", "nbf", "iat", "jti"],
  ...[
    "client_id",
    "scope",
    "roles",
    "groups",
    "entitlements",
    "authorization_details",
    "cnf",
    "act",
    "may_act",
  ],
  ...["sid", "acr", "amr", "auth_time", "azp", "nonce", "at_hash", "c_hash", "s_hash"],
  ...["email", "email_verified", "__proto__", "constructor", "prototype"],
]);

const roleName = /^[A-Za-z][A-Za-z0-9_-]{0,62}$/;

/** Returns the role names without repeats. @throws {IdentityError} `role_invalid` */
export function requireRoles(roles: readonly string[], place: string): readonly string[] {
  for (const role of roles) {
    if (!roleName.test(role)) {
      throw new IdentityError("role_invalid", place, `${JSON.stringify(role)} is not a role's name.`);
    }
  }
  return [...new Set(roles)].sort();
}

/** Returns claims as the JSON they are stored as. @throws {IdentityError} `claims_invalid` */
export function serializeClaims(claims: Claims, place: string): string {
  for (const name of Object.keys(claims)) {
    if (reservedClaims.has(name)) {
      throw new IdentityError("claims_invalid", `${place}.${name}`, "The name is the server's own.");
    }
  }
  const text = JSON.stringify(claims);
  if (text.length > 4_096) {
    throw new IdentityError(
      "claims_invalid",
      place,
      "They would make every token longer than 4096 characters.",
    );
  }
  return text;
}

/** Reads claims back from the store. */
export function parseClaims(text: string): Claims {
  return Object.freeze(JSON.parse(text) as Record<string, unknown>);
}
