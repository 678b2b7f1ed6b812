/** What a new API key may say, and who may own one. */
import { IdentityError } from "../errors.ts";
import type { Database } from "../storage/schema.ts";

/** Whom a key acts for: exactly one of the two. */
export type ApiKeyOwner =
  | { readonly accountId: string; readonly clientId?: undefined }
  | { readonly clientId: string; readonly accountId?: undefined };

export type NewApiKey = ApiKeyOwner & {
  /** 1 to 100 characters: what its owner knows it by. */
  readonly name: string;
  /**
   * The permissions it is limited to (`order:read`), of those its owner holds; default all of them. `guard`: it may
   * connect a guard in another process, which no key may without saying so.
   */
  readonly scopes?: readonly string[] | undefined;
  /** When it ends, in milliseconds since the epoch; default not by itself. */
  readonly expiresAtMs?: number | undefined;
};

interface Owner {
  readonly kind: "account" | "client";
  readonly id: string;
}

/** The scope of keys that connect a guard. */
export const guardScope = "guard";

/** What a contract can name, and the hyphens that other guards may. */
const permission = /^[A-Za-z0-9_-]{1,64}:[A-Za-z0-9_-]{1,64}$/;
const mostScopes = 100;

/** @throws {IdentityError} `api_key_invalid` */
export function requireApiKey(given: NewApiKey, nowMs: number) {
  const owner = readOwner(given);
  const { name, scopes, expiresAtMs } = given;
  if (typeof name !== "string" || name.trim() === "" || name.length > 100) {
    refuse("name", "It is empty or too long.");
  }
  if (expiresAtMs !== undefined && !(Number.isSafeInteger(expiresAtMs) && expiresAtMs > nowMs)) {
    refuse("expiresAtMs", "It is not a time to come.");
  }
  if (scopes !== undefined && scopes.length > mostScopes) refuse("scopes", "There are too many.");
  for (const scope of scopes ?? []) {
    if (scope !== guardScope && !permission.test(scope)) {
      refuse("scopes", `${JSON.stringify(scope)} is neither a permission nor \`${guardScope}\`.`);
    }
  }
  return { owner, name, scopes: scopes && [...new Set(scopes)].sort(), expiresAtMs };
}

/** @throws {IdentityError} `api_key_invalid` */
export function readOwner({ accountId, clientId }: ApiKeyOwner): Owner {
  if (typeof accountId === "string" && clientId === undefined) return { kind: "account", id: accountId };
  if (typeof clientId === "string" && accountId === undefined) return { kind: "client", id: clientId };
  return refuse("owner", "It names not exactly one of `accountId` and `clientId`.");
}

/** An early answer to a mistake; what decides is the look-up of each use. @throws {IdentityError} `api_key_invalid` */
export async function requireOwner(db: Database, { kind, id }: Owner): Promise<void> {
  const found =
    kind === "client"
      ? await db.selectFrom("clients").select("id").where("id", "=", id).executeTakeFirst()
      : await db
          .selectFrom("accounts")
          .select("id")
          .where("id", "=", id)
          .where("disabled_at_ms", "is", null)
          .executeTakeFirst();
  if (found === undefined) refuse(`${kind}Id`, "There is none, or it is disabled.");
}

function refuse(place: string, problem: string): never {
  throw new IdentityError("api_key_invalid", `apiKey.${place}`, problem);
}
