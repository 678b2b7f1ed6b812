import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createChildren } from "../harness/children.ts";
import { BenchmarkFailure } from "../harness/failure.ts";
import { type RunningServer, startServer } from "../harness/server.ts";
import { createAccounts } from "./accounts.ts";
import { proveAnswers, proveGuards } from "./prove.ts";
import { servers } from "./servers.ts";
import { createTokenIssuer } from "./tokens.ts";

// The harness's own processes, but on any core: what is tested is what they answer, not how fast.
const unpinned = { missing: "not needed", commandFor: (_: number, command: readonly string[]) => command };

describe("every server of the comparison", async () => {
  const children = createChildren(unpinned, new AbortController().signal);
  const folder = await mkdtemp(join(tmpdir(), "bulwark-bench-test-"));
  const proof = { issuer: await createTokenIssuer(), accounts: createAccounts() };
  const settingsFile = join(folder, "settings.json");

  before(() => writeFile(settingsFile, JSON.stringify(proof.issuer.settings)));
  after(async () => {
    await children.stopAll();
    await rm(folder, { recursive: true });
  });

  function start(name: string, module: URL): Promise<RunningServer> {
    return startServer(children, { name, module, args: [settingsFile] });
  }

  for (const { name, module, guarded } of servers.filter((server) => existsSync(server.module))) {
    test(`${name} answers each role its own order, the same bytes as all`, async () => {
      const server = await start(name, module);
      await proveAnswers(server, proof);
      if (guarded) await proveGuards(server, proof);
      // The nearest reject: the proof itself can fail.
      else await assert.rejects(proveGuards(server, proof), BenchmarkFailure);
    });
  }
});
