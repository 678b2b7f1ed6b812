/**
 * Finds and loads a contract's module.
 *
 * Loading runs it: the command trusts the contract as the program that serves with it does.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Security } from "@bulwark/guard";
import { type OptionTable, UserMistake } from "./command.ts";

/** Where a contract is looked for, in the working directory. */
const usualNames = ["bulwark.config", "bulwark", "security", "src/security"].flatMap((name) =>
  ["ts", "mts", "js", "mjs"].map((ending) => `${name}.${ending}`),
);

export const contractOption = {
  contract: {
    type: "string",
    value: "<file>",
    help: "the module that exports `security`; default bulwark.config.ts, bulwark.ts, security.ts, src/security.ts",
  },
} as const satisfies OptionTable;

/** @throws {UserMistake} where there is none, or it cannot be loaded; what the module throws of the contract itself. */
export async function loadContract(given: string | undefined): Promise<Security> {
  const file = given ?? usualNames.find((name) => existsSync(name));
  if (file === undefined) {
    throw new UserMistake("There is no contract here: name its module with --contract <file>.");
  }
  const path = resolve(file);
  if (!existsSync(path)) throw new UserMistake(`There is no file ${file}.`);
  const module = await load(path, file);
  const security = module.security ?? module.default;
  if (!isSecurity(security)) {
    throw new UserMistake(
      `${file} exports no contract: export what \`defineSecurity\` returns as \`security\`.`,
    );
  }
  return security;
}

async function load(path: string, file: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return await import(pathToFileURL(path).href);
  } catch (error) {
    if (error instanceof Error && error.name === "ContractError") throw error;
    const reason = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    throw new UserMistake(`${file} cannot be loaded: ${reason}`);
  }
}

function isSecurity(value: unknown): value is Security {
  if (typeof value !== "object" || value === null) return false;
  const { resources, roles, permissions } = value as Partial<Security>;
  return resources instanceof Map && Array.isArray(permissions) && typeof roles?.grantsOf === "function";
}
