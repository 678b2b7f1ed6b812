/** Reads server-sent events (WHATWG HTML §9.2) from an answer's body, bounded. */

export interface StreamedEvent {
  /** `message` where the stream named none. */
  readonly name: string;
  readonly data: string;
  /** The last id the stream gave, at or before this event. */
  readonly id: string;
}

const maxEventLength = 64 * 1024;

/**
 * The events of a stream, until it ends.
 *
 * @param alive Called with everything that arrives, comments included: who listens knows that the other side lives.
 * @throws {Error} where an event is longer than any that is expected.
 */
export async function* readEvents(
  body: AsyncIterable<Uint8Array>,
  alive: () => void,
): AsyncGenerator<StreamedEvent> {
  const decoder = new TextDecoder();
  let rest = "";
  let name = "";
  let data: string[] = [];
  let id = "";
  let length = 0;
  for await (const chunk of body) {
    alive();
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      length += line.length;
      if (line === "") {
        if (data.length > 0 || name !== "") yield { name: name || "message", data: data.join("\n"), id };
        name = "";
        data = [];
        length = 0;
        continue;
      }
      const [, field = "", value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
      if (field === "event") name = value;
      else if (field === "data") data.push(value);
      else if (field === "id" && !value.includes("\0")) id = value;
    }
    if (length + rest.length > maxEventLength) throw new Error(`An event is longer than ${maxEventLength}.`);
  }
}
