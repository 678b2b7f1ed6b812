/**
 * Writing events, with sequences whose order is the order of commits.
 *
 * A database's own sequence is handed out before the commit: on PostgreSQL a reader could see 8 while 7 is still under
 * way, go on from 8, and never see 7. Here the numbers come from one row, whose lock is held until the commit: who takes
 * 8 has waited until 7 is visible to everyone or was rolled back, and then 7 is given out again. So there are no gaps
 * either. Events are written as a transaction's last act: the lock is short, and no other lock is asked for while
 * holding it, so it takes part in no deadlock.
 */
import type { FeedEvent } from "@bulwark/guard";
import type { Transaction } from "kysely";
import type { Tables } from "../storage/schema.ts";

/** An event to be written; the version of a change of roles is its sequence. */
export type Publication = Exclude<FeedEvent, { readonly kind: "roles" }> | { readonly kind: "roles" };

/** Rows in one statement: far fewer bound values than either database's limit. */
const rowsAtOnce = 500;

export async function writeEvents(
  transaction: Transaction<Tables>,
  publications: readonly Publication[],
  atMs: number,
): Promise<void> {
  const { sequence: last } = await transaction
    .updateTable("feed_cursor")
    .set((eb) => ({ sequence: eb("sequence", "+", publications.length) }))
    .returning("sequence")
    .executeTakeFirstOrThrow();
  const first = last - publications.length + 1;
  const rows = publications.map((publication, index) => ({
    sequence: first + index,
    event: JSON.stringify(toEvent(publication, first + index)),
    at_ms: atMs,
  }));
  for (let start = 0; start < rows.length; start += rowsAtOnce) {
    await transaction
      .insertInto("feed_events")
      .values(rows.slice(start, start + rowsAtOnce))
      .execute();
  }
}

function toEvent(publication: Publication, sequence: number): FeedEvent {
  return publication.kind === "roles" ? { kind: "roles", version: sequence } : publication;
}
