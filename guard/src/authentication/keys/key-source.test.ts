import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, type TestContext, test } from "node:test";
import type { PublicJwk } from "../identity-source.ts";
import { fetchKeys } from "./fetch-keys.ts";
import { createKeySet } from "./key-set.ts";
import { createKeySource } from "./key-source.ts";

function aKey(kid: string, change: Partial<PublicJwk> = {}): PublicJwk {
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  return { ...publicKey.export({ format: "jwk" }), kid, alg: "ES256", use: "sig", ...change };
}

function anRsaKey(modulusLength: number, publicExponent = 65_537): PublicJwk {
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength, publicExponent });
  return { ...publicKey.export({ format: "jwk" }), kid: "rsa" };
}

describe("a key set", () => {
  test("finds a key by id and algorithm, and by algorithm alone only where one fits", () => {
    const set = createKeySet({ keys: [aKey("a"), aKey("b")] });
    assert.notEqual(set.find("a", "ES256"), undefined);
    assert.equal(set.find("c", "ES256"), undefined);
    assert.equal(set.find("a", "RS256"), undefined);
    assert.equal(set.find(undefined, "ES256"), undefined);
    assert.notEqual(createKeySet({ keys: [aKey("a")] }).find(undefined, "ES256"), undefined);
  });

  const unusable: readonly { name: string; key: PublicJwk; algorithm: "ES256" | "RS256" }[] = [
    { name: "a key for encryption", key: aKey("a", { use: "enc" }), algorithm: "ES256" },
    { name: "a key of another algorithm", key: aKey("a", { alg: "ES384" }), algorithm: "ES256" },
    { name: "a symmetric key", key: { kty: "oct", k: "c2VjcmV0", kid: "a" }, algorithm: "ES256" },
    { name: "a point off the curve", key: aKey("a", { x: "AAAA" }), algorithm: "ES256" },
    { name: "an RSA key of 1024 bits", key: anRsaKey(1024), algorithm: "RS256" },
    { name: "no key at all", key: null as never, algorithm: "ES256" },
  ];
  for (const { name, key, algorithm } of unusable) {
    test(`leaves out ${name}, and keeps the good one beside it`, () => {
      const set = createKeySet({ keys: [key, aKey("good")] });
      assert.equal(set.find("a", algorithm) ?? set.find("rsa", algorithm), undefined);
      assert.notEqual(set.find("good", "ES256"), undefined);
    });
  }

  test("takes an RSA key of 2048 bits", () => {
    assert.notEqual(createKeySet({ keys: [anRsaKey(2048)] }).find("rsa", "RS256"), undefined);
  });
});

