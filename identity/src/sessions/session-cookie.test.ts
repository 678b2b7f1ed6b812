/** The cookie's spelling, in both directions. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { createSessionCookie, isSessionValue } from "./session-cookie.ts";

const value = Buffer.alloc(32, 7).toString("base64url");

describe("the session cookie", () => {
  it("is bound to its host, https and scripts' reach by name and attributes", () => {
    const cookie = createSessionCookie({ secure: true });
    assert.equal(cookie.name, "__Host-bulwark");
    assert.equal(
      cookie.write(value, 60),
      `__Host-bulwark=${value}; Max-Age=60; Path=/; HttpOnly; SameSite=Lax; Secure`,
    );
    assert.equal(cookie.clear(), "__Host-bulwark=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax; Secure");
  });

  it("has a plain name without Secure in development", () => {
    const cookie = createSessionCookie({ secure: false });
    assert.equal(cookie.write(value, 60), `bulwark=${value}; Max-Age=60; Path=/; HttpOnly; SameSite=Lax`);
  });

  const cookie = createSessionCookie({ secure: true });
  const headers = [
    { name: "alone", header: `__Host-bulwark=${value}`, expect: value },
    { name: "among others", header: `a=1; __Host-bulwark=${value}; b=2`, expect: value },
    { name: "of a longer name", header: `__Host-bulwark2=${value}`, expect: undefined },
    { name: "of the plain name", header: `bulwark=${value}`, expect: undefined },
    { name: "twice", header: `__Host-bulwark=${value}; __Host-bulwark=${value}`, expect: undefined },
    { name: "quoted", header: `__Host-bulwark="${value}"`, expect: undefined },
    { name: "empty", header: "__Host-bulwark=", expect: undefined },
    { name: "missing", header: undefined, expect: undefined },
  ];
  for (const { name, header, expect } of headers) {
    it(`is ${expect === undefined ? "not read" : "read"} when ${name}`, () =>
      assert.equal(cookie.read(header), expect));
  }
});

describe("a session value", () => {
  it("is any 32 bytes in base64url", () => {
    for (let count = 0; count < 1_000; count += 1) {
      assert.ok(isSessionValue(randomBytes(32).toString("base64url")));
    }
  });

  it("has one spelling: no other last character decodes to it and is accepted", () => {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const accepted = [...alphabet].filter((last) => isSessionValue(value.slice(0, -1) + last));
    const decoded = new Set(
      accepted.map((last) => Buffer.from(value.slice(0, -1) + last, "base64url").toString("hex")),
    );
    assert.equal(accepted.length, 16);
    assert.equal(decoded.size, 16);
  });

  for (const other of [
    "",
    value.slice(1),
    `${value}A`,
    `${value}=`,
    `${value}\n`,
    `+${value.slice(1)}`,
    ` ${value}`,
  ]) {
    it(`is not ${JSON.stringify(other)}`, () => assert.equal(isSessionValue(other), false));
  }
});
