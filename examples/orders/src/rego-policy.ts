/** The order API's policy, where the settings name one: OPA on a server, or its WebAssembly in this process. */
import { opa, type PolicyEngine } from "@bulwark/guard";
import type { Settings } from "./settings.ts";

const decision = "orders/decision";

/**
 * Opens the policy engine.
 *
 * @returns `undefined`: the contract alone decides.
 */
export async function openPolicy({ opaUrl, opaWasm: wasm }: Settings): Promise<PolicyEngine | undefined> {
  if (opaUrl !== undefined) {
    return opa({
      url: opaUrl,
      decision,
      filter: "orders/visible",
      permissions: ["order:create", "order:read", "order:update", "order:delete"],
    });
  }
  if (wasm === undefined) return undefined;
  // Loaded only where it is wanted: it brings a package along.
  const { opaWasm } = await import("@bulwark/guard/opa-wasm");
  // Compiled, the policy cannot be asked what lists to filter by: who reads what is left to the contract.
  return opaWasm({ wasm, decision, permissions: ["order:create", "order:update", "order:delete"] });
}
