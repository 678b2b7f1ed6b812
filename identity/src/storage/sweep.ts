/**
 * Removes what has expired, a bounded number of rows at a time.
 *
 * Expiry is enforced where things are read; sweeping only keeps the tables small.
 */
import type { Database } from "./schema.ts";

export interface SweepOptions {
  readonly now: () => number;
  readonly sessionIdleMs: number;
  readonly feedRetentionMs: number;
}

/** Rows of one table removed in one statement: short enough never to be felt by a sign-in beside it. */
const batchRows = 500;
/** Batches in one sweep; what is left waits for the next. */
const batchesPerSweep = 20;
const intervalMs = 60_000;

/** Sweeps once a minute until stopped. It does not keep the process alive. */
export function startSweeping(db: Database, options: SweepOptions): { stop(): Promise<void> } {
  let running: Promise<void> = Promise.resolve();
  let idle = true;
  const timer = setInterval(() => {
    if (!idle) return;
    idle = false;
    // A failed sweep is tried again in a minute; whoever reads expired rows refuses them meanwhile.
    running = sweep(db, options).then(
      () => {},
      () => {},
    );
    void running.then(() => {
      idle = true;
    });
  }, intervalMs);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}

/** Removes expired sessions, OAuth artefacts and events, and says how many rows went. */
export async function sweep(db: Database, options: SweepOptions): Promise<number> {
  const { now, sessionIdleMs, feedRetentionMs } = options;
  const at = now();
  let removed = 0;
  for (let batch = 0; batch < batchesPerSweep; batch += 1) {
    const artifacts = await db
      .deleteFrom("oauth_artifacts")
      .where(({ eb, refTuple, selectFrom }) =>
        eb(
          refTuple("model", "id_hash"),
          "in",
          selectFrom("oauth_artifacts")
            .select(["model", "id_hash"])
            .where("expires_at_ms", "<=", at)
            .limit(batchRows)
            .$asTuple("model", "id_hash"),
        ),
      )
      .executeTakeFirst();
    const sessions = await db
      .deleteFrom("sessions")
      .where("id_hash", "in", (eb) =>
        eb
          .selectFrom("sessions")
          .select("id_hash")
          .where((where) =>
            where.or([where("expires_at_ms", "<=", at), where("last_seen_at_ms", "<=", at - sessionIdleMs)]),
          )
          .limit(batchRows),
      )
      .executeTakeFirst();
    const events = await sweepEvents(db, at - feedRetentionMs);
    const count = Number(artifacts.numDeletedRows + sessions.numDeletedRows) + events;
    removed += count;
    if (count === 0) break;
  }
  return removed;
}

/**
 * Removes the oldest events, up to the first that is still retained. The clocks of two processes may differ, so an
 * event's time may be before its predecessor's; removing by time alone would leave a gap, which reads as a loss.
 */
async function sweepEvents(db: Database, beforeMs: number): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom("feed_events")
    .where("sequence", "in", (eb) =>
      eb
        .selectFrom("feed_events")
        .select("sequence")
        .where("at_ms", "<=", beforeMs)
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom("feed_events as kept")
                .select("kept.sequence")
                .where("kept.at_ms", ">", beforeMs)
                .whereRef("kept.sequence", "<", "feed_events.sequence"),
            ),
          ),
        )
        .orderBy("sequence")
        .limit(batchRows),
    )
    .executeTakeFirst();
  return Number(numDeletedRows);
}
