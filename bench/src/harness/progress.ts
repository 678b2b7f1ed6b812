/** What a run says while it works: one line that is rewritten on a terminal, plain lines everywhere else. */

export interface Progress {
  /** What is going on now; replaces the line before on a terminal. */
  update(line: string): void;
  /** Removes the line, so that what follows stands alone. */
  clear(): void;
}

/** The part of `process.stderr` that is needed. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const rewriteLine = "\r\u001b[2K";

export function createProgress(stream: ProgressStream): Progress {
  if (stream.isTTY !== true) return { update: (line) => void stream.write(`${line}\n`), clear: () => {} };
  return {
    update: (line) => void stream.write(`${rewriteLine}${line}`),
    clear: () => void stream.write(rewriteLine),
  };
}
