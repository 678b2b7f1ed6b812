/**
 * The tables, as both databases hold them: text, integer milliseconds, JSON as text.
 *
 * Threat: a copy of the database in a stranger's hands. What a caller presents (session cookie, code,
 * client secret, API key) is kept only as a SHA-256 digest, and what must be read back is sealed (see `keys/`).
 */
import type { Kysely } from "kysely";

interface AccountsTable {
  readonly id: string;
  /** Lower-cased; unique. */
  readonly email: string;
  /** A PHC string, or NULL for an account that cannot sign in with a password. */
  readonly password_hash: string | null;
  readonly claims: string;
  readonly created_at_ms: number;
  readonly disabled_at_ms: number | null;
}

interface AccountRolesTable {
  readonly account_id: string;
  readonly role: string;
}

interface SessionsTable {
  /** Digest of the cookie's value. */
  readonly id_hash: string;
  /** The public handle: `sid` in tokens. */
  readonly handle: string;
  readonly account_id: string;
  /** From where it was opened, sealed. */
  readonly sealed: string;
  /** How the person proved who they are: RFC 8176 method references, separated by spaces. */
  readonly methods: string;
  /** When they last proved it. */
  readonly authenticated_at_ms: number;
  readonly created_at_ms: number;
  readonly last_seen_at_ms: number;
  /** The absolute end; the idle end follows from `last_seen_at_ms`. */
  readonly expires_at_ms: number;
}

/** Which session an OAuth grant came from: ending the session ends what was granted in it. */
interface SessionGrantsTable {
  readonly grant_hash: string;
  readonly session_handle: string;
}

export interface ClientsTable {
  readonly id: string;
  readonly name: string;
  /** Digest of a random secret; NULL for a public client. */
  readonly secret_hash: string | null;
  readonly grant_types: string;
  readonly redirect_uris: string;
  readonly roles: string;
  readonly claims: string;
  readonly created_at_ms: number;
  /** A JSON array: the only OAuth scopes it may ask for. NULL: any, or none. */
  readonly scopes: string | null;
}

interface OauthArtifactsTable {
  readonly model: string;
  readonly id_hash: string;
  readonly sealed: string;
  readonly grant_hash: string | null;
  readonly uid_hash: string | null;
  readonly user_code_hash: string | null;
  readonly consumed_at_ms: number | null;
  readonly expires_at_ms: number;
}

interface SigningKeysTable {
  readonly kid: string;
  /** 1, 2, 3, …: unique, so that of two processes creating a key at once one wins. */
  readonly generation: number;
  readonly algorithm: string;
  readonly sealed: string;
  readonly created_at_ms: number;
}

/** One row: the newest sequence of the feed. Its lock orders those who publish. */
interface FeedCursorTable {
  readonly id: number;
  readonly sequence: number;
}

interface FeedEventsTable {
  /** 1, 2, 3, … in the order of commits, without gaps. */
  readonly sequence: number;
  readonly event: string;
  readonly at_ms: number;
}

interface ApiKeysTable {
  /** The public id. */
  readonly id: string;
  /** Digest of the secret. */
  readonly secret_hash: string;
  readonly owner_kind: "account" | "client";
  readonly owner_id: string;
  readonly name: string;
  /** A JSON array, or NULL: all that its owner may do. */
  readonly scopes: string | null;
  readonly created_at_ms: number;
  readonly expires_at_ms: number | null;
  readonly last_used_at_ms: number | null;
}

/** One row: the newest version of the roles. Whoever changes roles, or who holds them, locks it first. */
interface RoleCursorTable {
  readonly id: number;
  readonly version: number;
}

/** Custom roles, and what accounts and clients are granted directly: each with the version it was last changed at. */
interface RoleRecordsTable {
  readonly kind: "role" | "account" | "client";
  /** A role's name, an account's or a client's id. */
  readonly id: string;
  /** JSON: a role, or a list of grants. NULL: it is gone. The row stays, to tell the guards so. */
  readonly data: string | null;
  /** Unique, in the order of commits. */
  readonly version: number;
}

/** One row: the newest sequence of the audit log. */
interface AuditCursorTable {
  readonly id: number;
  readonly sequence: number;
}

/** Who changed what. Rows are only ever added. */
interface AuditEventsTable {
  /** 1, 2, 3, … without gaps: a row that is missing shows. */
  readonly sequence: number;
  readonly at_ms: number;
  readonly actor_kind: string;
  readonly actor_id: string;
  readonly action: string;
  readonly outcome: string;
  readonly target_kind: string;
  readonly target_id: string;
  /** JSON; nothing secret. */
  readonly detail: string;
  /** Where the request came from, if it was one. */
  readonly address: string | null;
}

export interface Tables {
  readonly accounts: AccountsTable;
  readonly account_roles: AccountRolesTable;
  readonly sessions: SessionsTable;
  readonly session_grants: SessionGrantsTable;
  readonly clients: ClientsTable;
  readonly oauth_artifacts: OauthArtifactsTable;
  readonly signing_keys: SigningKeysTable;
  readonly feed_cursor: FeedCursorTable;
  readonly feed_events: FeedEventsTable;
  readonly api_keys: ApiKeysTable;
  readonly role_cursor: RoleCursorTable;
  readonly role_records: RoleRecordsTable;
  readonly audit_cursor: AuditCursorTable;
  readonly audit_events: AuditEventsTable;
}

export type Database = Kysely<Tables>;
