/**
 * The feed as server-sent events (WHATWG HTML §9.2), for guards in other processes.
 *
 * Threats: more connections than memory (bounded in number, and in what is kept for one that does not read); a
 * connection that outlives its key (it ends with the key's revocation, its expiry, or its owner).
 */
import { Readable } from "node:stream";
import type { ApiKey, FeedEvent } from "@bulwark/guard";
import type { Feed } from "../feed/feed.ts";
import type { GuardCaller } from "./guard-access.ts";

export interface FeedStreams {
  /** A stream for one guard; `undefined` where there are too many. @param after The last sequence it knows. */
  open(caller: GuardCaller, after: number | undefined): Readable | undefined;
  /** Ends all. */
  close(): void;
}

const mostStreams = 256;
const heartbeatMs = 5_000;
/** What is kept for a guard that reads slowly; the rest stays in the store until it has read. */
const mostUnsentBytes = 262_144;
/** What an ended stream has for its last bytes. */
const farewellMs = 1_000;
/** How long a client waits before it connects again. */
const retryMs = 500;

export function createFeedStreams({
  feed,
  now,
}: {
  readonly feed: Feed;
  readonly now: () => number;
}): FeedStreams {
  const streams = new Set<Readable>();
  return { open, close };

  function open({ key, isLive }: GuardCaller, after: number | undefined): Readable | undefined {
    if (streams.size >= mostStreams) return undefined;
    let drained: PromiseWithResolvers<void> | undefined;
    const stream = new Readable({
      read() {
        drained?.resolve();
        drained = undefined;
      },
    });
    let ended = false;
    let sentBytes = 0;
    let takenBytes = 0;
    const send = (text: string) => {
      if (ended || stream.destroyed) return;
      sentBytes += Buffer.byteLength(text);
      stream.push(text);
    };
    const finish = () => {
      if (ended) return;
      ended = true;
      endStream(stream);
    };
    // A store that cannot say whether the key lives says nothing in its favour.
    const confirm = () => isLive().then((live) => live || finish(), finish);

    streams.add(stream);
    send(`retry: ${retryMs}\n\n`);
    const unsubscribe = feed.subscribe(
      { after },
      {
        event(event, sequence) {
          send(format("feed", event, sequence));
          if (concerns(event, key) === "key") finish();
          else if (concerns(event, key) === "owner") void confirm();
        },
        synchronised: (sequence) => send(format("synchronised", {}, sequence)),
        lost: () => send(format("lost", {})),
        reset: () => send(format("reset", {})),
        whenReady() {
          if (stream.readableLength < mostUnsentBytes) return undefined;
          drained ??= Promise.withResolvers();
          return drained.promise;
        },
      },
    );
    const beat = () => {
      const taken = sentBytes - stream.readableLength;
      // Nothing was read since the last beat, though there was something to read: it resumes elsewhere, or is gone.
      if (stream.readableLength > 0 && taken === takenBytes) stream.destroy();
      else if (key.expiresAtMs !== undefined && key.expiresAtMs <= now()) finish();
      else send(":\n\n");
      takenBytes = taken;
    };
    const heartbeat = setInterval(beat, heartbeatMs).unref();
    stream.once("close", () => {
      clearInterval(heartbeat);
      unsubscribe();
      streams.delete(stream);
    });
    return stream;
  }

  function close(): void {
    for (const stream of streams) endStream(stream);
  }
}

/** Ends it after what is still to be sent, or soon without that: who does not read shall not hold up a server's end. */
function endStream(stream: Readable): void {
  if (stream.destroyed) return;
  stream.push(null);
  const timer = setTimeout(() => stream.destroy(), farewellMs).unref();
  stream.once("close", () => clearTimeout(timer));
}

/** Does an event end the key, or perhaps its owner's right to it? */
function concerns(event: FeedEvent, key: ApiKey): "key" | "owner" | undefined {
  if (event.kind !== "revoked") return undefined;
  if (event.apiKey === key.id) return "key";
  return event.subject === key.ownerId ? "owner" : undefined;
}

/** The id makes the next connection's `Last-Event-ID`. JSON has no line breaks. */
function format(name: string, data: object, sequence?: number): string {
  const id = sequence === undefined ? "" : `id: ${sequence}\n`;
  return `${id}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
