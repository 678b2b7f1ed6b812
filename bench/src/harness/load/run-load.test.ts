import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { describe, type TestContext, test } from "node:test";
import type { LoadRequest } from "./job.ts";
import { createRotation, LoadFailure, runLoad } from "./run-load.ts";

const paths = ["/a", "/b", "/c"];

describe("runLoad", () => {
  test("asks in strict rotation, on into the next stretch, with the headers given", async (context) => {
    const seen: string[] = [];
    const load = await loadOn(context, 1, ({ url, headers }, response) => {
      seen.push(`${url} ${headers.authorization}`);
      response.end("{}");
    });
    const report = await load();
    const before = seen.length;
    await load();

    assert.ok(report.answers >= 10 && report.requestsPerSecond > 0);
    assert.ok(seen.length > before);
    // The request under way when the first stretch ended was sent: no token is asked twice running, none left out.
    const expected = seen.map((_, index) => `${paths[index % 3]} Bearer ${paths[index % 3]}`);
    assert.deepEqual(seen, expected);
  });

  const refusals: { name: string; listener: RequestListener; expect: RegExp }[] = [
    {
      name: "any status but 200, and shows the answer",
      listener: (_, response) => response.writeHead(403, { "content-length": 12 }).end('{"why":"no"}'),
      expect: /GET \/a was to be answered 200.*403 Forbidden.*\{"why":"no"\}/s,
    },
    {
      name: "a body of another length",
      listener: (_, response) => response.end("[{}]"),
      expect: /200 with 2 bytes, not:.*\[\{\}\]/s,
    },
    {
      name: "a chunked answer",
      listener: (_, response) => {
        response.write("{");
        response.end("}");
      },
      expect: /chunked/,
    },
    { name: "a broken connection", listener: ({ socket }) => socket.destroy(), expect: /A connection / },
  ];
  for (const { name, listener, expect } of refusals) {
    test(`fails on ${name}`, async (context) => {
      const load = await loadOn(context, 2, listener);
      await assert.rejects(load(), (error) => error instanceof LoadFailure && expect.test(error.message));
    });
  }

  test("fails where nobody listens", async () => {
    const job = { rotation: "all", port: 1, serverPid: process.pid, connections: 1, leadInMs: 0, seconds: 0 };
    await assert.rejects(runLoad(createRotation(requests(), job.port), job), LoadFailure);
  });
});

async function loadOn(context: TestContext, connections: number, listener: RequestListener) {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => server.close());
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const rotation = createRotation(requests(), port);
  const job = {
    rotation: "all",
    port,
    serverPid: process.pid,
    connections,
    leadInMs: 0,
    seconds: 0.001,
    minAnswers: 10,
  };
  return () => runLoad(rotation, job);
}

function requests(): readonly LoadRequest[] {
  return paths.map((path) => ({
    method: "GET",
    path,
    headers: { authorization: `Bearer ${path}` },
    expectedBodyBytes: 2,
  }));
}
