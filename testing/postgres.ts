/**
 * A PostgreSQL of one's own for a test file: a fresh cluster in a temporary folder, on a free loopback port,
 * gone when the test ends.
 *
 * Nothing is shared between test files, so they can run in parallel processes. Durability is switched off: a
 * test's cluster does not outlive it.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { findFreePort } from "./port.ts";

export interface TestPostgres {
  /** `postgres://…` of an empty database, as a superuser. */
  readonly url: string;
  /** Kills the server at once, as a crash would; a later `stop` still cleans up. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

const startTimeoutMs = 30_000;
const stopTimeoutMs = 10_000;
/** Another process may take the free port between finding and using it. */
const attempts = 3;

/** Why a test is skipped, for `t.skip(…)`, where `startPostgres` finds nothing to start. */
export const postgresMissing = "PostgreSQL is not installed: no `initdb` on PATH or in /usr/lib/postgresql";

/**
 * Starts a cluster. Without PostgreSQL it is `undefined`, for the test to skip with `postgresMissing`; with
 * `REQUIRE_SERVICES=1` that is a failure.
 */
export async function startPostgres(): Promise<TestPostgres | undefined> {
  const binaries = findBinaries();
  if (binaries === undefined) {
    if (process.env.REQUIRE_SERVICES === "1") throw new Error(postgresMissing);
    return undefined;
  }
  const identity = await findIdentity();
  const folder = mkdtempSync(join(tmpdir(), "bulwark-postgres-"));
  if (identity !== undefined) chownSync(folder, identity.uid, identity.gid);
  try {
    const data = join(folder, "data");
    const options = ["-D", data, "-U", "bulwark", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];
    await promisify(execFile)(join(binaries, "initdb"), options, {
      ...identity,
      cwd: folder,
      timeout: startTimeoutMs,
    });
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await startServer(binaries, folder, data, identity);
      } catch (error) {
        if (attempt === attempts) throw error;
      }
    }
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

interface SystemIdentity {
  readonly uid: number;
  readonly gid: number;
}

function findBinaries(): string | undefined {
  const installed = "/usr/lib/postgresql";
  const versions = existsSync(installed) ? readdirSync(installed).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...(process.env.PATH ?? "").split(delimiter),
    ...versions.map((version) => join(installed, version, "bin")),
  ];
  return folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")));
}

/** PostgreSQL refuses to run as root; there it runs as the system's `postgres`. */
async function findIdentity(): Promise<SystemIdentity | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const ask = async (flag: string) => Number((await promisify(execFile)("id", [flag, "postgres"])).stdout);
  return { uid: await ask("-u"), gid: await ask("-g") };
}

async function startServer(
  binaries: string,
  folder: string,
  data: string,
  identity: SystemIdentity | undefined,
): Promise<TestPostgres> {
  const port = await findFreePort();
  const settings = {
    listen_addresses: "127.0.0.1",
    unix_socket_directories: folder,
    fsync: "off",
    synchronous_commit: "off",
    full_page_writes: "off",
    shared_buffers: "16MB",
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const server = spawn(join(binaries, "postgres"), ["-D", data, "-p", String(port), ...flags], {
    ...identity,
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
  });
  // A test process that ends without stopping it takes it along.
  const takeAlong = () => server.kill("SIGQUIT");
  process.once("exit", takeAlong);
  const crash = async () => {
    process.off("exit", takeAlong);
    await endProcess(server);
  };
  try {
    await waitUntilReady(server);
  } catch (error) {
    await crash();
    throw error;
  }
  return {
    url: `postgres://bulwark@127.0.0.1:${port}/postgres`,
    crash,
    async stop() {
      await crash();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function waitUntilReady(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = "";
    const fail = (reason: string) => reject(new Error(`PostgreSQL did not start: ${reason}\n${log}`));
    const timer = setTimeout(() => fail("it took too long"), startTimeoutMs);
    server.once("error", (error) => fail(error.message));
    server.once("exit", (code) => fail(`it ended with ${code}`));
    server.stderr?.setEncoding("utf8").on("data", (text: string) => {
      if (log.length < 10_000) log += text;
      if (log.includes("database system is ready to accept connections")) {
        clearTimeout(timer);
        resolve();
      }
    });
  });
}

/** SIGQUIT is PostgreSQL's immediate shutdown: the server ends its own children, which SIGKILL would orphan. */
async function endProcess(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  server.kill("SIGQUIT");
  const timer = setTimeout(() => server.kill("SIGKILL"), stopTimeoutMs);
  await ended;
  clearTimeout(timer);
}
