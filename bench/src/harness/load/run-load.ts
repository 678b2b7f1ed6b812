/**
 * The load itself: keep-alive connections over raw sockets, each sending its next request when the last one is
 * answered (closed loop, no pipelining). All connections draw from one rotation, so the order of tokens is strict.
 *
 * Requests are bytes made beforehand and receive buffers are kept, because the load must cost less per request than
 * the cheapest server. Any answer but the expected one ends the run: a fast refusal is not a result.
 */
import { connect, type Socket } from "node:net";
import { readCpuSeconds } from "../cpu-time.ts";
import { host } from "../server.ts";
import type { LoadJob, LoadReport, LoadRequest } from "./job.ts";
import { type Answer, createResponseReader } from "./response-reader.ts";

/** The rotation on one port. It is kept between stretches, so that a token does not come round early. */
export interface Rotation {
  next(): RotationEntry;
}

interface RotationEntry {
  readonly request: LoadRequest;
  readonly bytes: Buffer;
}

/** The first answer that was not the expected one, or a connection that broke. */
export class LoadFailure extends Error {
  override readonly name = "LoadFailure";
}

const receiveBufferBytes = 16_384;
const silenceLimitMs = 5_000;
const minAnswersPollMs = 50;
const maxShownCharacters = 1_500;

/** @throws {RangeError} no requests */
export function createRotation(requests: readonly LoadRequest[], port: number): Rotation {
  const entries = requests.map((request) => ({ request, bytes: requestBytes(request, port) }));
  let index = 0;
  return {
    next() {
      const entry = entries[index];
      if (entry === undefined) throw new RangeError("A rotation needs at least one request.");
      index = index + 1 === entries.length ? 0 : index + 1;
      return entry;
    },
  };
}

/**
 * Puts one stretch of load on a server.
 *
 * @throws {LoadFailure} an unexpected answer, a broken connection, or silence
 */
export async function runLoad(rotation: Rotation, job: LoadJob): Promise<LoadReport> {
  const { promise: failed, reject: fail } = Promise.withResolvers<never>();
  // Handled by the race below; a second failure after the first is not news.
  failed.catch(() => {});
  const progress = { answers: 0, stopping: false };
  const opening = Array.from({ length: job.connections }, () =>
    openConnection(job.port, rotation, progress, fail),
  );
  const silence = watchForSilence(progress, fail);
  try {
    await Promise.race([Promise.all(opening.map(({ connected }) => connected)), failed]);
    for (const { sendNext } of opening) sendNext();
    stayAwake(progress);
    return await Promise.race([measure(job, progress), failed]);
  } finally {
    clearInterval(silence);
    progress.stopping = true;
    for (const { socket } of opening) socket.destroy();
  }
}

interface Progress {
  answers: number;
  stopping: boolean;
}

interface Connection {
  readonly socket: Socket;
  readonly connected: Promise<void>;
  sendNext(): void;
}

function openConnection(
  port: number,
  rotation: Rotation,
  progress: Progress,
  fail: (reason: LoadFailure) => void,
): Connection {
  const reader = createResponseReader();
  const { promise: connected, resolve } = Promise.withResolvers<void>();
  let entry: RotationEntry | undefined;

  // `onread` hands over the received bytes without the stream machinery and without a new buffer per read.
  const socket = connect({
    host,
    port,
    noDelay: true,
    onread: {
      buffer: Buffer.allocUnsafeSlow(receiveBufferBytes),
      callback(length, buffer) {
        receive(buffer.subarray(0, length));
        return true;
      },
    },
  });
  socket.once("connect", () => resolve());
  socket.once("error", (cause) => end(`broke: ${cause.message}`));
  socket.once("close", () => end("was closed by the server"));

  function sendNext(): void {
    entry = rotation.next();
    socket.write(entry.bytes);
  }

  function receive(chunk: Uint8Array): void {
    if (progress.stopping) return;
    try {
      const answer = reader.push(chunk);
      if (answer === undefined) return;
      if (entry === undefined) throw new LoadFailure("The server answered before it was asked.");
      expectRight(answer, entry.request);
      progress.answers++;
      sendNext();
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      const shown = cause instanceof LoadFailure ? "" : `\n${excerpt(chunk)}`;
      fail(new LoadFailure(reason + shown, { cause }));
      progress.stopping = true;
    }
  }

  function end(how: string): void {
    if (!progress.stopping) fail(new LoadFailure(`A connection ${how}.`));
  }

  return { socket, connected, sendNext };
}

function expectRight(answer: Answer, { method, path, expectedBodyBytes }: LoadRequest): void {
  if (answer.status === 200 && answer.bodyBytes === expectedBodyBytes) return;
  throw new LoadFailure(
    `${method} ${path} was to be answered 200 with ${expectedBodyBytes} bytes, not:\n${excerpt(answer.bytes)}`,
  );
}

/** An answer, not a request: no token is in it. */
function excerpt(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1").slice(0, maxShownCharacters);
}

async function measure(job: LoadJob, progress: Progress): Promise<LoadReport> {
  await sleep(job.leadInMs);
  const start = takeReading(job, progress);
  await sleep(job.seconds * 1_000);
  while (progress.answers - start.answers < (job.minAnswers ?? 0) && !progress.stopping)
    await sleep(minAnswersPollMs);
  const end = takeReading(job, progress);

  const answers = end.answers - start.answers;
  const seconds = (end.atMs - start.atMs) / 1_000;
  return {
    answers,
    seconds,
    requestsPerSecond: answers / seconds,
    ...(start.serverCpuSeconds !== undefined && end.serverCpuSeconds !== undefined
      ? { serverCpuShare: (end.serverCpuSeconds - start.serverCpuSeconds) / seconds }
      : {}),
    loadCpuShare: (end.loadCpuSeconds - start.loadCpuSeconds) / seconds,
  };
}

function takeReading({ serverPid }: LoadJob, { answers }: Progress) {
  const { user, system } = process.cpuUsage();
  return {
    answers,
    atMs: performance.now(),
    serverCpuSeconds: readCpuSeconds(serverPid),
    loadCpuSeconds: (user + system) / 1_000_000,
  };
}

/**
 * Never lets the load's core sleep. A server's write to a sleeping peer pays for waking it, often more than for the
 * request itself, and the slower the server, the more often its peer is asleep: that would be measured as the
 * server's own work. A core that always works also slows its neighbour alike for every server.
 */
function stayAwake(progress: Progress): void {
  if (!progress.stopping) setImmediate(stayAwake, progress);
}

function watchForSilence(progress: Progress, fail: (reason: LoadFailure) => void): NodeJS.Timeout {
  let before = progress.answers;
  return setInterval(() => {
    if (progress.answers === before) fail(new LoadFailure(`No answer for ${silenceLimitMs / 1_000} s.`));
    before = progress.answers;
  }, silenceLimitMs);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function requestBytes({ method, path, headers }: LoadRequest, port: number): Buffer {
  const lines = Object.entries({ host: `${host}:${port}`, ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  return Buffer.from(`${[`${method} ${path} HTTP/1.1`, ...lines].join("\r\n")}\r\n\r\n`, "latin1");
}
