/** The schema's history. Each entry runs once on each database; an entry that was released never changes. */
import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

export const migrations: Readonly<Record<string, Migration>> = {
  "0001_accounts_sessions_oauth": { up: createFirstTables },
  "0002_feed_api_keys": { up: addFeedAndApiKeys },
  "0003_roles_audit": { up: addRolesAndAudit },
};

async function createFirstTables(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("accounts")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("email", "text", (column) => column.notNull().unique())
    .addColumn("password_hash", "text")
    .addColumn("claims", "text", (column) => column.notNull())
    .addColumn("created_at_ms", "bigint", (column) => column.notNull())
    .addColumn("disabled_at_ms", "bigint")
    .execute();

  await db.schema
    .createTable("account_roles")
    .addColumn("account_id", "text", (column) =>
      column.notNull().references("accounts.id").onDelete("cascade"),
    )
    .addColumn("role", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("account_roles_key", ["account_id", "role"])
    .execute();

  await db.schema
    .createTable("sessions")
    .addColumn("id_hash", "text", (column) => column.primaryKey())
    .addColumn("handle", "text", (column) => column.notNull().unique())
    .addColumn("account_id", "text", (column) =>
      column.notNull().references("accounts.id").onDelete("cascade"),
    )
    .addColumn("sealed", "text", (column) => column.notNull())
    .addColumn("created_at_ms", "bigint", (column) => column.notNull())
    .addColumn("last_seen_at_ms", "bigint", (column) => column.notNull())
    .addColumn("expires_at_ms", "bigint", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("sessions_account").on("sessions").column("account_id").execute();
  await db.schema.createIndex("sessions_last_seen").on("sessions").column("last_seen_at_ms").execute();
  await db.schema.createIndex("sessions_expiry").on("sessions").column("expires_at_ms").execute();

  await db.schema
    .createTable("session_grants")
    .addColumn("grant_hash", "text", (column) => column.primaryKey())
    .addColumn("session_handle", "text", (column) =>
      column.notNull().references("sessions.handle").onDelete("cascade"),
    )
    .execute();
  await db.schema
    .createIndex("session_grants_session")
    .on("session_grants")
    .column("session_handle")
    .execute();

  await db.schema
    .createTable("clients")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("secret_hash", "text")
    .addColumn("grant_types", "text", (column) => column.notNull())
    .addColumn("redirect_uris", "text", (column) => column.notNull())
    .addColumn("roles", "text", (column) => column.notNull())
    .addColumn("claims", "text", (column) => column.notNull())
    .addColumn("created_at_ms", "bigint", (column) => column.notNull())
    .execute();

  await db.schema
    .createTable("oauth_artifacts")
    .addColumn("model", "text", (column) => column.notNull())
    .addColumn("id_hash", "text", (column) => column.notNull())
    .addColumn("sealed", "text", (column) => column.notNull())
    .addColumn("grant_hash", "text")
    .addColumn("uid_hash", "text")
    .addColumn("user_code_hash", "text")
    .addColumn("consumed_at_ms", "bigint")
    .addColumn("expires_at_ms", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("oauth_artifacts_key", ["model", "id_hash"])
    .execute();
  for (const column of ["grant_hash", "uid_hash", "user_code_hash", "expires_at_ms"] as const) {
    await db.schema.createIndex(`oauth_artifacts_${column}`).on("oauth_artifacts").column(column).execute();
  }

  await db.schema
    .createTable("signing_keys")
    .addColumn("kid", "text", (column) => column.primaryKey())
    .addColumn("generation", "integer", (column) => column.notNull().unique())
    .addColumn("algorithm", "text", (column) => column.notNull())
    .addColumn("sealed", "text", (column) => column.notNull())
    .addColumn("created_at_ms", "bigint", (column) => column.notNull())
    .execute();
}

async function addFeedAndApiKeys(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("feed_cursor")
    .addColumn("id", "integer", (column) => column.primaryKey())
    .addColumn("sequence", "bigint", (column) => column.notNull())
    .execute();
  await sql`insert into feed_cursor (id, sequence) values (1, 0)`.execute(db);
  await db.schema
    .createTable("feed_events")
    .addColumn("sequence", "bigint", (column) => column.primaryKey())
    .addColumn("event", "text", (column) => column.notNull())
    .addColumn("at_ms", "bigint", (column) => column.notNull())
    .execute();

  await db.schema
    .createTable("api_keys")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("secret_hash", "text", (column) => column.notNull())
    .addColumn("owner_kind", "text", (column) => column.notNull())
    .addColumn("owner_id", "text", (column) => column.notNull())
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("scopes", "text")
    .addColumn("created_at_ms", "bigint", (column) => column.notNull())
    .addColumn("expires_at_ms", "bigint")
    .addColumn("last_used_at_ms", "bigint")
    .execute();
  await db.schema.createIndex("api_keys_owner").on("api_keys").columns(["owner_kind", "owner_id"]).execute();

  // Of the sessions open now the methods are sealed: their assurance is unknown, and that is what they say.
  await db.schema
    .alterTable("sessions")
    .addColumn("methods", "text", (column) => column.notNull().defaultTo(""))
    .execute();
  await db.schema
    .alterTable("sessions")
    .addColumn("authenticated_at_ms", "bigint", (column) => column.notNull().defaultTo(0))
    .execute();
  await sql`update sessions set authenticated_at_ms = created_at_ms`.execute(db);
}

async function addRolesAndAudit(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("role_cursor")
    .addColumn("id", "integer", (column) => column.primaryKey())
    .addColumn("version", "bigint", (column) => column.notNull())
    .execute();
  await sql`insert into role_cursor (id, version) values (1, 0)`.execute(db);
  await db.schema
    .createTable("role_records")
    .addColumn("kind", "text", (column) => column.notNull())
    .addColumn("id", "text", (column) => column.notNull())
    .addColumn("data", "text")
    .addColumn("version", "bigint", (column) => column.notNull().unique())
    .addPrimaryKeyConstraint("role_records_key", ["kind", "id"])
    .execute();

  await db.schema
    .createTable("audit_cursor")
    .addColumn("id", "integer", (column) => column.primaryKey())
    .addColumn("sequence", "bigint", (column) => column.notNull())
    .execute();
  await sql`insert into audit_cursor (id, sequence) values (1, 0)`.execute(db);
  await db.schema
    .createTable("audit_events")
    .addColumn("sequence", "bigint", (column) => column.primaryKey())
    .addColumn("at_ms", "bigint", (column) => column.notNull())
    .addColumn("actor_kind", "text", (column) => column.notNull())
    .addColumn("actor_id", "text", (column) => column.notNull())
    .addColumn("action", "text", (column) => column.notNull())
    .addColumn("outcome", "text", (column) => column.notNull())
    .addColumn("target_kind", "text", (column) => column.notNull())
    .addColumn("target_id", "text", (column) => column.notNull())
    .addColumn("detail", "text", (column) => column.notNull())
    .addColumn("address", "text")
    .execute();
  await db.schema
    .createIndex("audit_events_target")
    .on("audit_events")
    .columns(["target_kind", "target_id", "sequence"])
    .execute();
  await db.schema
    .createIndex("audit_events_actor")
    .on("audit_events")
    .columns(["actor_kind", "actor_id", "sequence"])
    .execute();

  await db.schema.alterTable("clients").addColumn("scopes", "text").execute();
  await db.schema.createIndex("account_roles_role").on("account_roles").column("role").execute();
}
