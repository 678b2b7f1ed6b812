/** The remote engine: a real OPA, and servers that only claim to be one. */
import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createTcpServer, type Socket } from "node:net";
import { after, before, describe, type TestContext, test } from "node:test";
import { opaMissing, startOpa, type TestOpa } from "../../../../../testing/opa.ts";
import { ContractError } from "../../../contract/refusal.ts";
import { createPolicy } from "../policy.ts";
import { inputAbout, openThings, thing, things } from "../testing/things.ts";
import { type OpaOptions, opa } from "./opa.ts";

const { rows } = openThings();
const red = rows.find(({ team }) => team === "red") ?? {};
const other = rows.find(({ team }) => team === "é") ?? {};

const policy = `package orders

default allow := false
allow if input.row.team == "red"

visible if input.row.team == "red"

decision := {"allow": true} if input.row.team == "red"
decision := {"allow": false, "reason": "it is not red", "code": "not_red", "hide": true} if input.row.team != "red"

told := count(input.principal.claims)
secretive if not input.principal.claims.secret
verdict := "yes"
chatty := {"allow": true, "obligations": ["log"]}
silent := {"reason": "nobody knows"}
worded := {"allow": false, "code": "Two Words"}
conflicting := true
conflicting := false if input.row.team == "red"
`;

describe("the OPA engine, with OPA", () => {
  let server: TestOpa | undefined;
  before(async () => {
    server = await startOpa({ "orders.rego": policy }, ["--set", "decision_logs.console=true"]);
  });
  after(() => server?.close());
  const ask = (decision: string, row = red, options: Partial<OpaOptions> = {}) =>
    createPolicy(
      opa({ url: server?.url ?? "", decision, claims: ["team"], timeoutMs: 5_000, ...options }),
      things.roles.permissions,
    ).decide(inputAbout(row));

  test("allows and denies by a boolean, and tells OPA's decision id", async (t) => {
    if (server === undefined) return t.skip(opaMissing);
    const allowed = await ask("orders/allow");
    const denied = await ask("orders/allow", other);
    assert.deepEqual([allowed.effect, denied.effect], ["allow", "deny"]);
    assert.match(("decisionId" in denied && denied.decisionId) || "", /^[0-9a-f-]{36}$/);
  });

  test("reads an object's reason, code and `hide`", async (t) => {
    if (server === undefined) return t.skip(opaMissing);
    assert.equal((await ask("orders/decision")).effect, "allow");
    const { decisionId: _id, ...denied } = (await ask("orders/decision", other)) as { decisionId?: string };
    assert.deepEqual(denied, { effect: "deny", reason: "it is not red", code: "not_red", hide: true });
  });

  test("tells only the claims that are named", async (t) => {
    if (server === undefined) return t.skip(opaMissing);
    assert.equal((await ask("orders/secretive")).effect, "allow");
  });

  const unclear = ["told", "verdict", "chatty", "silent", "worded", "conflicting", "missing"];
  for (const rule of unclear) {
    test(`fails on a decision that is not understood: ${rule}`, async (t) => {
      if (server === undefined) return t.skip(opaMissing);
      assert.equal((await ask(`orders/${rule}`)).effect, "fail");
    });
  }

  test("fails while OPA is down, at once, and works again once it is back", async (t) => {
    if (server === undefined) return t.skip(opaMissing);
    const engine = opa({
      url: server.url,
      decision: "orders/allow",
      filter: "orders/visible",
      timeoutMs: 1_000,
    });
    const held = createPolicy(engine, things.roles.permissions);
    assert.equal((await held.decide(inputAbout(red))).effect, "allow");
    await server.stop();
    const begun = performance.now();
    assert.equal((await held.decide(inputAbout(red))).effect, "fail");
    assert.equal(((await held.filter(inputAbout(), thing)) as { effect?: string }).effect, "fail");
    assert.ok(performance.now() - begun < 1_000);
    assert.equal(held.health().state, "failing");
    await server.start();
    assert.equal((await held.decide(inputAbout(red))).effect, "allow");
    assert.equal(typeof (await held.filter(inputAbout(), thing)), "object");
    const { state, counts } = held.health();
    assert.deepEqual([state, counts], ["answering", { allowed: 2, denied: 0, filtered: 1, failed: 2 }]);
  });

  test("sends a bearer token that OPA asks for", async (t) => {
    if (server === undefined) return t.skip(opaMissing);
    const authz = `package system.authz

default allow := false
allow if input.identity == "let-me-in"
allow if input.path == ["health"]
`;
    const flags = ["--authentication=token", "--authorization=basic"];
    const guarded = await startOpa({ "orders.rego": policy, "authz.rego": authz }, flags);
    t.after(() => guarded?.close());
    const url = guarded?.url ?? "";
    assert.equal((await ask("orders/allow", red, { url, token: () => "let-me-in" })).effect, "allow");
    assert.equal((await ask("orders/allow", red, { url, token: () => "me-too" })).effect, "fail");
    assert.equal((await ask("orders/allow", red, { url })).effect, "fail");
    assert.equal((await ask("orders/allow", red, { url, token: () => "two\r\nheads" })).effect, "fail");
  });
});

