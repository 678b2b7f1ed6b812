/** The order API from end to end, whatever framework it runs on: real processes, real HTTP, real tokens. */
import assert from "node:assert/strict";
import { createHmac, createPublicKey } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, type JWTPayload, jwtVerify } from "jose";
import { createFolder, type TestFolder } from "../../../../testing/folder.ts";
import { findFreePort } from "../../../../testing/port.ts";
import { openServerKey } from "../../../../testing/server-key.ts";
import { asBearer, asSession, type CodeFlow, codeFlow, machineToken, request, signIn } from "./client.ts";
import { type Program, startProgram } from "./program.ts";

/** The first order of each: accounts own 200 orders each, in the order they are seeded. */
const orders = {
  alice: "order-00001",
  mona: "order-00201",
  adam: "order-00401",
  bob: "order-00601",
} as const;

export function describeOrderApi(framework: "fastify" | "express" | "hono"): void {
  const start = async (dataFolder: string): Promise<Program> => {
    const identityPort = framework === "fastify" ? undefined : await findFreePort();
    return startProgram(dataFolder, await findFreePort(), { BULWARK_FRAMEWORK: framework }, identityPort);
  };

  describe(`the order API on ${framework}`, () => {
    let folder: TestFolder;
    let program: Program;
    let alice: CodeFlow;
    let mona: CodeFlow;
    let adam: CodeFlow;
    let machine: string;
    const call = (path: string, init?: RequestInit) => request(`${program.origin}/api${path}`, init);

    before(async () => {
      folder = createFolder();
      program = await start(folder.path);
      alice = await codeFlow(program.issuer, "alice");
      mona = await codeFlow(program.issuer, "mona");
      adam = await codeFlow(program.issuer, "adam");
      machine = await machineToken(program.issuer);
    });
    after(async () => {
      await program.stop();
      folder.remove();
    });

    async function listAll(token: string, query = ""): Promise<Record<string, unknown>[]> {
      const items: Record<string, unknown>[] = [];
      let cursor = "";
      for (let page = 0; page < 200; page += 1) {
        const { json } = await call(`/orders?limit=100${query}${cursor}`, asBearer(token));
        items.push(...json.items);
        if (json.next === null) return items;
        cursor = `&cursor=${json.next}`;
      }
      throw new Error("The list did not end.");
    }

    test("issues access tokens by RFC 9068: type, audience, roles, session, signed by a published key", async () => {
      const keys = createRemoteJWKSet(new URL(`${program.issuer}/oauth/jwks`));
      const expected = { issuer: program.issuer, audience: `${program.origin}/api`, typ: "at+jwt" };
      const { payload } = await jwtVerify(alice.accessToken, keys, expected);
      assert.deepEqual(payload.roles, ["user"]);
      assert.equal(payload.sub, alice.subject);
      assert.equal(payload.team, "red");
      assert.match(String(payload.sid), /^[0-9a-f-]{36}$/);
      const ofMachine = await jwtVerify(machine, keys, expected);
      assert.equal(ofMachine.payload.sub, "billing");
      assert.deepEqual(ofMachine.payload.roles, ["billing"]);
      assert.equal(ofMachine.payload.sid, undefined);
    });

    test("lets Alice list all of her own orders, page by page, and nobody else's", async () => {
      const items = await listAll(alice.accessToken);
      assert.equal(items.length, 200);
      assert.equal(new Set(items.map(({ id }) => id)).size, 200);
      assert.ok(items.every(({ ownerId }) => ownerId === alice.subject));
      const open = await listAll(alice.accessToken, "&status=open");
      assert.equal(open.length, 40);
      assert.ok(open.every(({ status }) => status === "open"));
    });

    test("lets Mona list her team, and Adam and the service everything", async () => {
      const team = await listAll(mona.accessToken);
      assert.ok(team.length > 200 && team.every((row) => row.team === "red"));
      assert.equal((await listAll(adam.accessToken)).length, 10_000);
      assert.equal((await listAll(machine)).length, 10_000);
    });

    test("answers Alice 404 for Bob's order, exactly as for none", async () => {
      assert.equal(
        (await call(`/orders/${orders.alice}`, asBearer(alice.accessToken))).json.ownerId,
        alice.subject,
      );
      const foreign = await call(`/orders/${orders.bob}`, asBearer(alice.accessToken));
      const absent = await call("/orders/order-99999", asBearer(alice.accessToken));
      assert.deepEqual([foreign.status, foreign.text], [404, absent.text]);
      assert.equal((await call(`/orders/${orders.bob}`, asBearer(mona.accessToken))).status, 200);
      assert.equal((await call(`/orders/${orders.adam}`, asBearer(mona.accessToken))).status, 404);
      assert.equal((await call(`/orders/${orders.bob}`, asBearer(adam.accessToken))).status, 200);
    });

    test("lets Adam bar Alice while her token lives, and lift it again; nobody bars Adam", async () => {
      const grantsOf = (subject: string | undefined, token: string, grants: readonly object[]) =>
        request(`${program.issuer}/admin/api/accounts/${subject}/grants`, asBearer(token, "PUT", { grants }));
      const denial = { effect: "deny", permission: "order:read" };
      const comesTo = async (status: number) => {
        for (const deadline = Date.now() + 1_000; ; await sleep(5)) {
          const answer = await call(`/orders/${orders.alice}`, asBearer(alice.accessToken));
          if (answer.status === status) return;
          assert.ok(Date.now() < deadline, `still ${answer.status}`);
        }
      };
      await comesTo(200);
      assert.equal((await grantsOf(adam.subject, alice.accessToken, [denial])).status, 403);
      assert.equal((await grantsOf(alice.subject, adam.accessToken, [denial])).status, 200);
      await comesTo(403);
      assert.equal((await call(`/orders/${orders.bob}`, asBearer(mona.accessToken))).status, 200);
      assert.equal((await grantsOf(alice.subject, adam.accessToken, [])).status, 200);
      await comesTo(200);
    });

    test("keeps Alice from setting an owner and from deleting, and lets Adam do both", async () => {
      const read = async () => (await call(`/orders/${orders.alice}`, asBearer(adam.accessToken))).json;
      const before = await read();
      const owner = await call(
        `/orders/${orders.alice}`,
        asBearer(alice.accessToken, "PATCH", { ownerId: mona.subject }),
      );
      assert.deepEqual(
        [owner.status, owner.json.code, owner.json.fields],
        [403, "fields_denied", ["ownerId"]],
      );
      const removed = await call(`/orders/${orders.alice}`, asBearer(alice.accessToken, "DELETE"));
      assert.deepEqual([removed.status, removed.json.code], [403, "permission_denied"]);
      assert.deepEqual(await read(), before);

      const created = await call("/orders", asBearer(alice.accessToken, "POST", { total: 12.5 }));
      assert.equal(created.status, 201);
      const path = new URL(created.headers.get("location") ?? "", program.origin).pathname.replace(
        /^\/api/,
        "",
      );
      const given = await call(path, asBearer(adam.accessToken, "PATCH", { ownerId: mona.subject }));
      assert.deepEqual([given.status, given.json.ownerId], [200, mona.subject]);
      assert.equal((await call(path, asBearer(alice.accessToken))).status, 404);
      assert.equal((await call(path, asBearer(adam.accessToken, "DELETE"))).status, 204);
      assert.equal((await call(path, asBearer(adam.accessToken))).status, 404);
    });

    test("lets Alice create and change her own, in the states that are hers", async () => {
      const created = await call(
        "/orders",
        asBearer(alice.accessToken, "POST", { total: 5, status: "open" }),
      );
      assert.deepEqual(
        [created.json.ownerId, created.json.team, created.json.status, created.json.total],
        [alice.subject, "red", "open", 5],
      );
      const path = `/orders/${created.json.id}`;
      const changed = await call(path, asBearer(alice.accessToken, "PATCH", { total: 6 }));
      assert.deepEqual(changed.json, { ...created.json, total: 6 });
      const paid = await call(path, asBearer(alice.accessToken, "PATCH", { status: "paid" }));
      assert.deepEqual([paid.status, paid.json.code], [403, "row_denied"]);
      assert.equal((await call(path, asBearer(machine, "PATCH", { status: "paid" }))).status, 200);
      const late = await call(path, asBearer(alice.accessToken, "PATCH", { total: 7 }));
      assert.deepEqual([late.status, late.json.code], [403, "row_denied"]);
      const shortcut = await call(
        "/orders",
        asBearer(alice.accessToken, "POST", { total: 5, status: "paid" }),
      );
      assert.deepEqual([shortcut.status, shortcut.json.code], [403, "row_denied"]);
    });

    describe("given a session cookie", () => {
      let cookie: string;
      before(async () => {
        cookie = await signIn(program.issuer, "alice");
      });

      test("accepts it as it does a token", async () => {
        const { status, json } = await call("/orders?limit=1", asSession(cookie));
        assert.deepEqual([status, json.items[0].ownerId], [200, alice.subject]);
      });

      const writes: readonly { name: string; fields: Record<string, string>; status: number }[] = [
        { name: "of a page of its own", fields: { "sec-fetch-site": "same-origin" }, status: 201 },
        {
          name: "of a listed origin",
          fields: { "sec-fetch-site": "cross-site", origin: "https://shop.example" },
          status: 201,
        },
        {
          name: "of another site",
          fields: { "sec-fetch-site": "cross-site", origin: "https://evil.example" },
          status: 403,
        },
        { name: "of a sibling site", fields: { "sec-fetch-site": "same-site" }, status: 403 },
        {
          name: "of another origin, from an old browser",
          fields: { origin: "https://evil.example" },
          status: 403,
        },
        { name: "of an opaque origin", fields: { origin: "null" }, status: 403 },
        { name: "that does not say where it is from", fields: {}, status: 403 },
      ];
      for (const { name, fields, status } of writes) {
        test(`answers a write ${name} with ${status}`, async () => {
          const headers = { cookie, "content-type": "application/json", ...fields };
          const answer = await call("/orders", { method: "POST", headers, body: '{"total":1}' });
          assert.equal(answer.status, status);
          if (status === 403) assert.equal(answer.json.code, "cross_site_refused");
        });
      }

      test("accepts a write from an old browser's page of its own", async () => {
        const headers = { cookie, "content-type": "application/json", origin: program.origin };
        assert.equal((await call("/orders", { method: "POST", headers, body: '{"total":1}' })).status, 201);
      });

      test("refuses it beside a token, twice, or when it is not a live one", async () => {
        const both = await call("/orders", {
          headers: { cookie, authorization: `Bearer ${alice.accessToken}` },
        });
        assert.deepEqual([both.status, both.json.code], [400, "credentials_ambiguous"]);
        const twice = await call("/orders", { headers: { cookie: `${cookie}; bulwark=other` } });
        assert.deepEqual([twice.status, twice.json.code], [400, "credentials_ambiguous"]);
        const [name, value = ""] = cookie.split("=");
        for (const other of ["", "x", value.slice(0, -1), `${value}A`, "A".repeat(43), `${value}=`]) {
          assert.equal(
            (await call("/orders", { headers: { cookie: `${name}=${other}` } })).status,
            401,
            other,
          );
        }
      });

      test("refuses it once the person has signed out", async () => {
        const own = await signIn(program.issuer, "alice");
        assert.equal((await call("/orders", asSession(own))).status, 200);
        const out = await request(`${program.issuer}/auth/sign-out`, asSession(own, "POST"));
        assert.equal(out.status, 204);
        assert.equal((await call("/orders", asSession(own))).status, 401);
      });
    });

    test("refuses every forged token alike, and accepts the good one beside it", async () => {
      const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
      const [header = "", claims = "", signature = ""] = alice.accessToken.split(".");
      const kid = decodeProtectedHeader(alice.accessToken).kid;
      const other = createFolder();
      const stranger = await startProgram(other.path, await findFreePort());
      const foreign = await machineToken(stranger.issuer);
      await stranger.stop();
      other.remove();
      const sign = await openServerKey(folder.path);
      const good = decodeJwt(alice.accessToken);
      const now = Math.floor(Date.now() / 1000);
      const signed = (change: JWTPayload, typ = "at+jwt") => sign({ typ }, { ...good, ...change });
      const publicKey = (await request(`${program.issuer}/oauth/jwks`)).json.keys[0];
      const hmacInput = `${encode({ alg: "HS256", typ: "at+jwt", kid })}.${claims}`;
      const hmac = (secret: string) => createHmac("sha256", secret).update(hmacInput).digest("base64url");
      const pem = createPublicKey({ key: publicKey, format: "jwk" }).export({ type: "spki", format: "pem" });
      const forged: Record<string, string> = {
        "an unsigned token": `${encode({ alg: "none", typ: "at+jwt", kid })}.${claims}.`,
        "an ID token": alice.idToken,
        "a token of another server": foreign,
        "a token with an unknown key": `${encode({ ...decodeProtectedHeader(alice.accessToken), kid: "x" })}.${claims}.${signature}`,
        "a promoted token": `${header}.${encode({ ...decodeJwt(alice.accessToken), roles: ["admin"] })}.${signature}`,
        "a token without signature": `${header}.${claims}.`,
        "a token under another spelling": `${alice.accessToken}=`,
        "no token": "",
        "text that is no token": "not.a-token",
        "an expired token": await signed({ exp: now - 60 }),
        "a token not yet valid": await signed({ nbf: now + 60 }),
        "a token by another issuer": await signed({ iss: "https://issuer.example" }),
        "a token for another audience": await signed({ aud: "https://other.example/api" }),
        "a token of another type": await signed({}, "JWT"),
        "a token signed with the public key as an HMAC secret (PEM)": `${hmacInput}.${hmac(String(pem))}`,
        "a token signed with the public key as an HMAC secret (JWK)": `${hmacInput}.${hmac(JSON.stringify(publicKey))}`,
      };
      const outward = new Set<string>();
      for (const [name, token] of Object.entries(forged)) {
        const answer = await call("/orders", { headers: { authorization: `Bearer ${token}` } });
        assert.equal(answer.status, 401, name);
        outward.add(`${answer.headers.get("www-authenticate")} ${answer.text}`);
      }
      assert.equal(outward.size, 1, [...outward].join("\n"));
      assert.match([...outward][0] ?? "", /^Bearer error="invalid_token"/);
      assert.equal((await call("/orders", asBearer(alice.accessToken))).status, 200);
      assert.equal((await call("/orders", asBearer(await signed({})))).status, 200);
      const none = await call("/orders");
      assert.deepEqual(
        [none.status, none.headers.get("www-authenticate")],
        [401, 'Bearer, DPoP algs="ES256 EdDSA"'],
      );
    });

    test("refuses bad bodies with their own status, and writes nothing", async () => {
      const count = async () => (await listAll(alice.accessToken)).length;
      const before = await count();
      const post = (body: string, type = "application/json") =>
        call("/orders", {
          method: "POST",
          headers: { authorization: `Bearer ${alice.accessToken}`, "content-type": type },
          body,
        });
      const bodies: readonly { body: string; type?: string; status: number }[] = [
        { body: '{"total":1', status: 400 },
        { body: "", status: 400 },
        { body: '{"total":1,"__proto__":{"ownerId":"x"}}', status: 400 },
        { body: `{"total":1,"note":"${"x".repeat(70_000)}"}`, status: 413 },
        { body: "total=1", type: "application/x-www-form-urlencoded", status: 415 },
        { body: '{"total":1}', type: "text/plain", status: 415 },
        { body: '{"total":"1"}', status: 422 },
        { body: '{"total":-1}', status: 422 },
        { body: '{"total":1e999}', status: 422 },
        { body: '{"total":1,"ownerId":"x"}', status: 422 },
        { body: '{"total":1,"id":"x"}', status: 422 },
        { body: "[]", status: 422 },
        { body: "null", status: 422 },
      ];
      for (const { body, type, status } of bodies) {
        const answer = await post(body, type);
        assert.equal(answer.status, status, body.slice(0, 60));
        assert.equal(answer.json.status, status);
      }
      assert.equal(await count(), before);
      assert.equal((await call("/orders?limit=1000", asBearer(alice.accessToken))).status, 422);
      assert.equal((await call("/orders?owner=x", asBearer(alice.accessToken))).status, 422);
      assert.equal(
        (await call("/orders?status=open%27%20or%201=1", asBearer(alice.accessToken))).status,
        422,
      );
    });

    test("answers the preflight of a listed origin, and tells another nothing", async () => {
      const preflight = (origin: string) =>
        call(`/orders/${orders.alice}`, {
          method: "OPTIONS",
          headers: {
            origin,
            "access-control-request-method": "PATCH",
            "access-control-request-headers": "authorization",
          },
        });
      const listed = await preflight("https://shop.example");
      assert.equal(listed.status, 204);
      assert.equal(listed.headers.get("access-control-allow-origin"), "https://shop.example");
      assert.equal(listed.headers.get("access-control-allow-credentials"), "true");
      assert.match(listed.headers.get("access-control-allow-methods") ?? "", /PATCH/);
      const other = await preflight("https://evil.example");
      assert.equal(other.headers.get("access-control-allow-origin"), null);
      assert.equal(other.headers.get("access-control-allow-methods"), null);
    });
  });

  describe(`limits of the order API on ${framework}`, () => {
    test("answer 429 with the fields", async (t) => {
      const folder = createFolder();
      const program = await start(folder.path);
      t.after(async () => {
        await program.stop();
        folder.remove();
      });
      const token = await machineToken(program.issuer);
      let answer = await request(`${program.origin}/api/orders`, asBearer(token));
      assert.match(
        answer.headers.get("ratelimit-policy") ?? "",
        /^"address";q=600;w=60, "principal";q=1200;w=60$/,
      );
      for (let count = 0; count < 700 && answer.status === 200; count += 1) {
        answer = await request(`${program.origin}/api/orders?limit=1`, asBearer(token));
      }
      assert.deepEqual([answer.status, answer.json.code], [429, "rate_limited"]);
      assert.match(answer.headers.get("ratelimit") ?? "", /^"address";r=0;t=60$/);
      assert.equal(answer.headers.get("retry-after"), "1");
    });
  });
}
