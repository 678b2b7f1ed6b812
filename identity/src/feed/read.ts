/** Reading events: a page of them, and how far the feed goes, as of one instant. */
import type { FeedEvent } from "@bulwark/guard";
import type { Database } from "../storage/schema.ts";

export interface FeedPage {
  /** The newest sequence there is, whether its event is still retained or not. */
  readonly head: number;
  /** In order, without gaps. */
  readonly events: readonly { readonly sequence: number; readonly event: FeedEvent }[];
  /** Whether no event of that instant comes after these. */
  readonly complete: boolean;
}

const pageRows = 500;

/** One statement: between head and events nothing can be published or swept. */
export async function readEvents(db: Database, after: number): Promise<FeedPage> {
  const rows = await db
    .selectFrom("feed_cursor")
    .leftJoin("feed_events", (join) => join.on("feed_events.sequence", ">", after))
    .select(["feed_cursor.sequence as head", "feed_events.sequence", "feed_events.event"])
    .orderBy("feed_events.sequence")
    .limit(pageRows)
    .execute();
  const [first] = rows;
  if (first === undefined) throw new TypeError("The feed has no cursor.");
  const events = rows.flatMap(({ sequence, event }) =>
    sequence === null || event === null ? [] : [{ sequence, event: JSON.parse(event) as FeedEvent }],
  );
  return { head: first.head, events, complete: rows.length < pageRows };
}
