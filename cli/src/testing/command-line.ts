/** The command as its user runs it: a process of its own. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export const launcher = fileURLToPath(new URL("../../bin/bulwark.js", import.meta.url));
export const contractFile = (name: string) =>
  fileURLToPath(new URL(`./contracts/${name}.ts`, import.meta.url));

export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const timeoutMs = 30_000;

/** Runs it to its end. */
export function run(args: readonly string[], { cwd = ".", node = process.execPath } = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(node, [launcher, ...args], {
      cwd,
      timeout: timeoutMs,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (text: string) => {
        output[name] += text;
      });
    }
    child.once("error", reject);
    child.once("close", (exitCode) => resolve({ exitCode, ...output }));
  });
}
