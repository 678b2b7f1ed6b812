/**
 * Follows an identity server's feed over HTTP: connects, resumes where it was, and says when it does not hear.
 *
 * The server keeps events; `Last-Event-ID` names the last one heard, so that nothing between two connections is missed.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type FeedSubscriber, readFeedEvent } from "../feed/feed.ts";
import { readEvents } from "./event-stream.ts";

export interface FollowFeedOptions {
  readonly url: URL;
  readonly authorization: string;
  readonly subscriber: FeedSubscriber;
}

/** The server sends something every five seconds: three times nothing is nothing. */
const silenceMs = 15_000;
const connectTimeoutMs = 5_000;
const leastWaitMs = 100;
/** A server that is back is heard within a second. */
const mostWaitMs = 1_000;

/** @returns ends it. */
export function followFeed({ url, authorization, subscriber }: FollowFeedOptions): () => void {
  const end = new AbortController();
  let lastId = "";
  let waitMs = leastWaitMs;

  const follow = async () => {
    while (!end.signal.aborted) {
      try {
        await connect();
      } catch {
        // Whatever ended the stream, the answer is the same: say so, and connect again.
      }
      if (end.signal.aborted) return;
      subscriber.lost();
      // Spread, so that the guards of one server do not all come back at once.
      const spreadMs = waitMs * (0.5 + Math.random() / 2);
      waitMs = Math.min(waitMs * 2, mostWaitMs);
      await sleep(spreadMs, undefined, { ref: false, signal: end.signal }).catch(() => {});
    }
  };

  const connect = async () => {
    const connection = new AbortController();
    const signal = AbortSignal.any([end.signal, connection.signal]);
    let timer = setTimeout(() => connection.abort(), connectTimeoutMs);
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => connection.abort(), silenceMs);
      timer.unref();
    };
    timer.unref();
    try {
      const headers = { authorization, accept: "text/event-stream" };
      const response = await fetch(url, {
        headers: lastId === "" ? headers : { ...headers, "last-event-id": lastId },
        redirect: "error",
        signal,
      });
      if (response.status !== 200 || response.body === null) throw new Error("No feed.");
      alive();
      for await (const { name, data, id } of readEvents(response.body, alive)) {
        hear(name, data);
        if (id !== "") lastId = id;
      }
    } finally {
      clearTimeout(timer);
      connection.abort();
    }
  };

  const hear = (name: string, data: string) => {
    if (name === "feed") {
      const event = readFeedEvent(JSON.parse(data));
      // A newer server may tell of things that this guard does not know: they are not its to act upon.
      if (event !== undefined) subscriber.event(event);
    } else if (name === "synchronised") {
      waitMs = leastWaitMs;
      subscriber.synchronised();
    } else if (name === "lost") {
      subscriber.lost();
    } else if (name === "reset") {
      subscriber.reset();
    }
  };

  follow();
  return () => end.abort();
}
