/** What a database's own error means to the person who has to mend it. */
import { IdentityError, type IdentityProblem } from "../errors.ts";
import { DamagedFile } from "./sqlite.ts";

/** SQLite's primary result codes (the low byte of an extended code). */
const sqliteProblems: Readonly<Record<number, IdentityProblem>> = {
  8: "store_unwritable", // SQLITE_READONLY
  10: "store_damaged", // SQLITE_IOERR
  11: "store_damaged", // SQLITE_CORRUPT
  13: "store_unwritable", // SQLITE_FULL
  14: "store_unwritable", // SQLITE_CANTOPEN
  26: "store_damaged", // SQLITE_NOTADB
};

const fileProblems: ReadonlySet<string> = new Set([
  "EACCES",
  "EPERM",
  "EROFS",
  "ENOTDIR",
  "EEXIST",
  "EISDIR",
  "ENOSPC",
  "ENOENT",
]);

/** Node's codes for a peer that does not answer, and PostgreSQL's classes 08 (connection) and 57P (shutdown). */
const unreachable = /^(ECONN|EHOST|ENET|ENOTFOUND|ETIMEDOUT|EPIPE|EAI_|08|57P)/;

/** Turns an error met while opening or migrating a store into a coded one. `place` must hold no password. */
export function toStoreError(error: unknown, place: string): IdentityError {
  if (error instanceof IdentityError) return error;
  const code = describeFailure(error);
  return new IdentityError(code, place, sentences[code] ?? "The database refused the work.", {
    cause: error,
  });
}

/** True for errors that mean "the database cannot be asked now", as opposed to a program's own fault. */
export function isStoreUnavailable(error: unknown): boolean {
  const code = describeFailure(error);
  return code === "store_unreachable" || code === "store_damaged" || code === "store_unwritable";
}

const sentences: Partial<Record<IdentityProblem, string>> = {
  store_damaged: "The file is not a whole database.",
  store_unwritable: "The database's folder or file cannot be written.",
  store_unreachable: "The database does not answer.",
};

function describeFailure(error: unknown): IdentityProblem {
  if (error instanceof DamagedFile) return "store_damaged";
  if (!(error instanceof Error)) return "store_failed";
  if ("errcode" in error && typeof error.errcode === "number") {
    return sqliteProblems[error.errcode & 0xff] ?? "store_failed";
  }
  // `pg` reports its own connection timeout and a pool's lost peer without a code.
  if (/^(timeout exceeded when trying to connect|Connection terminated)/.test(error.message)) {
    return "store_unreachable";
  }
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (unreachable.test(code)) return "store_unreachable";
  if (fileProblems.has(code)) return "store_unwritable";
  return "store_failed";
}
