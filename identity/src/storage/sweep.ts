/**
 * Removes what has expired, a bounded number of rows at a time.
 *
 * Expiry is enforced where things are read; sweeping only keeps the tables small.
 */
import type { Database } from "./schema.ts";

export interface SweepOptions {
  readonly now: () => number;
  readonly sessionIdleMs: number;
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

/** Removes expired sessions and OAuth artefacts, and says how many rows went. */
export async function sweep(db: Database, { now, sessionIdleMs }: SweepOptions): Promise<number> {
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
    const count = Number(artifacts.numDeletedRows + sessions.numDeletedRows);
    removed += count;
    if (count === 0) break;
  }
  return removed;
}
