/** Open Policy Agent, its policy compiled to WebAssembly by the `opa` that is installed. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadPolicy } from "@open-policy-agent/opa-wasm";
import type { Engine, Question } from "../questions.ts";

const policy = `package orders

default allow := false

above := {"user": ["user"], "manager": ["user", "manager"], "admin": ["user", "manager", "admin"]}

has_role(name) if name in above[input.person.role]

allow if {
	has_role("user")
	input.action == "read"
	input.row.ownerId == input.person.id
}

allow if {
	has_role("user")
	input.action == "update"
	input.row.ownerId == input.person.id
	input.row.status in ["draft", "open"]
}

allow if {
	has_role("manager")
	input.action == "read"
	input.row.team == input.person.team
}

allow if has_role("admin")
`;

export const opa: Engine<Question> = {
  name: "OPA (Wasm)",
  ratio: "toOpaWasm",
  async prepare() {
    const wasm = compile();
    if (wasm === undefined) return undefined;
    const loaded = await loadPolicy(wasm);
    return {
      bind: (question) => question,
      decide(question) {
        const [answer] = loaded.evaluate(question) as readonly { readonly result: unknown }[];
        return answer?.result === true;
      },
    };
  },
};

function compile(): Buffer | undefined {
  const folder = mkdtempSync(join(tmpdir(), "bulwark-bench-opa-"));
  try {
    writeFileSync(join(folder, "orders.rego"), policy);
    execFileSync("opa", ["build", "-t", "wasm", "-e", "orders/allow", "-o", "bundle.tar.gz", "orders.rego"], {
      cwd: folder,
      timeout: 60_000,
      stdio: ["ignore", "ignore", "pipe"],
    });
    return execFileSync("tar", ["-xzOf", "bundle.tar.gz", "/policy.wasm"], {
      cwd: folder,
      timeout: 10_000,
      maxBuffer: 1 << 26,
      stdio: ["ignore", "pipe", "ignore"],
    });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw cause;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
