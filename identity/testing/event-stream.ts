/** A client of server-sent events that keeps everything it receives, as a guard's connection would see it. */
import { setTimeout } from "node:timers/promises";

interface ServerSentEvent {
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly data: unknown;
}

export interface EventStream {
  readonly response: Response;
  readonly events: readonly ServerSentEvent[];
  /** Comment lines received. */
  readonly comments: number;
  /** Everything received, as text. */
  readonly text: string;
  /** Whether the server has ended it. */
  readonly ended: boolean;
  until(condition: (stream: EventStream) => boolean, timeoutMs?: number): Promise<void>;
  close(): void;
}

export async function openEventStream(
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<EventStream> {
  const abort = new AbortController();
  const response = await fetch(url, { headers, signal: abort.signal });
  let text = "";
  let ended = false;
  const stream: EventStream = {
    response,
    get events() {
      return blocksOf(text).flatMap(readEvent);
    },
    get comments() {
      return blocksOf(text).filter((block) => block.startsWith(":")).length;
    },
    get text() {
      return text;
    },
    get ended() {
      return ended;
    },
    async until(condition, timeoutMs = 10_000) {
      for (let waitedMs = 0; !condition(stream); waitedMs += 5) {
        if (waitedMs > timeoutMs) throw new Error(`Received only:\n${text}`);
        await setTimeout(5);
      }
    },
    close: () => abort.abort(),
  };
  void read().catch(() => {
    ended = true;
  });
  return stream;

  async function read(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? [])
      text += decoder.decode(chunk as Uint8Array, { stream: true });
    ended = true;
  }
}

function blocksOf(text: string): string[] {
  return text.split("\n\n").slice(0, -1);
}

function readEvent(block: string): ServerSentEvent[] {
  const fields = new Map(
    block.split("\n").map((line) => {
      const colon = line.indexOf(": ");
      return [line.slice(0, colon), line.slice(colon + 2)] as const;
    }),
  );
  const data = fields.get("data");
  if (data === undefined) return [];
  return [{ id: fields.get("id"), event: fields.get("event"), data: JSON.parse(data) }];
}
