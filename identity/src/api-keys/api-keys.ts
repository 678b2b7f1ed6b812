/**
 * API keys: how a program acts for an account or a client without signing in.
 *
 * Only the SHA-256 of the secret is stored, and the whole key is shown once. Expiry and the owner's state are
 * conditions of the look-up itself: no row comes back that must then be refused.
 */
import { type ApiKey, formatApiKey, parseApiKey } from "@bulwark/guard";
import { parseClaims } from "../accounts/attributes.ts";
import type { Feed } from "../feed/feed.ts";
import { digest, matchesDigest } from "../keys/digest.ts";
import type { Database } from "../storage/schema.ts";
import { createLastUsed } from "./last-used.ts";
import { type ApiKeyOwner, type NewApiKey, readOwner, requireApiKey, requireOwner } from "./new-api-key.ts";
import { createRandomText } from "./random-text.ts";

/** A key as its owner sees it: everything but the secret. */
export interface ApiKeySummary {
  /** The public id. */
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly string[] | undefined;
  readonly createdAtMs: number;
  readonly expiresAtMs: number | undefined;
  /** To the minute; `undefined`: never. */
  readonly lastUsedAtMs: number | undefined;
}

export interface ApiKeys {
  /**
   * Makes a key. It is in the answer and nowhere else.
   *
   * @throws {IdentityError} `api_key_invalid`
   */
  create(apiKey: NewApiKey): Promise<{ readonly id: string; readonly key: string }>;
  /** The owner's keys, newest first; expired ones too. @throws {IdentityError} `api_key_invalid` */
  list(owner: ApiKeyOwner): Promise<readonly ApiKeySummary[]>;
  /** Ends a key by its public id, and tells the guards. */
  revoke(id: string): Promise<void>;
  /**
   * The live key with this id and secret: `undefined` if there is none, the secret is wrong, it has expired, was
   * revoked, or its owner is gone or disabled. Notes that it was used.
   */
  find(id: string, secret: string): Promise<ApiKey | undefined>;
  /** Waits until every use is noted. */
  settle(): Promise<void>;
}

export interface ApiKeysOptions {
  readonly db: Database;
  readonly feed: Feed;
  readonly now: () => number;
}

const idLength = 16;
const secretLength = 43;

export function createApiKeys({ db, feed, now }: ApiKeysOptions): ApiKeys {
  const lastUsed = createLastUsed({ db, now });
  return { create, list, revoke, find, settle: lastUsed.settle };

  async function create(given: NewApiKey) {
    const { owner, name, scopes, expiresAtMs } = requireApiKey(given, now());
    await requireOwner(db, owner);
    const parts = { id: createRandomText(idLength), secret: createRandomText(secretLength) };
    await db
      .insertInto("api_keys")
      .values({
        id: parts.id,
        secret_hash: digest(parts.secret),
        owner_kind: owner.kind,
        owner_id: owner.id,
        name,
        scopes: scopes === undefined ? null : JSON.stringify(scopes),
        created_at_ms: now(),
        expires_at_ms: expiresAtMs ?? null,
        last_used_at_ms: null,
      })
      .execute();
    return Object.freeze({ id: parts.id, key: formatApiKey(parts) });
  }

  async function list(given: ApiKeyOwner): Promise<readonly ApiKeySummary[]> {
    const owner = readOwner(given);
    const rows = await db
      .selectFrom("api_keys")
      .select(["id", "name", "scopes", "created_at_ms", "expires_at_ms", "last_used_at_ms"])
      .where("owner_kind", "=", owner.kind)
      .where("owner_id", "=", owner.id)
      .orderBy("created_at_ms", "desc")
      .orderBy("id")
      .execute();
    return rows.map((row) => ({
      id: row.id,
      name: row.name,
      scopes: readScopes(row.scopes),
      createdAtMs: row.created_at_ms,
      expiresAtMs: row.expires_at_ms ?? undefined,
      lastUsedAtMs: row.last_used_at_ms ?? undefined,
    }));
  }

  async function revoke(id: string): Promise<void> {
    await feed.transact(async (transaction, publish) => {
      await transaction.deleteFrom("api_keys").where("id", "=", id).execute();
      publish({ kind: "revoked", apiKey: id, beforeMs: now() });
    });
  }

  async function find(id: string, secret: string): Promise<ApiKey | undefined> {
    // Whatever is not spelt like a key cannot be one, and needs no query.
    if (parseApiKey(formatApiKey({ id, secret })) === undefined) return undefined;
    const rows = await findRows(id);
    const [first] = rows;
    if (first === undefined || !matchesDigest(secret, first.secret_hash)) return undefined;
    lastUsed.note(id, first.last_used_at_ms);
    const roles =
      first.owner_kind === "client"
        ? (JSON.parse(first.client_roles ?? "[]") as string[])
        : rows.flatMap(({ role }) => role ?? []);
    return Object.freeze({
      id,
      ownerId: first.owner_id,
      ownerKind: first.owner_kind,
      roles: Object.freeze(roles),
      claims: parseClaims(first.account_claims ?? first.client_claims ?? "{}"),
      scopes: readScopes(first.scopes),
      expiresAtMs: first.expires_at_ms ?? undefined,
    });
  }

  /** One statement for key, owner and roles: nothing can change in between. A row for each of an account's roles. */
  function findRows(id: string) {
    return db
      .selectFrom("api_keys")
      .leftJoin("accounts", (join) =>
        join
          .onRef("accounts.id", "=", "api_keys.owner_id")
          .on("api_keys.owner_kind", "=", "account")
          .on("accounts.disabled_at_ms", "is", null),
      )
      .leftJoin("account_roles", "account_roles.account_id", "accounts.id")
      .leftJoin("clients", (join) =>
        join.onRef("clients.id", "=", "api_keys.owner_id").on("api_keys.owner_kind", "=", "client"),
      )
      .select([
        "api_keys.secret_hash",
        "api_keys.owner_kind",
        "api_keys.owner_id",
        "api_keys.scopes",
        "api_keys.expires_at_ms",
        "api_keys.last_used_at_ms",
        "accounts.claims as account_claims",
        "account_roles.role",
        "clients.roles as client_roles",
        "clients.claims as client_claims",
      ])
      .where("api_keys.id", "=", id)
      .where(({ eb, or }) =>
        or([eb("api_keys.expires_at_ms", "is", null), eb("api_keys.expires_at_ms", ">", now())]),
      )
      .where(({ eb, or }) => or([eb("accounts.id", "is not", null), eb("clients.id", "is not", null)]))
      .orderBy("account_roles.role")
      .execute();
  }
}

function readScopes(text: string | null): readonly string[] | undefined {
  return text === null ? undefined : Object.freeze(JSON.parse(text) as string[]);
}
