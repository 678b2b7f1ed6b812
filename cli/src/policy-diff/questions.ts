/** What contracts are compared over: recorded decisions, and rows times principals. */
import { open } from "node:fs/promises";
import type { Security } from "@bulwark/guard";
import {
  type Asker,
  type DecisionRecord,
  type Question,
  readDecisionRecord,
  readRecordedRow,
  readRow,
  rowShape,
} from "@bulwark/guard/explain";
import { type Output, UserMistake } from "../command.ts";
import { objectOf, readJsonFile, refuseUnknown, textsOf } from "../json-input.ts";

/** One line holds one row and one set of claims. */
const longestLine = 4_194_304;

/**
 * Reads the file that `recordDecisions` wrote. A last line that was cut off (the process ended while it wrote) is left out.
 *
 * @throws {UserMistake} with the line of what is wrong
 */
export async function* readDecisions(
  path: string,
  { note }: Pick<Output, "note">,
): AsyncGenerator<DecisionRecord> {
  const file = await open(path).catch((error) => refuseUnreadable(path, error));
  let number = 0;
  let broken: string | undefined;
  try {
    for await (const line of file.readLines()) {
      if (broken !== undefined) throw new UserMistake(`${broken} is no JSON.`);
      number += 1;
      const place = `${path}:${number}`;
      if (line.length > longestLine) throw new UserMistake(`${place} is longer than any record.`);
      const value = parseLine(line);
      if (value === undefined) broken = place;
      else yield readDecisionRecord(value, place);
    }
  } catch (error) {
    if (error instanceof Error && "syscall" in error) refuseUnreadable(path, error);
    throw error;
  }
  if (broken === undefined) return;
  if (number === 1) throw new UserMistake(`${broken} is no JSON.`);
  note(`bulwark: ${broken} was cut off, and is left out.`);
}

function refuseUnreadable(path: string, error: Error): never {
  throw new UserMistake(`${path} cannot be read: ${(error as NodeJS.ErrnoException).code}.`);
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** Rows by resource: `{ "order": [ … ] }`. @throws {UserMistake} */
export function readRowsFile(file: string): ReadonlyMap<string, readonly unknown[]> {
  const rows = Object.entries(objectOf(readJsonFile(file), file)).map(([resource, list]) => {
    if (!Array.isArray(list))
      throw new UserMistake(`${file}: ${JSON.stringify(resource)} is no list of rows.`);
    return [resource, list as readonly unknown[]] as const;
  });
  return new Map(rows);
}

/** Principals: `[ { "id", "kind", "roles", "claims" } ]`. @throws {UserMistake} */
export function readPrincipalsFile(file: string): readonly Asker[] {
  const list = readJsonFile(file);
  if (!Array.isArray(list)) throw new UserMistake(`${file} is no list of principals.`);
  return list.map((item: unknown, at) => {
    const place = `${file}[${at}]`;
    const { id, kind = "account", roles = [], claims = {}, ...rest } = objectOf(item, place);
    refuseUnknown(rest, [], place);
    if (typeof id !== "string" || (kind !== "account" && kind !== "client")) {
      throw new UserMistake(`${place} is no account or client with an id.`);
    }
    return { id, kind, roles: textsOf(roles, `${place}.roles`), claims: objectOf(claims, `${place}.claims`) };
  });
}

/** A row of a file, and who asks for what with it. */
export interface RowQuestion {
  readonly principal: Asker;
  readonly permission: string;
  readonly row: unknown;
  /** Where the row stands in its file. */
  readonly place: string;
  readonly nowMs: number;
}

/**
 * How a contract reads it: by the attributes that it declares.
 *
 * @param strict Refuse what is no attribute there, or not of its type. The other contract takes it as it stands.
 * @throws {ContractError} `resource_unknown`, `attribute_unknown`, `option_invalid`
 */
export function rowQuestion(asked: RowQuestion, security: Security, strict: boolean): Question {
  const { principal, permission, row, place, nowMs } = asked;
  const shape = rowShape(security, permission.split(":")[0] ?? "");
  const read = strict ? readRow(row, shape, place) : readRecordedRow(objectOf(row, place), shape);
  return { principal, permission, nowMs, row: read };
}