describe("a key source", () => {
  function aSource(keys: () => readonly PublicJwk[] | Error) {
    let loads = 0;
    const source = createKeySource(async () => {
      loads += 1;
      const loaded = keys();
      if (loaded instanceof Error) throw loaded;
      return { set: { keys: loaded }, maxAgeSeconds: 600 };
    });
    return { source, loads: () => loads };
  }

  test("loads once for many callers, and then answers at once", async () => {
    const { source, loads } = aSource(() => [aKey("a")]);
    await Promise.all(Array.from({ length: 20 }, () => source.find("a", "ES256", 0)));
    assert.equal(loads(), 1);
    assert.ok(!(source.find("a", "ES256", 1) instanceof Promise));
  });

  test("asks again for an unknown key id, at most once per cool-down", async () => {
    let keys = [aKey("a")];
    const { source, loads } = aSource(() => keys);
    await source.find("a", "ES256", 0);
    keys = [aKey("a"), aKey("b")];
    for (let count = 0; count < 50; count += 1) {
      assert.equal(await source.find(`made up ${count}`, "ES256", 29_000), undefined);
    }
    assert.equal(loads(), 1);
    assert.notEqual(await source.find("b", "ES256", 30_001), undefined);
    for (let count = 0; count < 50; count += 1) await source.find(`made up ${count}`, "ES256", 30_002);
    assert.equal(loads(), 2);
  });

  test("serves known keys through an outage until age and grace have passed, then nothing", async () => {
    let answer: readonly PublicJwk[] | Error = [aKey("a")];
    const { source } = aSource(() => answer);
    await source.find("a", "ES256", 0);
    answer = new Error("down");
    const hourMs = 3_600_000;
    assert.notEqual(await source.find("a", "ES256", 600_000 + hourMs - 1), undefined);
    const late = 600_000 + hourMs + 30_001;
    await assert.rejects(async () => source.find("a", "ES256", late), { name: "UnavailableError" });
    answer = [aKey("a")];
    assert.notEqual(await source.find("a", "ES256", late + 30_001), undefined);
  });

  test("asks again before the keys are too old, and nobody waits for it", async () => {
    const { source, loads } = aSource(() => [aKey("a")]);
    await source.find("a", "ES256", 0);
    assert.ok(!(source.find("a", "ES256", 479_999) instanceof Promise));
    assert.equal(loads(), 1);
    assert.ok(!(source.find("a", "ES256", 480_000) instanceof Promise));
    await new Promise(setImmediate);
    assert.equal(loads(), 2);
    assert.ok(!(source.find("a", "ES256", 900_000) instanceof Promise));
  });

  test("asks again at once when the keys are known to have changed", async () => {
    let keys = [aKey("a")];
    const { source, loads } = aSource(() => keys);
    await source.find("a", "ES256", 0);
    keys = [aKey("b")];
    source.expire(1);
    assert.equal(await source.find("a", "ES256", 2), undefined);
    assert.equal(loads(), 2);
  });

  test("does not trust a load that began before the keys changed", async () => {
    const answers: PromiseWithResolvers<readonly PublicJwk[]>[] = [];
    const source = createKeySource(async () => {
      const answer = Promise.withResolvers<readonly PublicJwk[]>();
      answers.push(answer);
      return { set: { keys: await answer.promise }, maxAgeSeconds: 600 };
    });
    const found = source.find("a", "ES256", 0);
    source.expire(1);
    // One that asks only now waits for the load that is under way, and is not served what it brings either.
    const later = source.find("a", "ES256", 2);
    answers[0]?.resolve([aKey("a")]);
    await new Promise(setImmediate);
    answers[1]?.resolve([aKey("b")]);
    assert.deepEqual(await Promise.all([found, later]), [undefined, undefined]);
    assert.equal(answers.length, 2);
    assert.notEqual(await source.find("b", "ES256", 2), undefined);
  });

  test("serves changed keys for half a minute while the new ones cannot be had, and no longer", async () => {
    let answer: readonly PublicJwk[] | Error = [aKey("a")];
    const { source } = aSource(() => answer);
    await source.find("a", "ES256", 0);
    answer = new Error("down");
    source.expire(1_000);
    assert.notEqual(await source.find("a", "ES256", 30_999), undefined);
    await assert.rejects(async () => source.find("a", "ES256", 31_000), { name: "UnavailableError" });
  });

  test("is unavailable until the first load succeeds, and recovers by itself", async () => {
    let answer: readonly PublicJwk[] | Error = new Error("down");
    const { source } = aSource(() => answer);
    await assert.rejects(async () => source.find("a", "ES256", 0), { name: "UnavailableError" });
    answer = [aKey("a")];
    assert.notEqual(await source.find("a", "ES256", 1_001), undefined);
  });
});

/** A byte now and then, and never an end. */
const drip: RequestListener = (_request, response) => {
  const timer = setInterval(() => response.write(" "), 200);
  response.once("close", () => clearInterval(timer));
};

describe("fetching an issuer's keys", () => {
  async function serve(t: TestContext, listener: (origin: string) => RequestListener): Promise<string> {
    const server = createServer((request, response) => listener(origin)(request, response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    return origin;
  }

  const json =
    (body: unknown, headers = {}): RequestListener =>
    (_request, response) =>
      response.writeHead(200, headers).end(JSON.stringify(body));

  const issuer =
    (jwks: RequestListener, metadata: Record<string, unknown> = {}) =>
    (origin: string): RequestListener =>
    (request, response) => {
      const answer =
        request.url === "/.well-known/openid-configuration"
          ? json({ issuer: origin, jwks_uri: `${origin}/jwks`, ...metadata })
          : jwks;
      answer(request, response);
    };

  test("follows discovery to the set, and reads its max-age", async (t) => {
    const key = aKey("a");
    const origin = await serve(t, issuer(json({ keys: [key] }, { "cache-control": "public, max-age=120" })));
    assert.deepEqual(await fetchKeys(origin), { set: { keys: [key] }, maxAgeSeconds: 120 });
  });

  const refused: readonly { name: string; listener: (origin: string) => RequestListener }[] = [
    {
      name: "metadata of another issuer",
      listener: issuer(json({ keys: [] }), { issuer: "https://issuer.example" }),
    },
    {
      name: "a set over plain http on another host",
      listener: issuer(json({ keys: [] }), { jwks_uri: "http://issuer.example/jwks" }),
    },
    {
      name: "a set in a local file",
      listener: issuer(json({ keys: [] }), { jwks_uri: "file:///etc/passwd" }),
    },
    {
      name: "a redirect",
      listener: issuer((_request, response) => response.writeHead(302, { location: "/other" }).end()),
    },
    { name: "a set that is no JSON", listener: issuer((_request, response) => response.end("<html>")) },
    { name: "a set without keys", listener: issuer(json({ keys: {} })) },
    { name: "a set of a megabyte", listener: issuer(json({ keys: ["x".repeat(1_000_000)] })) },
    { name: "a set that drips for ever", listener: issuer(drip) },
    { name: "an error", listener: () => (_request, response) => response.writeHead(500).end() },
  ];
  for (const { name, listener } of refused) {
    test(`refuses ${name}`, async (t) => {
      await assert.rejects(fetchKeys(await serve(t, listener)));
    });
  }
});
