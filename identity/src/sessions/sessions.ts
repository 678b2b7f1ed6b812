/**
 * Sessions: kept on the server, named by 256 random bits in a cookie.
 *
 * Only the SHA-256 of the cookie's value is stored: who reads the database cannot be anyone. Expiry, both
 * idle and absolute, and the account's state are conditions of the query itself: no row comes back that must
 * then be refused.
 */
import { randomBytes, randomUUID } from "node:crypto";
import type { Session } from "@bulwark/guard";
import { parseClaims } from "../accounts/attributes.ts";
import type { Feed } from "../feed/feed.ts";
import { digest } from "../keys/digest.ts";
import type { KeyRing } from "../keys/key-ring.ts";
import { open, seal } from "../keys/seal.ts";
import type { Database } from "../storage/schema.ts";
import { assuranceOf } from "./assurance.ts";
import { endSession } from "./end-sessions.ts";
import { isSessionValue } from "./session-cookie.ts";

/** How long sessions live. */
export const sessionLifetime = {
  /** Ends this long after it was last seen, less at most a minute (the time between two notes of it). */
  idleMs: 30 * 60_000,
  /** Ends this long after sign-in, whatever happens. */
  absoluteMs: 12 * 3_600_000,
} as const;

const seenIntervalMs = 60_000;

/** How a session was opened, as it is shown to its owner. */
interface SessionOrigin {
  /** Authentication methods (RFC 8176): `pwd`. */
  readonly methods: readonly string[];
  /** Kept sealed. */
  readonly userAgent?: string | undefined;
}

export interface LiveSession extends Session {
  readonly email: string;
  /** Authentication methods (RFC 8176): `pwd`. */
  readonly methods: readonly string[];
  readonly createdAtMs: number;
}

export interface SessionSummary extends SessionOrigin {
  readonly id: string;
  readonly createdAtMs: number;
  readonly lastSeenAtMs: number;
  readonly expiresAtMs: number;
}

export interface Sessions {
  /** Opens a session for an account; the cookie's value exists nowhere else. `undefined` where it is disabled. */
  create(
    accountId: string,
    origin?: SessionOrigin,
  ): Promise<{ cookieValue: string; session: LiveSession } | undefined>;
  /** The live session behind a cookie's value; notes that it was seen. */
  find(cookieValue: string): Promise<LiveSession | undefined>;
  /** The account's live sessions, newest first. */
  list(accountId: string): Promise<readonly SessionSummary[]>;
  /** Ends a session by its public handle, with every OAuth grant made in it, and tells the guards. */
  revoke(id: string): Promise<void>;
  /** Notes that an OAuth grant was made in a session. */
  recordGrant(id: string, grantId: string): Promise<void>;
  /** The live session an OAuth grant was made in. */
  findByGrant(grantId: string): Promise<LiveSession | undefined>;
}

export interface SessionsOptions {
  readonly db: Database;
  readonly feed: Feed;
  readonly ring: KeyRing;
  readonly now: () => number;
}

