/** A subscriber that writes down what it is told, in order. */
import { setTimeout } from "node:timers/promises";
import type { FeedEvent, FeedSubscriber } from "@bulwark/guard";

export interface FeedRecorder extends FeedSubscriber {
  event(event: FeedEvent, sequence?: number): void;
  /** `event`, `synchronised`, `lost`, `reset`: the calls, in order. */
  readonly calls: readonly string[];
  readonly events: readonly FeedEvent[];
  readonly sequences: readonly number[];
  /** Resolves when it holds, at the latest in ten seconds. */
  until(condition: (recorder: FeedRecorder) => boolean): Promise<void>;
}

export function createFeedRecorder(): FeedRecorder {
  const calls: string[] = [];
  const events: FeedEvent[] = [];
  const sequences: number[] = [];
  const recorder: FeedRecorder = {
    calls,
    events,
    sequences,
    event(event, sequence = 0) {
      calls.push("event");
      events.push(event);
      sequences.push(sequence);
    },
    synchronised: () => void calls.push("synchronised"),
    lost: () => void calls.push("lost"),
    reset: () => void calls.push("reset"),
    async until(condition) {
      for (let waitedMs = 0; !condition(recorder); waitedMs += 10) {
        if (waitedMs > 10_000) throw new Error(`Told only: ${calls.join(" ")}`);
        await setTimeout(10);
      }
    },
  };
  return recorder;
}

export const isSynchronised = ({ calls }: FeedRecorder) => calls.at(-1) === "synchronised";
