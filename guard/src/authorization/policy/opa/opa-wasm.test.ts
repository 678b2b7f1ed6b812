/** The embedded engine: real bundles, built by OPA, good and bad. */
import assert from "node:assert/strict";
import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { buildBundle, opaMissing } from "../../../../../testing/opa.ts";
import type { ContractError } from "../../../contract/refusal.ts";
import { createPolicy } from "../policy.ts";
import { inputAbout, openThings, things } from "../testing/things.ts";
import { readBundle } from "./bundle.ts";
import { type OpaWasmOptions, opaWasm } from "./opa-wasm.ts";

const { rows } = openThings();
const red = rows.find(({ team }) => team === "red") ?? {};
const other = rows.find(({ team }) => team === "é") ?? {};

const policyFor = (team: string) => `package orders

default allow := false
allow if input.row.team == data.teams.allowed
allow if input.row.team == "${team}"

clock := time.clock(input.nowMs)
`;
const files = { "orders.rego": policyFor("red"), "data.json": '{"teams":{"allowed":"green"}}' };
const decisions = ["orders/allow", "orders/clock"];
const decision = "orders/allow";

describe("the embedded OPA engine", () => {
  let bundle: Awaited<ReturnType<typeof buildBundle>>;
  before(async () => {
    bundle = await buildBundle(files, decisions);
  });
  after(() => bundle?.remove());
  const effects = (engine: ReturnType<typeof opaWasm>, given: readonly object[]) =>
    given.map((row) => {
      const answer = createPolicy(engine, things.roles.permissions).decide(inputAbout(row as typeof red));
      return answer instanceof Promise ? "a promise" : answer.effect;
    });

  test("decides at once, with the bundle's data, from a path or from bytes", (t) => {
    if (bundle === undefined) return t.skip(opaMissing);
    const bytes = readFileSync(bundle.path);
    for (const wasm of [bundle.path, bytes, readBundle(bytes).wasm]) {
      const engine = opaWasm({ wasm, decision, reload: false });
      assert.deepEqual(effects(engine, [red, other]), ["allow", "deny"]);
      // The bare policy has no data.
      const expected: string = wasm === bundle.path || wasm === bytes ? "allow" : "deny";
      assert.deepEqual(effects(engine, [{ ...red, team: "green" }]), [expected]);
    }
  });

  test("denies what cannot be evaluated", (t) => {
    if (bundle === undefined) return t.skip(opaMissing);
    const clock = opaWasm({ wasm: bundle.path, decision: "orders/clock", reload: false });
    assert.deepEqual(effects(clock, [red]), ["fail"], "a built-in that is not there");
    assert.deepEqual(effects(clock, [red]), ["fail"], "and again");
  });

  test("takes no more memory than it is given, and decides rightly after it", (t) => {
    if (bundle === undefined) return t.skip(opaMissing);
    const engine = opaWasm({ wasm: bundle.path, decision, reload: false });
    const input = inputAbout(red);
    const huge = { ...input, time: "x".repeat(70 * 1024 * 1024) };
    for (let round = 0; round < 2; round += 1) {
      assert.throws(() => engine.decide(huge));
      assert.deepEqual(effects(engine, [red, other]), ["allow", "deny"]);
    }
  });

  test("loads a changed file anew; one that cannot be loaded leaves the last policy deciding", async (t) => {
    if (bundle === undefined) return t.skip(opaMissing);
    const path = join(bundle.folder, "served.tar.gz");
    const next = join(bundle.folder, "next.tar.gz");
    copyFileSync(bundle.path, path);
    const engine = opaWasm({ wasm: path, decision });
    t.after(() => engine.close?.());
    assert.deepEqual(effects(engine, [red, other]), ["allow", "deny"]);

    writeFileSync(path, readFileSync(bundle.path).subarray(0, 5_000));
    await until(() => engine.trouble?.() !== undefined);
    assert.match(engine.trouble?.() ?? "", /^an older policy decides: /);
    assert.deepEqual(effects(engine, [red, other]), ["allow", "deny"]);

    rmSync(path);
    await until(() => /no such file/.test(engine.trouble?.() ?? ""));
    assert.deepEqual(effects(engine, [red, other]), ["allow", "deny"]);

    await bundle.build({ "orders.rego": policyFor("é") }, next);
    renameSync(next, path);
    await until(() => effects(engine, [other])[0] === "allow");
    assert.deepEqual(effects(engine, [red, other]), ["deny", "allow"]);
    assert.equal(engine.trouble?.(), undefined);
  });

  const refused: readonly {
    readonly name: string;
    readonly change: (path: string) => Partial<OpaWasmOptions> | object;
    readonly code: string;
  }[] = [
    { name: "no file", change: () => ({ wasm: "/nowhere/bundle.tar.gz" }), code: "option_invalid" },
    {
      name: "a decision that is not in it",
      change: () => ({ decision: "orders/nope" }),
      code: "option_invalid",
    },
    {
      name: "a decision that every object has",
      change: () => ({ decision: "constructor/name" }),
      code: "option_invalid",
    },
    { name: "a number", change: () => ({ wasm: 5 }), code: "option_invalid" },
    { name: "a url", change: () => ({ url: "http://127.0.0.1:8181" }), code: "option_unknown" },
    { name: "a filter", change: () => ({ filter: "orders/visible" }), code: "option_unknown" },
    { name: "nothing in the file", change: () => ({ wasm: new Uint8Array() }), code: "option_invalid" },
    {
      name: "half a file",
      change: (path) => ({ wasm: readFileSync(path).subarray(0, 3_000) }),
      code: "option_invalid",
    },
    {
      name: "an archive that is cut off",
      change: (path) => ({ wasm: changed(path, (tar) => tar.subarray(0, 1_024)) }),
      code: "option_invalid",
    },
    {
      name: "WebAssembly that is none",
      change: () => ({ wasm: new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]) }),
      code: "option_invalid",
    },
    {
      name: "data that is no JSON",
      change: (path) => ({ wasm: changed(path, (tar) => replaced(tar, '{"teams"', '{:teams"')) }),
      code: "option_invalid",
    },
    {
      name: "an archive of links",
      change: (path) => ({
        wasm: changed(path, (tar) => {
          tar[156] = 0x32;
          return tar;
        }),
      }),
      code: "option_invalid",
    },
    {
      name: "a file that is not looked at",
      change: (path) => ({ wasm: changed(path, (tar) => replaced(tar, "/orders.rego", "/orders.json")) }),
      code: "option_invalid",
    },
    {
      name: "a bomb",
      change: () => ({ wasm: gzipSync(new Uint8Array(80 * 1024 * 1024)) }),
      code: "option_invalid",
    },
  ];
  for (const { name, change, code } of refused) {
    test(`is refused at start with ${name}`, (t) => {
      if (bundle === undefined) return t.skip(opaMissing);
      const options = {
        wasm: bundle.path,
        decision,
        reload: false,
        ...change(bundle.path),
      } as OpaWasmOptions;
      assert.throws(() => opaWasm(options), { name: "ContractError", code } as Partial<ContractError>);
    });
  }
});

function changed(path: string, change: (archive: Buffer) => Uint8Array): Uint8Array {
  return gzipSync(change(gunzipSync(readFileSync(path))));
}

function replaced(archive: Buffer, from: string, to: string): Buffer {
  const at = archive.indexOf(from);
  assert.ok(at >= 0 && from.length === to.length);
  archive.write(to, at);
  return archive;
}

async function until(isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error("It did not come to be.");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