describe("the OPA engine, with a server that is none", () => {
  const timeoutMs = 300;
  const listen = async (t: TestContext, answer: RequestListener): Promise<string> => {
    const server = createServer(answer);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const address = server.address();
    return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  };
  const asked = async (url: string) => {
    const engine = opa({ url, decision: "orders/allow", filter: "orders/visible", timeoutMs });
    const held = createPolicy(engine, things.roles.permissions);
    const begun = performance.now();
    const [decision, reach] = await Promise.all([
      held.decide(inputAbout(red)),
      held.filter(inputAbout(), thing),
    ]);
    const { failed } = held.health().counts;
    return { decision: decision.effect, reach, failed, tookMs: performance.now() - begun };
  };
  const json = (body: string, status = 200, fields = {}): RequestListener => {
    return (_request, response) =>
      void response.writeHead(status, { "content-type": "application/json", ...fields }).end(body);
  };

  const allow = '{"result":true}';
  const never: RequestListener = () => {};
  const drip =
    (head: boolean): RequestListener =>
    (_request: IncomingMessage, response: ServerResponse) => {
      response.on("error", () => {});
      if (head) response.writeHead(200, { "content-type": "application/json" });
      const timer = setInterval(() => (head ? response.write(" ") : response.writeProcessing()), 20);
      response.once("close", () => clearInterval(timer));
    };
  const hostile: readonly { readonly name: string; readonly answer: RequestListener }[] = [
    { name: "answers nothing", answer: never },
    { name: "drips a body that never ends", answer: drip(true) },
    { name: "drips heads that never end", answer: drip(false) },
    { name: "hangs up", answer: (_request, response) => void response.socket?.destroy() },
    {
      name: "hangs up in the middle",
      answer: (_request, response) => {
        response.writeHead(200, { "content-type": "application/json", "content-length": "100" });
        response.write('{"result":');
        setTimeout(() => response.socket?.destroy(), 20);
      },
    },
    { name: "is asked in vain", answer: json(allow, 500) },
    { name: "refuses", answer: json(allow, 401) },
    { name: "has no such path", answer: json(allow, 404) },
    { name: "answers by another success", answer: json(allow, 201) },
    {
      name: "redirects",
      answer: (request, response) => {
        if (request.url === "/elsewhere") json(allow)(request, response);
        else
          response.writeHead(307, { location: "/elsewhere", "content-type": "application/json" }).end(allow);
      },
    },
    {
      name: "answers a page",
      answer: (_request, response) =>
        void response.writeHead(200, { "content-type": "text/html" }).end(allow),
    },
    { name: "says no type", answer: (_request, response) => void response.writeHead(200).end(allow) },
    { name: "encodes", answer: json(allow, 200, { "content-encoding": "gzip" }) },
    { name: "answers too much", answer: json(`{"result":true,"more":"${"x".repeat(300_000)}"}`) },
    {
      name: "answers without end",
      answer: (_request, response) => {
        response.on("error", () => {});
        response.writeHead(200, { "content-type": "application/json" });
        const more = () => {
          while (!response.destroyed && response.write("x".repeat(65_536)));
        };
        response.on("drain", more);
        more();
      },
    },
    { name: "answers a head too large", answer: json(allow, 200, { "x-more": "x".repeat(12_000) }) },
    { name: "answers no JSON", answer: json('{"result":true') },
    { name: "answers half a letter", answer: json(Buffer.from([0x22, 0xc3]).toString("latin1")) },
    { name: "answers a list", answer: json("[true]") },
    { name: "answers null", answer: json("null") },
    { name: "answers another thing", answer: json('{"allow":true}') },
    { name: "answers a number", answer: json('{"result":1}') },
    { name: "answers a text", answer: json('{"result":"true"}') },
    { name: "answers by inheritance", answer: json('{"__proto__":{"result":true}}') },
    { name: "answers an inherited allow", answer: json('{"result":{"__proto__":{"allow":true}}}') },
    { name: "answers an odd reason", answer: json('{"result":{"allow":true,"reason":5}}') },
  ];
  for (const { name, answer } of hostile) {
    test(`is denied, and not waited for, where it ${name}`, async (t) => {
      const { decision, reach, failed, tookMs } = await asked(await listen(t, answer));
      assert.equal(decision, "fail");
      assert.equal(
        typeof reach === "object" && "effect" in reach && reach.effect,
        "fail",
        JSON.stringify(reach),
      );
      assert.equal(failed, 2);
      assert.ok(tookMs < 3 * timeoutMs, `${tookMs} ms`);
    });
  }

  test("is denied where it speaks no HTTP, or nobody listens", async () => {
    const sockets: Socket[] = [];
    const server = createTcpServer((socket) => {
      sockets.push(socket);
      socket.on("error", () => {});
      socket.write("SSH-2.0-OpenSSH_9.6\r\n");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
    assert.equal((await asked(url)).decision, "fail");
    for (const socket of sockets) socket.destroy();
    await new Promise<unknown>((resolve) => server.close(resolve));
    assert.equal((await asked(url)).decision, "fail");
  });

  test("ends a question that is late itself, and the connection with it", async (t) => {
    const closed: Promise<unknown>[] = [];
    const url = await listen(t, (request, response) => {
      closed.push(new Promise((resolve) => request.socket.once("close", resolve)));
      drip(true)(request, response);
    });
    const engine = opa({ url, decision: "orders/allow", timeoutMs: 100 });
    await assert.rejects(async () => engine.decide(inputAbout(red)), /no answer within 100 ms/);
    assert.equal(closed.length, 1);
    await closed[0];
  });

  test("believes a plain answer beside them", async (t) => {
    const url = await listen(t, (request, response) =>
      json(request.url === "/v1/compile" ? '{"result":{"queries":[[]]}}' : allow)(request, response),
    );
    const { decision, reach } = await asked(url);
    assert.deepEqual([decision, reach], ["allow", "all"]);
  });

  test("asks again on a new connection where a kept one was closed meanwhile", async (t) => {
    let connections = 0;
    let answers = 0;
    const url = await listen(t, (request, response) => {
      answers += 1;
      // The second question on a connection finds it closed.
      if (Object.hasOwn(request.socket, "asked")) return void request.socket.resetAndDestroy();
      connections += 1;
      Object.assign(request.socket, { asked: true });
      json(allow)(request, response);
    });
    const engine = opa({ url, decision: "orders/allow" });
    const effects: string[] = [];
    for (let count = 0; count < 4; count += 1) effects.push((await engine.decide(inputAbout(red))).effect);
    assert.deepEqual(effects, ["allow", "allow", "allow", "allow"]);
    assert.ok(connections < answers, `${connections} of ${answers}`);
  });

  test("is asked no more questions at once than it is meant to be", async (t) => {
    let underWay = 0;
    let most = 0;
    const url = await listen(t, (request, response) => {
      underWay += 1;
      most = Math.max(most, underWay);
      setTimeout(() => {
        underWay -= 1;
        json(allow)(request, response);
      }, 30);
    });
    const held = createPolicy(
      opa({ url, decision: "orders/allow", mostAtOnce: 3, timeoutMs: 2_000 }),
      things.roles.permissions,
    );
    const given = await Promise.all(Array.from({ length: 8 }, () => held.decide(inputAbout(red))));
    assert.equal(most, 3);
    assert.equal(given.filter(({ effect }) => effect === "allow").length, 3);
    assert.equal(given.filter(({ effect }) => effect === "fail").length, 5);
    assert.equal((await held.decide(inputAbout(red))).effect, "allow");
  });
});

describe("the declaration of an OPA", () => {
  const sound: OpaOptions = { url: "http://127.0.0.1:8181", decision: "orders/allow" };

  test("is accepted, with a path before OPA's own", () => {
    for (const url of ["http://localhost:8181", "http://[::1]:8181", "https://opa.example/base/"]) {
      assert.equal(opa({ ...sound, url }).name, "opa orders/allow");
    }
    assert.equal(opa(sound).filter, undefined);
    assert.equal(typeof opa({ ...sound, filter: "a_b/c-d/e" }).filter, "function");
  });

  const refused: readonly { readonly name: string; readonly change: object; readonly code: string }[] = [
    { name: "another option", change: { path: "x" }, code: "option_unknown" },
    { name: "a compiled policy", change: { wasm: "bundle.tar.gz" }, code: "option_unknown" },
    { name: "no URL", change: { url: "opa" }, code: "option_invalid" },
    { name: "plain http to elsewhere", change: { url: "http://opa.example" }, code: "option_invalid" },
    { name: "another scheme", change: { url: "ftp://127.0.0.1" }, code: "option_invalid" },
    {
      name: "a password in the URL",
      change: { url: "https://me:secret@opa.example" },
      code: "option_invalid",
    },
    { name: "a query in the URL", change: { url: "https://opa.example/?a" }, code: "option_invalid" },
    { name: "no decision", change: { decision: undefined }, code: "option_invalid" },
    { name: "a decision without a package", change: { decision: "allow" }, code: "option_invalid" },
    {
      name: "a decision as Rego writes it",
      change: { decision: "data.orders.allow" },
      code: "option_invalid",
    },
    { name: "a decision that climbs", change: { decision: "orders/../system" }, code: "option_invalid" },
    { name: "a decision with a query", change: { decision: "orders/allow?x" }, code: "option_invalid" },
    { name: "a filter with a quote", change: { filter: 'orders/"]' }, code: "option_invalid" },
    { name: "a timeout of nothing", change: { timeoutMs: 0 }, code: "option_invalid" },
    { name: "a timeout of a minute", change: { timeoutMs: 60_000 }, code: "option_invalid" },
    { name: "nothing at once", change: { mostAtOnce: 0 }, code: "option_invalid" },
    { name: "a token as text", change: { token: "secret" }, code: "option_invalid" },
  ];
  for (const { name, change, code } of refused) {
    test(`is refused with ${name}`, () => {
      const options = { ...sound, ...change } as OpaOptions;
      assert.throws(
        () => opa(options),
        (error: ContractError) =>
          error instanceof ContractError && error.code === code && !error.message.includes("secret"),
      );
    });
  }

  test("allows plain http to elsewhere only by a word that sounds dangerous, and warns", async () => {
    const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
    opa({ ...sound, url: "http://opa.example:8181", dangerouslyAllowHttp: true });
    assert.equal(((await warned) as Error & { code?: string }).code, "BULWARK_POLICY_HTTP");
  });
});
