import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createResponseReader, ResponseError } from "./response-reader.ts";

const ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\nhello";

describe("an answer that is counted", () => {
  const rows = [
    { name: "Content-Length", given: ok, expect: { status: 200, bodyBytes: 5 } },
    {
      name: "lower-case names, no blank",
      given: "HTTP/1.1 200 OK\r\ncontent-length:2\r\n\r\n{}",
      expect: { status: 200, bodyBytes: 2 },
    },
    {
      name: "blanks around the length",
      given: "HTTP/1.1 200 OK\r\nCONTENT-LENGTH: \t2 \r\n\r\n{}",
      expect: { status: 200, bodyBytes: 2 },
    },
    {
      name: "a name that only begins alike",
      given: "HTTP/1.1 200 OK\r\nContent-Length-Hint: 9\r\nContent-Length: 2\r\n\r\n{}",
      expect: { status: 200, bodyBytes: 2 },
    },
    {
      name: "a body that holds an empty line and a header",
      given: "HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n\r\n\r\nContent-Length: 9",
      expect: { status: 200, bodyBytes: 21 },
    },
    {
      name: "another status",
      given: "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
      expect: { status: 401, bodyBytes: 0 },
    },
    {
      name: "no content",
      given: "HTTP/1.1 204 No Content\r\nVary: a\r\n\r\n",
      expect: { status: 204, bodyBytes: 0 },
    },
  ];
  for (const { name, given, expect } of rows) {
    test(name, () => assert.deepEqual(read([given]), [{ ...expect, text: given }]));
  }
});

describe("packets", () => {
  test("an answer cut at any byte is one answer", () => {
    for (let at = 1; at < ok.length; at++) {
      assert.deepEqual(read([ok.slice(0, at), ok.slice(at)]), [{ status: 200, bodyBytes: 5, text: ok }]);
    }
  });

  test("an answer that arrives byte by byte is one answer", () => {
    assert.deepEqual(read([...ok]), [{ status: 200, bodyBytes: 5, text: ok }]);
  });

  test("the next answer on the connection starts afresh", () => {
    assert.equal(read([ok.slice(0, 40), ok.slice(40), ok, ok]).length, 3);
  });

  test("a receive buffer may be overwritten between reads", () => {
    const reader = createResponseReader();
    const buffer = Buffer.alloc(64);
    buffer.write(ok.slice(0, 64), "latin1");
    assert.equal(reader.push(buffer.subarray(0, 64)), undefined);
    const rest = buffer.write(ok.slice(64), "latin1");
    const answer = reader.push(buffer.subarray(0, rest));
    assert.equal(Buffer.from(answer?.bytes ?? []).toString("latin1"), ok);
  });
});

describe("an answer that is refused", () => {
  const rows = [
    { name: "chunked", given: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" },
    { name: "no length", given: "HTTP/1.1 200 OK\r\n\r\n" },
    { name: "a length that is no number", given: "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n" },
    { name: "an empty length", given: "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n" },
    { name: "two lengths", given: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}" },
    { name: "an endless length", given: "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" },
    { name: "bytes nobody asked for", given: `${ok}HTTP/1.1 200 OK` },
    { name: "another protocol", given: "ICY 200 OK\r\nContent-Length: 2\r\n\r\n{}" },
  ];
  for (const { name, given } of rows) {
    test(name, () => assert.throws(() => read([given]), ResponseError));
  }
});

function read(chunks: readonly string[]): readonly { status: number; bodyBytes: number; text: string }[] {
  const reader = createResponseReader();
  return chunks.flatMap((chunk) => {
    const answer = reader.push(Buffer.from(chunk, "latin1"));
    if (answer === undefined) return [];
    const { status, bodyBytes, bytes } = answer;
    return [{ status, bodyBytes, text: Buffer.from(bytes).toString("latin1") }];
  });
}
