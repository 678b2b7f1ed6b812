/** The program as its user runs it: a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export const password = "a long demonstration password";
export const clientSecret = "a-long-random-looking-client-secret-0123456789";

const main = fileURLToPath(new URL("../main.ts", import.meta.url));
const startTimeoutMs = 20_000;
const stopTimeoutMs = 5_000;

export interface Program {
  readonly origin: string;
  /** The identity server's origin. */
  readonly issuer: string;
  readonly dataFolder: string;
  /** Everything it has printed. */
  output(): string;
  /** Stops it and waits for its end; its data stays. */
  stop(): Promise<void>;
}

export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Starts the program and waits until it answers.
 *
 * @param identityPort Where the identity server has an origin of its own.
 */
export async function startProgram(
  dataFolder: string,
  port: number,
  settings = {},
  identityPort = port,
): Promise<Program> {
  const child = launch(dataFolder, port, { BULWARK_IDENTITY_PORT: String(identityPort), ...settings });
  const origin = `http://localhost:${port}`;
  const deadline = Date.now() + startTimeoutMs;
  while (!(await answers(origin))) {
    if (child.process.exitCode !== null || Date.now() > deadline) {
      child.process.kill("SIGKILL");
      throw new Error(`The program did not start:\n${child.stdout()}${child.stderr()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return {
    origin,
    issuer: `http://localhost:${identityPort}`,
    dataFolder,
    output: () => child.stdout() + child.stderr(),
    stop: () => stop(child.process),
  };
}

/** Runs the program to its end, for starts that must fail. */
export async function runToEnd(dataFolder: string, port: number | string, settings = {}): Promise<Ended> {
  const child = launch(dataFolder, port, settings);
  const timer = setTimeout(() => child.process.kill("SIGKILL"), startTimeoutMs);
  if (child.process.exitCode === null) await once(child.process, "close");
  clearTimeout(timer);
  return { exitCode: child.process.exitCode, stdout: child.stdout(), stderr: child.stderr() };
}

function launch(dataFolder: string, port: number | string, settings: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env.PATH,
      PORT: String(port),
      BULWARK_DATA: dataFolder,
      BULWARK_DEMO_PASSWORD: password,
      BULWARK_DEMO_CLIENT_SECRET: clientSecret,
      ...settings,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    output.stderr += chunk;
  });
  return { process: child, stdout: () => output.stdout, stderr: () => output.stderr };
}

async function answers(origin: string): Promise<boolean> {
  return fetch(`${origin}/health`, { signal: AbortSignal.timeout(1_000) }).then(
    ({ status }) => status === 200,
    () => false,
  );
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const timer = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
  child.kill("SIGTERM");
  await once(child, "exit");
  clearTimeout(timer);
}
