/**
 * Keeps records of decisions in a file, one line of JSON each: what `bulwark policy diff` replays.
 *
 * Threats: a log that fills the disk (it is bounded, and so is what waits to be written); that others read (its mode is
 * 0600, and a link in its place is not followed); that slows answers down (writing is never waited for).
 */
import { constants } from "node:fs";
import { type FileHandle, open, rename } from "node:fs/promises";
import { checkRange } from "../contract/checks.ts";
import { refuseUnknownKeys } from "../contract/refusal.ts";
import type { DecisionRecord } from "../pipeline/decision-record.ts";

export interface RecordOptions {
  /**
   * The most a file holds, in bytes, 1,024 to 10,737,418,240; default 67,108,864 (64 MiB). When it is full it is renamed
   * to `<path>.1`, in place of an earlier one, and begun anew: at most twice this is kept.
   */
  readonly maxBytes?: number;
}

/** For `onDecision`. */
export interface DecisionRecorder {
  /**
   * @throws {Error} once after a write that failed, so that the guard tells of it: the disk is full, the file is gone.
   */
  (record: DecisionRecord): void;
  /** Records that were not written, because writing them failed or fell too far behind. */
  readonly dropped: number;
  /** Writes what waits, and closes the file. */
  close(): Promise<void>;
}

/** What may wait to be written, in characters. */
const mostWaiting = 4_194_304;
const defaultMaxBytes = 67_108_864;

/**
 * Opens the file, for its owner alone. Records are added to what it holds.
 *
 * @throws {ContractError} `option_unknown`, `option_invalid`
 * @throws {Error} where the path is no plain file of the process's own, or cannot be written
 * @example
 * const recorder = await recordDecisions("decisions.jsonl");
 * await app.register(bulwark, { security, onDecision: recorder });
 */
export async function recordDecisions(path: string, options: RecordOptions = {}): Promise<DecisionRecorder> {
  refuseUnknownKeys(options, ["maxBytes"], "recordDecisions");
  const maxBytes = checkRange(
    options.maxBytes ?? defaultMaxBytes,
    1_024,
    10_737_418_240,
    "recordDecisions.maxBytes",
  );
  let file = await openPrivate(path);
  let size = (await file.stat()).size;
  let waiting: string[] = [];
  let waitingLength = 0;
  let dropped = 0;
  let failure: Error | undefined;
  let writing: Promise<void> | undefined;
  let closed = false;

  const writeBatch = async (lines: readonly string[]) => {
    const batch = Buffer.from(lines.join(""));
    if (size > 0 && size + batch.length > maxBytes) {
      await rename(path, `${path}.1`);
      const full = file;
      file = await openPrivate(path);
      size = 0;
      await full.close();
    }
    await file.appendFile(batch);
    size += batch.length;
  };
  const writeAll = async () => {
    while (waiting.length > 0) {
      const lines = waiting;
      waiting = [];
      waitingLength = 0;
      try {
        await writeBatch(lines);
      } catch (error) {
        dropped += lines.length;
        failure = error instanceof Error ? error : new Error(String(error));
      }
    }
    writing = undefined;
  };

  const record = (decision: DecisionRecord): void => {
    const line = `${JSON.stringify(decision)}\n`;
    if (closed || waitingLength + line.length > mostWaiting || line.length > maxBytes) dropped += 1;
    else {
      waiting.push(line);
      waitingLength += line.length;
      writing ??= writeAll();
    }
    if (failure === undefined) return;
    const told = failure;
    failure = undefined;
    throw told;
  };
  return Object.defineProperties(record, {
    dropped: { get: () => dropped },
    close: {
      value: async () => {
        closed = true;
        await writing;
        await file.close();
      },
    },
  }) as DecisionRecorder;
}

/**
 * `O_NOFOLLOW`: in a shared folder, someone may have put a link to another file there. `O_NONBLOCK`: or a pipe, which
 * would be waited for.
 */
async function openPrivate(path: string): Promise<FileHandle> {
  const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  const file = await open(path, O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW | O_NONBLOCK, 0o600);
  try {
    const found = await file.stat();
    if (!found.isFile()) throw new Error(`${path} is no plain file.`);
    if (process.getuid !== undefined && found.uid !== process.getuid()) {
      throw new Error(`${path} belongs to another user.`);
    }
    await file.chmod(0o600);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}
