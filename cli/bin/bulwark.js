#!/usr/bin/env node
/**
 * `bulwark`: runs the command on a Node that runs TypeScript as it stands.
 *
 * Plain JavaScript, for the machine's own Node may be older. It is then left for the one that is installed beside
 * (the `node` package), with everything passed on.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const least = 24;
const main = new URL("../src/main.ts", import.meta.url);

if (Number.parseInt(process.versions.node, 10) >= least) await import(main.href);
else {
  const node = findNode(dirname(fileURLToPath(import.meta.url)));
  if (node === undefined) {
    process.stderr.write(
      `bulwark: Node ${least} or newer is needed, and this is ${process.versions.node}.\n`,
    );
    process.exitCode = 64;
  } else {
    const { status, signal } = spawnSync(node, [fileURLToPath(main), ...process.argv.slice(2)], {
      stdio: "inherit",
    });
    if (signal !== null) process.kill(process.pid, signal);
    else process.exitCode = status ?? 70;
  }
}

/** The `node` package's, in this folder's `node_modules` or one above. */
function findNode(folder) {
  for (let at = folder; ; at = dirname(at)) {
    const path = join(at, "node_modules", "node", "bin", "node");
    if (existsSync(path)) return path;
    if (at === dirname(at)) return undefined;
  }
}
