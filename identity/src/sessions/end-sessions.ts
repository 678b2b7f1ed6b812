/** Ending sessions inside a transaction: their rows, every OAuth grant made in them, and the events that tell of it. */
import type { Transaction } from "kysely";
import type { Publish } from "../feed/feed.ts";
import type { Tables } from "../storage/schema.ts";

export interface EndSessionsContext {
  readonly transaction: Transaction<Tables>;
  readonly publish: Publish;
  readonly now: () => number;
}

/** Ends one session, by its public handle. Told even where it is gone already: its tokens may have outlived it. */
export async function endSession(handle: string, context: EndSessionsContext): Promise<void> {
  await removeSessions("handle", handle, context);
  context.publish({ kind: "revoked", session: handle, beforeMs: context.now() });
}

/**
 * Ends all sessions of an account, and revokes what it was issued until now. Each session is told as well: a token
 * that another process issues at this very moment may carry a later time, but it carries its session's handle.
 */
export async function endSessionsOf(accountId: string, context: EndSessionsContext): Promise<void> {
  const handles = await removeSessions("account_id", accountId, context);
  const beforeMs = context.now();
  for (const session of handles) context.publish({ kind: "revoked", session, beforeMs });
  context.publish({ kind: "revoked", subject: accountId, beforeMs });
}

/** Removes sessions with their grants' records, and says which they were. */
async function removeSessions(
  column: "handle" | "account_id",
  value: string,
  { transaction }: EndSessionsContext,
): Promise<readonly string[]> {
  // Locks the sessions first, whoever ends them: in one order of locks there is no deadlock.
  const ended = await transaction
    .updateTable("sessions")
    .set({ expires_at_ms: 0 })
    .where(column, "=", value)
    .returning("handle")
    .execute();
  // The grants' records go before the sessions' rows: after them the list of grants is gone too.
  await transaction
    .deleteFrom("oauth_artifacts")
    .where("grant_hash", "in", (eb) =>
      eb
        .selectFrom("session_grants")
        .innerJoin("sessions", "sessions.handle", "session_grants.session_handle")
        .select("session_grants.grant_hash")
        .where(`sessions.${column}`, "=", value)
        .where("sessions.expires_at_ms", "=", 0),
    )
    .execute();
  await transaction.deleteFrom("sessions").where(column, "=", value).where("expires_at_ms", "=", 0).execute();
  return ended.map(({ handle }) => handle);
}
