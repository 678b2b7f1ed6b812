/**
 * An Open Policy Agent of one's own for a test file: the real server, on a free loopback port, with policies from a
 * temporary folder, gone when the test ends.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { findFreePort } from "./port.ts";

/** Rego modules (`orders.rego`) and data documents (`data.json`), by file name. */
export type OpaFiles = Readonly<Record<string, string>>;

export interface TestOpa {
  /** `http://127.0.0.1:…` */
  readonly url: string;
  /** Ends the server; `start` begins it again at the same address. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Ends it for good. */
  close(): Promise<void>;
}

const startTimeoutMs = 15_000;
const stopTimeoutMs = 5_000;
/** Another process may take the free port between finding and using it. */
const attempts = 3;

/** Why a test is skipped, for `t.skip(…)`, where there is no OPA. */
export const opaMissing = "OPA is not installed: no `opa` on PATH, in /usr/local/bin or in Go's bin";

/** OPA's path. Without one it is `undefined`; with `REQUIRE_SERVICES=1` that is a failure. */
export function findOpa(): string | undefined {
  const folders = [
    ...(process.env.PATH ?? "").split(delimiter),
    "/usr/local/bin",
    ...(process.env.GOPATH ?? "").split(delimiter).map((path) => join(path, "bin")),
    join(homedir(), "go", "bin"),
  ];
  const found = folders.map((folder) => join(folder, "opa")).find((path) => existsSync(path));
  if (found === undefined && process.env.REQUIRE_SERVICES === "1") throw new Error(opaMissing);
  return found;
}

/** Starts a server. Without OPA it is `undefined`, for the test to skip with `opaMissing`. */
export async function startOpa(files: OpaFiles, flags: readonly string[] = []): Promise<TestOpa | undefined> {
  const binary = findOpa();
  if (binary === undefined) return undefined;
  const folder = writeFiles(files);
  for (let attempt = 1; ; attempt += 1) {
    const port = await findFreePort();
    let server: ChildProcess | undefined;
    const start = async () => {
      server = await launch(binary, folder, port, flags);
    };
    const stop = async () => {
      if (server !== undefined) await end(server);
    };
    try {
      await start();
      return {
        url: `http://127.0.0.1:${port}`,
        start,
        stop,
        async close() {
          await stop();
          rmSync(folder, { recursive: true, force: true });
        },
      };
    } catch (error) {
      if (attempt < attempts) continue;
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }
}

/**
 * Compiles policies to a bundle, as `opa build -t wasm` does.
 *
 * @returns the path of `bundle.tar.gz`, in a folder of its own that `remove` removes; `undefined` without OPA.
 */
export async function buildBundle(files: OpaFiles, decisions: readonly string[]) {
  const binary = findOpa();
  if (binary === undefined) return undefined;
  const folder = writeFiles(files);
  const path = join(folder, "bundle.tar.gz");
  const build = async (changed: OpaFiles, output = path) => {
    const entrypoints = decisions.flatMap((decision) => ["-e", decision]);
    for (const [name, text] of Object.entries(changed)) writeFileSync(join(folder, name), text);
    const sources = Object.keys({ ...files, ...changed });
    const args = ["build", "-t", "wasm", ...entrypoints, "-o", output, ...sources];
    await promisify(execFile)(binary, args, { cwd: folder, timeout: startTimeoutMs });
  };
  await build({});
  return { path, folder, build, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

function writeFiles(files: OpaFiles): string {
  const folder = mkdtempSync(join(tmpdir(), "bulwark-opa-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

async function launch(
  binary: string,
  folder: string,
  port: number,
  flags: readonly string[],
): Promise<ChildProcess> {
  const args = ["run", "--server", "--addr", `127.0.0.1:${port}`, "--log-level", "error", ...flags, folder];
  const server = spawn(binary, args, { stdio: ["ignore", "ignore", "pipe"] });
  // A test process that ends without stopping it takes it along.
  const takeAlong = () => server.kill("SIGKILL");
  process.once("exit", takeAlong);
  server.once("exit", () => process.off("exit", takeAlong));
  let log = "";
  server.stderr.setEncoding("utf8").on("data", (text: string) => {
    if (log.length < 10_000) log += text;
  });
  const deadline = Date.now() + startTimeoutMs;
  while (!(await answers(port))) {
    if (server.exitCode !== null || Date.now() > deadline) {
      await end(server);
      throw new Error(`OPA did not start:\n${log}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return server;
}

async function answers(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(1_000) }).then(
    ({ status }) => status === 200,
    () => false,
  );
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  server.kill("SIGTERM");
  const timer = setTimeout(() => server.kill("SIGKILL"), stopTimeoutMs);
  await ended;
  clearTimeout(timer);
}
