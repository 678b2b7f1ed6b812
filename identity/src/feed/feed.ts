/**
 * The feed: what was revoked or changed, in one order, told to every subscriber exactly once.
 *
 * The table is the source of truth; the loop below only reads it. A subscriber of this process is called before the
 * revoking call's promise resolves; one of another process on the same database when its poll finds the event.
 * Threat: a revocation that a guard never hears of. Sequences have no gaps (see `publish.ts`), so whatever a subscriber
 * missed shows, and is answered with `reset`: never with silence.
 */
import { setImmediate } from "node:timers/promises";
import type { FeedEvent } from "@bulwark/guard";
import type { Transaction } from "kysely";
import type { Database, Tables } from "../storage/schema.ts";
import { type Publication, writeEvents } from "./publish.ts";
import { type FeedPage, readEvents } from "./read.ts";

/** What a subscription calls, in order. None of it throws. */
interface FeedListener {
  event(event: FeedEvent, sequence: number): void;
  /** Everything up to this sequence has been told; from here events come as they happen. */
  synchronised(sequence: number): void;
  /** The store does not answer: events may be missing until `synchronised` is called again. */
  lost(): void;
  /** Events were missed for good. All that are retained follow. */
  reset(): void;
  /** For one that cannot take everything at once: `undefined`, or when to go on. */
  whenReady?(): Promise<void> | undefined;
}

/** Notes an event, to be written as the last act of the transaction. */
export type Publish = (event: Publication) => void;

export interface Feed {
  /**
   * Makes a change and tells of it: both, or neither. The work's first statement must be a write: on SQLite a
   * transaction that begins by reading cannot wait for another process's write.
   *
   * @returns what the work returns, once the subscribers of this process were called.
   */
  transact<Result>(
    work: (transaction: Transaction<Tables>, publish: Publish) => Promise<Result>,
  ): Promise<Result>;
  /**
   * Tells what is retained, then what happens.
   *
   * @param options `after`: the sequence of the last event known; without it, all that are retained are told.
   * @returns ends the subscription.
   */
  subscribe(options: { readonly after?: number | undefined }, listener: FeedListener): () => void;
  /** Ends every subscription with `lost`, and waits for the reading under way. */
  close(): Promise<void>;
}

interface Subscription {
  readonly listener: FeedListener;
  /** The last sequence told; `undefined`: begin with the oldest that is retained. */
  last: number | undefined;
  state: "connecting" | "synchronised" | "lost";
}

const pollMs = 250;
/** A read that takes longer is told as lost, until it ends well. */
const slowMs = 2_000;

export function createFeed({ db, now }: { readonly db: Database; readonly now: () => number }): Feed {
  const subscriptions = new Set<Subscription>();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let following: Promise<void> | undefined;
  let closed = false;
  return { transact, subscribe, close };

  async function transact<Result>(
    work: (transaction: Transaction<Tables>, publish: Publish) => Promise<Result>,
  ): Promise<Result> {
    const { result, published } = await db.transaction().execute(async (transaction) => {
      const publications: Publication[] = [];
      const made = await work(transaction, (publication) => publications.push(publication));
      if (publications.length > 0) await writeEvents(transaction, publications, now());
      return { result: made, published: publications.length > 0 };
    });
    if (published) await deliver();
    return result;
  }

  function subscribe({ after }: { readonly after?: number | undefined }, listener: FeedListener) {
    if (closed) {
      listener.lost();
      return () => {};
    }
    const subscription: Subscription = { listener, last: after, state: "connecting" };
    subscriptions.add(subscription);
    timer ??= setInterval(() => running ?? void deliver(), pollMs).unref();
    void deliver();
    return () => end(subscription);
  }

  function end(subscription: Subscription): void {
    subscriptions.delete(subscription);
    if (subscriptions.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  }

  async function close(): Promise<void> {
    closed = true;
    for (const subscription of subscriptions) {
      lose(subscription);
      end(subscription);
    }
    await following;
    await running;
  }

  /**
   * Reads and tells what is new; resolves when all that was committed before the call has been told. Only one loop
   * runs: what two would read at once could be told twice, or out of order.
   */
  function deliver(): Promise<void> {
    if (running === undefined) {
      running = run().finally(() => {
        running = undefined;
      });
      return running;
    }
    // The loop under way may have read before the caller's commit: one more follows, for all who ask meanwhile. Should
    // it fail (a listener threw), whoever began it is told; those who follow must not fail with it for ever.
    const follow = () => {
      following = undefined;
      return deliver();
    };
    following ??= running.then(follow, follow);
    return following;
  }

  async function run(): Promise<void> {
    const waiting = new Set<Subscription>();
    for (let complete = false; !complete; ) {
      const receivers = [...subscriptions].filter((subscription) => !waiting.has(subscription));
      if (receivers.length === 0) return;
      const page = await readPage(Math.min(...receivers.map(({ last }) => last ?? 0)));
      if (page === undefined) return receivers.forEach(lose);
      complete = page.complete;
      for (const receiver of receivers) {
        const handed = hand(receiver, page);
        // One that must begin anew needs events from before this page. One that is full holds up nobody else.
        if (handed === "again") complete = false;
        if (handed === "full") waiting.add(receiver);
      }
      // On SQLite a read waits for nothing: without this nothing else would be served until the last page is told.
      if (!complete) await setImmediate();
    }
  }

  async function readPage(after: number): Promise<FeedPage | undefined> {
    const slow = setTimeout(() => subscriptions.forEach(lose), slowMs).unref();
    try {
      return await readEvents(db, after);
    } catch {
      // Told to the subscribers as `lost`, and tried again at the next poll.
      return undefined;
    } finally {
      clearTimeout(slow);
    }
  }

  /** Tells a subscriber its part of a page. */
  function hand(subscription: Subscription, page: FeedPage): "done" | "again" | "full" {
    const { listener } = subscription;
    if (!subscriptions.has(subscription)) return "done";
    if (hasMissed(subscription.last, page)) {
      subscription.last = undefined;
      subscription.state = "connecting";
      listener.reset();
      return "again";
    }
    for (const { event, sequence } of page.events) {
      if (sequence <= (subscription.last ?? 0)) continue;
      const ready = listener.whenReady?.();
      if (ready !== undefined) {
        void ready.then(deliver);
        return "full";
      }
      // Before the call: no event is told twice, whatever the listener does.
      subscription.last = sequence;
      listener.event(event, sequence);
      if (!subscriptions.has(subscription)) return "done";
    }
    if (!page.complete) return "done";
    subscription.last = page.head;
    if (subscription.state !== "synchronised") {
      subscription.state = "synchronised";
      listener.synchronised(page.head);
    }
    return "done";
  }

  function lose(subscription: Subscription): void {
    if (subscription.state === "lost" || !subscriptions.has(subscription)) return;
    subscription.state = "lost";
    subscription.listener.lost();
  }
}

/**
 * Were events swept before they were told, or is what was told not of this history (a backup was restored)? Sequences
 * have no gaps and only the oldest are swept, so the first event after `last` is its successor or something is missing.
 */
function hasMissed(last: number | undefined, { head, events, complete }: FeedPage): boolean {
  if (last === undefined) return false;
  if (last > head) return true;
  const next = events.find(({ sequence }) => sequence > last);
  return next === undefined ? complete && last < head : next.sequence > last + 1;
}
