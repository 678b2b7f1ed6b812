import assert from "node:assert/strict";
import { test } from "node:test";
import type { LoadReport } from "./load/job.ts";
import { rotate, runRounds } from "./rounds.ts";
import type { RunningServer } from "./server.ts";

test("the order of servers rotates, so that each comes first once", () => {
  const orders = [0, 1, 2, 3].map((round) => rotate(["a", "b", "c"], round).join(""));
  assert.deepEqual(orders, ["abc", "bca", "cab", "abc"]);
  assert.deepEqual(rotate([], 1), []);
});

test("warms every server up, then loads each once a round", async () => {
  const calls: string[] = [];
  const generator = {
    async run(server: RunningServer, { minAnswers }: { minAnswers?: number }): Promise<LoadReport> {
      calls.push(`${minAnswers === undefined ? "" : "warm "}${server.name}`);
      return { answers: calls.length, seconds: 1, requestsPerSecond: calls.length, loadCpuShare: 0 };
    },
  };
  const servers = ["a", "b"].map(serverNamed);
  const options = { rounds: 2, seconds: 1, connections: 1, warmUpAnswers: 5, warmUpSeconds: 1 };
  const reports = await runRounds(generator, servers, options, { update() {}, clear() {} });

  assert.deepEqual(calls, ["warm a", "warm b", "a", "b", "b", "a"]);
  assert.deepEqual(
    reports.get("a")?.map(({ answers }) => answers),
    [3, 6],
  );
});

function serverNamed(name: string): RunningServer {
  return { name, pid: 1, port: 1, unexpectedEnd: new Promise<never>(() => {}) };
}
