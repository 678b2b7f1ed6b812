/** JSON that a caller gives: as the argument itself, or as `@file`. */
import { readFileSync, statSync } from "node:fs";
import { UserMistake } from "./command.ts";

/** No row, and no list of roles, is larger. */
const mostBytes = 16_777_216;

/** @throws {UserMistake} */
export function readJsonArgument(text: string, option: string): unknown {
  if (text.startsWith("@")) return readJsonFile(text.slice(1));
  return parseJson(text, `--${option}`);
}

/** @throws {UserMistake} */
export function readJsonFile(file: string): unknown {
  return parseJson(readTextFile(file, mostBytes), file);
}

/** @throws {UserMistake} */
export function readTextFile(file: string, most: number): string {
  try {
    const { size } = statSync(file);
    if (size > most) throw new UserMistake(`${file} has ${size} bytes: ${most} are the most that is read.`);
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof UserMistake) throw error;
    const { code = "an error" } = error as NodeJS.ErrnoException;
    throw new UserMistake(`${file} cannot be read: ${code}.`);
  }
}

function parseJson(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UserMistake(`${place} is no JSON.`);
  }
}

/** @throws {UserMistake} */
export function objectOf(value: unknown, place: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw new UserMistake(`${place} is no JSON object.`);
}

/** @throws {UserMistake} */
export function textsOf(value: unknown, place: string): readonly string[] {
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw new UserMistake(`${place} is no list of texts.`);
}

/** Refuses names that an object does not have. @throws {UserMistake} */
export function refuseUnknown(value: object, known: readonly string[], place: string): void {
  for (const name of Object.keys(value)) {
    if (!known.includes(name)) throw new UserMistake(`${place} has an unknown ${JSON.stringify(name)}.`);
  }
}
