/**
 * `@bulwark/guard/opa-wasm`: a Rego policy in this process, compiled to WebAssembly.
 *
 * It answers in microseconds and depends on nothing that could be down. An entry of its own, because it is the one part of
 * the guard that loads a package: `@open-policy-agent/opa-wasm`.
 *
 * @see https://www.openpolicyagent.org/docs/wasm
 */
import { readFileSync, statSync } from "node:fs";
import * as opaPackage from "@open-policy-agent/opa-wasm";
import { ContractError, refuseUnknownKeys } from "../../../contract/refusal.ts";
import type { PolicyDecision, PolicyEngine, PolicyInput } from "../engine.ts";
import { type PolicyBundle, readBundle } from "./bundle.ts";
import { readDecisionDocument } from "./decision-document.ts";
import { toInputText } from "./input-text.ts";
import { checkRulePath, type OpaRules } from "./options.ts";

/** What its types say of the package, its default export has. */
const { loadPolicySync } = (opaPackage as unknown as { readonly default: typeof opaPackage }).default;
type LoadedPolicy = ReturnType<typeof loadPolicySync>;

/** As much as is used of it: its types would bring a browser's along. */
declare const WebAssembly: { readonly Module: new (bytes: Uint8Array) => object };

export interface OpaWasmOptions extends OpaRules {
  /**
   * What `opa build -t wasm -e orders/allow` made: the path of `bundle.tar.gz` or of its `policy.wasm`, or the bytes of
   * either. It is code that decides: keep it as such.
   */
  readonly wasm: string | Uint8Array;
  /** Whether a file that has changed is loaded anew; default true. */
  readonly reload?: boolean;
}

const knownKeys = [
  "wasm",
  "decision",
  "permissions",
  "claims",
  "reload",
] as const satisfies readonly (keyof OpaWasmOptions)[];

/** How often the file is looked at, which works on every file system and with links that are turned round. */
const lookEveryMs = 500;
/** 64 MiB: an input that needs more is denied. */
const mostPages = 1_024;

/**
 * A policy engine that evaluates a compiled policy.
 *
 * A changed file is loaded anew. One that cannot be loaded changes nothing: the policy that was loaded last goes on
 * deciding, and the guard's health says so.
 *
 * @throws {ContractError} `option_unknown`, `option_invalid`: also where there is no such file, no such decision in it.
 * @example
 * defineSecurity({ policy: opaWasm({ wasm: "policy/bundle.tar.gz", decision: "orders/allow" }), … });
 */
export function opaWasm(options: OpaWasmOptions): PolicyEngine {
  const place = "opaWasm";
  refuseUnknownKeys(options, knownKeys, place);
  const { wasm, reload = true, permissions, claims } = options;
  const decision = checkRulePath(options.decision, `${place}.decision`);
  if (typeof reload !== "boolean" || (typeof wasm !== "string" && !(wasm instanceof Uint8Array))) {
    throw new ContractError("option_invalid", place, "It is told of no file, or not whether to reload it.");
  }
  const file = reload && typeof wasm === "string" ? wasm : undefined;
  // Before it is read: what changes from here on is noticed.
  let seen = file === undefined ? "" : stampOf(file);
  let module = loadAtStart(wasm, decision, place);
  let instance: LoadedPolicy | undefined = module.instantiate();
  let trouble: string | undefined;

  const look = (path: string) => {
    const stamp = stampOf(path);
    if (stamp === seen) return;
    seen = stamp;
    try {
      const changed = load(path, decision);
      instance = changed.instantiate();
      module = changed;
      trouble = undefined;
    } catch (error) {
      trouble = `an older policy decides: ${messageOf(error)}`;
    }
  };
  const timer = file === undefined ? undefined : setInterval(look, lookEveryMs, file);
  timer?.unref();

  return Object.freeze({
    name: `opa-wasm ${decision}`,
    permissions,
    claims,
    decide(input: PolicyInput): PolicyDecision {
      const bytes = new TextEncoder().encode(toInputText(input));
      const evaluated = instance ?? module.instantiate();
      // What breaks off in the middle leaves its memory as it was then: never evaluated in again.
      instance = undefined;
      let results: unknown;
      try {
        results = evaluated.evaluate(bytes.buffer, decision);
      } catch (error) {
        throw new Error(`\`${decision}\` cannot be evaluated: ${messageOf(error)}`);
      }
      instance = evaluated;
      return readDecisionDocument(readResult(results), decision);
    },
    trouble: () => trouble,
    close: () => clearInterval(timer),
  });
}

/** Differs when the file is another, or has been written to; empty where it cannot be seen. */
function stampOf(path: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(path);
    return `${ino} ${size} ${mtimeMs}`;
  } catch {
    // Reading it says why.
    return "";
  }
}

interface CompiledPolicy {
  instantiate(): LoadedPolicy;
}

function loadAtStart(wasm: string | Uint8Array, decision: string, place: string): CompiledPolicy {
  try {
    return load(wasm, decision);
  } catch (error) {
    throw new ContractError("option_invalid", `${place}.wasm`, messageOf(error));
  }
}

/** @throws {Error} where it cannot be read, compiled, or asked for the decision. */
function load(wasm: string | Uint8Array, decision: string): CompiledPolicy {
  const bundle: PolicyBundle = readBundle(typeof wasm === "string" ? readFileSync(wasm) : wasm);
  const compiled = new WebAssembly.Module(bundle.wasm);
  const { data } = bundle;
  const policy = {
    instantiate() {
      const loaded = loadPolicySync(compiled, { initial: 5, maximum: mostPages });
      if (data !== undefined) loaded.setData(new TextEncoder().encode(data).buffer);
      return loaded;
    },
  };
  const { entrypoints } = policy.instantiate();
  if (!Object.hasOwn(entrypoints, decision)) {
    throw new Error(`It has no decision \`${decision}\`: build it with \`-e ${decision}\`.`);
  }
  return policy;
}

/** A set of results: empty where the decision is undefined. */
function readResult(results: unknown): unknown {
  if (!Array.isArray(results) || results.length > 1) throw new Error("the policy gave no result");
  const [first] = results as readonly unknown[];
  if (first === undefined) return undefined;
  if (typeof first !== "object" || first === null || !Object.hasOwn(first, "result")) {
    throw new Error("the policy gave no result");
  }
  return (first as { readonly result: unknown }).result;
}

/** The package throws text and plain objects beside errors. */
function messageOf(error: unknown): string {
  if (typeof error === "string") return error;
  const { message } = (error ?? {}) as { readonly message?: unknown };
  return typeof message === "string" ? message : "unknown";
}
