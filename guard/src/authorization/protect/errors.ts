/** What a protected query is refused with: a denial of the caller's write, or a query that cannot be guarded. */

/**
 * The caller may not write this. Thrown out of a handler, it is answered 403 as the row stage would.
 *
 * Its `code`: `row_denied`, or `fields_denied` with the attributes that may not be set in `fields`.
 */
export class WriteDeniedError extends Error {
  override readonly name = "WriteDeniedError";
  readonly code: "row_denied" | "fields_denied";
  readonly fields: readonly string[];

  /** @param reason For the log. */
  constructor(reason: string, fields: readonly string[] = []) {
    super(reason);
    this.code = fields.length === 0 ? "row_denied" : "fields_denied";
    this.fields = fields;
  }
}

/** Every way in which a query cannot be guarded, with what to do instead. */
export const protectionProblems = {
  query_raw:
    "A statement in text cannot be seen into. Build it, or run it on the database that is not protected.",
  query_unseen: "A statement that was not built on this protected database carries no protection.",
  query_schema: "Tables are not changed through a protected database.",
  text_table: "Text in a query names a declared table. Build that part of the query.",
  text_unclear: "Text in a query has comments, quotes or brackets that hide where it ends.",
  node_unknown: "The query has a part that the protection does not know.",
  name_shadowed: "A name in `with` hides a table that a rule looks at. Give it another name.",
  write_unsupported:
    "The protection cannot decide this way of writing. Use a plain insert, update or delete.",
  write_unreadable: "The rule depends on a value that only the database knows. Give it as a plain value.",
  returning_unreadable: "Whether the caller may read the new row is not in its values. Read it afterwards.",
} as const;

export type ProtectionCode = keyof typeof protectionProblems;

/** The query cannot be guarded, so it is not run. A mistake in the program, never the caller's: answered 500. */
export class ProtectionError extends Error {
  override readonly name = "ProtectionError";
  readonly code: ProtectionCode;

  constructor(code: ProtectionCode, detail: string) {
    super(`${code}: ${detail} ${protectionProblems[code]}`);
    this.code = code;
  }
}
