/**
 * The declared tables, as the database finds them by name.
 *
 * SQLite takes names in any case for the same, even quoted ones; PostgreSQL cuts names off after 63 bytes. A spelling
 * that only the database understands would be a way around the rule.
 */
import type { Security } from "../../contract/define-security.ts";
import { ContractError } from "../../contract/refusal.ts";
import type { Resource } from "../../contract/resource.ts";
import type { Dialect } from "../conditions/sql/parts.ts";

export interface Tables {
  /** The resource whose table has this name; `undefined`: none, or one left unprotected. */
  find(name: string): Resource | undefined;
  /** The names of protected tables, as `fold` writes them. */
  readonly names: readonly string[];
  /** Is it a table that rules look at from another? */
  isRelated(name: string): boolean;
  fold(name: string): string;
}

const maxNameBytes = 63;

function foldName(name: string, dialect: Dialect): string {
  if (dialect === "sqlite") return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  const bytes = Buffer.from(name);
  if (bytes.length <= maxNameBytes) return name;
  let end = maxNameBytes;
  // Never within a letter.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end).toString();
}

/** @throws {ContractError} `resource_unknown`, `option_invalid` */
export function createTables(security: Security, unprotected: readonly string[]): Tables {
  const fold = (name: string) => foldName(name, security.database);
  for (const name of unprotected) {
    if (!security.resources.has(name)) {
      throw new ContractError(
        "resource_unknown",
        "protect.dangerouslyUnprotected",
        `There is no \`${name}\`.`,
      );
    }
  }
  const tables = new Map<string, Resource>();
  const related = new Set<string>();
  for (const resource of security.resources.values()) {
    for (const relation of Object.values(resource.relations)) related.add(fold(relation.table));
    if (unprotected.includes(resource.name)) continue;
    const name = fold(resource.table);
    if (tables.has(name)) {
      throw new ContractError("option_invalid", "protect", `Two resources have the table \`${name}\`.`);
    }
    tables.set(name, resource);
  }
  return Object.freeze({
    find: (name: string) => tables.get(fold(name)),
    names: Object.freeze([...tables.keys()]),
    isRelated: (name: string) => related.has(fold(name)),
    fold,
  });
}
