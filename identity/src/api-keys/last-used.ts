/** Noting when a key was last used: beside the request, at most once a minute for each key. */
import type { Database } from "../storage/schema.ts";

export interface LastUsed {
  /** Notes a use, if the last noted one is a minute old. Returns at once and never fails. */
  note(id: string, lastUsedAtMs: number | null): void;
  /** Waits until every note is written. */
  settle(): Promise<void>;
}

const intervalMs = 60_000;

export function createLastUsed({ db, now }: { readonly db: Database; readonly now: () => number }): LastUsed {
  const pending = new Map<string, Promise<void>>();
  return { note, settle };

  function note(id: string, lastUsedAtMs: number | null): void {
    const at = now();
    // A burst of requests that all saw the old time writes once.
    if (pending.has(id) || (lastUsedAtMs !== null && at - lastUsedAtMs < intervalMs)) return;
    // A note that fails is made again at the next use; the key itself was found, and stays good.
    const done = () => void pending.delete(id);
    pending.set(id, write(id, at).then(done, done));
  }

  async function write(id: string, at: number): Promise<void> {
    await db
      .updateTable("api_keys")
      .set({ last_used_at_ms: at })
      .where("id", "=", id)
      .where(({ eb, or }) => or([eb("last_used_at_ms", "is", null), eb("last_used_at_ms", "<", at)]))
      .execute();
  }

  async function settle(): Promise<void> {
    await Promise.all(pending.values());
  }
}