export function createSessions({ db, feed, ring, now }: SessionsOptions): Sessions {
  return { create, find, list, revoke, recordGrant, findByGrant };

  async function create(accountId: string, { methods, userAgent }: SessionOrigin = { methods: [] }) {
    const cookieValue = randomBytes(32).toString("base64url");
    const idHash = digest(cookieValue);
    const handle = randomUUID();
    const at = now();
    await db
      .insertInto("sessions")
      .values({
        id_hash: idHash,
        handle,
        account_id: accountId,
        sealed: seal(ring, { purpose: "session", recordId: handle }, JSON.stringify({ userAgent })),
        methods: methods.join(" "),
        authenticated_at_ms: at,
        created_at_ms: at,
        last_seen_at_ms: at,
        expires_at_ms: at + sessionLifetime.absoluteMs,
      })
      .execute();
    const session = await findLive("id_hash", idHash);
    return session === undefined ? undefined : { cookieValue, session: session.live };
  }

  async function find(cookieValue: string): Promise<LiveSession | undefined> {
    if (!isSessionValue(cookieValue)) return undefined;
    const idHash = digest(cookieValue);
    const found = await findLive("id_hash", idHash);
    if (found === undefined) return undefined;
    const at = now();
    if (at - found.lastSeenAtMs >= seenIntervalMs) {
      await db
        .updateTable("sessions")
        .set({ last_seen_at_ms: at })
        .where("id_hash", "=", idHash)
        .where("last_seen_at_ms", "<", at)
        .execute();
    }
    return found.live;
  }

  async function list(accountId: string): Promise<readonly SessionSummary[]> {
    const at = now();
    const rows = await db
      .selectFrom("sessions")
      .select(["handle", "sealed", "methods", "created_at_ms", "last_seen_at_ms", "expires_at_ms"])
      .where("account_id", "=", accountId)
      .where("expires_at_ms", ">", at)
      .where("last_seen_at_ms", ">", at - sessionLifetime.idleMs)
      .orderBy("created_at_ms", "desc")
      .orderBy("handle")
      .execute();
    return rows.map((row) => {
      const origin = open(ring, { purpose: "session", recordId: row.handle }, row.sealed);
      return {
        ...(JSON.parse(origin) as Pick<SessionOrigin, "userAgent">),
        id: row.handle,
        methods: readMethods(row.methods),
        createdAtMs: row.created_at_ms,
        lastSeenAtMs: row.last_seen_at_ms,
        expiresAtMs: row.expires_at_ms,
      };
    });
  }

  async function revoke(id: string): Promise<void> {
    await feed.transact((transaction, publish) => endSession(id, { transaction, publish, now }));
  }

  async function recordGrant(id: string, grantId: string): Promise<void> {
    await db
      .insertInto("session_grants")
      .values({ grant_hash: digest(grantId), session_handle: id })
      .execute();
  }

  async function findByGrant(grantId: string): Promise<LiveSession | undefined> {
    const grant = await db
      .selectFrom("session_grants")
      .select("session_handle")
      .where("grant_hash", "=", digest(grantId))
      .executeTakeFirst();
    return grant === undefined ? undefined : (await findLive("handle", grant.session_handle))?.live;
  }

  /** One statement for session, account and roles: nothing can change in between. */
  async function findLive(column: "id_hash" | "handle", value: string) {
    const at = now();
    const rows = await db
      .selectFrom("sessions")
      .innerJoin("accounts", "accounts.id", "sessions.account_id")
      .leftJoin("account_roles", "account_roles.account_id", "accounts.id")
      .select([
        "sessions.handle",
        "sessions.account_id",
        "sessions.methods",
        "sessions.authenticated_at_ms",
        "sessions.created_at_ms",
        "sessions.last_seen_at_ms",
        "sessions.expires_at_ms",
        "accounts.email",
        "accounts.claims",
        "account_roles.role",
      ])
      .where(`sessions.${column}`, "=", value)
      .where("sessions.expires_at_ms", ">", at)
      .where("sessions.last_seen_at_ms", ">", at - sessionLifetime.idleMs)
      .where("accounts.disabled_at_ms", "is", null)
      .orderBy("account_roles.role")
      .execute();
    const [first] = rows;
    if (first === undefined) return undefined;
    const methods = readMethods(first.methods);
    const live: LiveSession = Object.freeze({
      id: first.handle,
      accountId: first.account_id,
      email: first.email,
      roles: Object.freeze(rows.flatMap(({ role }) => role ?? [])),
      claims: parseClaims(first.claims),
      methods,
      assurance: assuranceOf(methods),
      authenticatedAtMs: first.authenticated_at_ms,
      createdAtMs: first.created_at_ms,
      expiresAtMs: first.expires_at_ms,
    });
    return { live, lastSeenAtMs: first.last_seen_at_ms };
  }
}

function readMethods(text: string): readonly string[] {
  return Object.freeze(text === "" ? [] : text.split(" "));
}
