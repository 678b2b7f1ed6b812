/** Holds an answer until it may be sent, for frameworks that write it at once. */
import type { ServerResponse } from "node:http";

type Writers = Record<"writeHead" | "write" | "end", (...parameters: unknown[]) => unknown>;

/**
 * Lets an answer out once `maySend` agrees to its status. The first attempt that it does not agree to calls `refuse` in
 * its place, and what the handler still writes then goes nowhere.
 */
export function holdAnswer(
  response: ServerResponse,
  maySend: (status: number) => boolean,
  refuse: () => void,
): void {
  const target = response as unknown as Writers;
  const { writeHead, write, end } = target;
  const silent: Writers = { writeHead: () => response, write: () => true, end: () => response };
  const held = (name: keyof Writers, original: Writers["end"]) => {
    return (...parameters: unknown[]) => {
      Object.assign(target, { writeHead, write, end });
      const status = name === "writeHead" ? Number(parameters[0]) : response.statusCode;
      if (maySend(status)) return original.apply(response, parameters);
      refuse();
      Object.assign(target, silent);
      return silent[name]();
    };
  };
  target.writeHead = held("writeHead", writeHead);
  target.write = held("write", write);
  target.end = held("end", end);
}
