/**
 * Everything the identity server refuses outside a request: at start, and in the calls a program makes.
 *
 * One table of codes, each with the mend. The caller prints `message`: one line that names the place, and
 * never a secret.
 */

/** Every code, with the mend a reader needs most. */
export const identityProblems = {
  option_unknown: "Remove it, or correct its spelling.",
  option_invalid: "Give a value of the documented shape.",
  issuer_invalid: "Give the public origin, `https://auth.example`, with no path; http only on loopback.",
  store_damaged: "Restore the file from a backup, or move it away to begin anew.",
  store_unwritable: "Give the process a folder it may write in.",
  store_unreachable: "Start PostgreSQL, or correct `databaseUrl`.",
  store_schema_newer: "Run the newer release that wrote it, or restore an older backup.",
  store_failed: "Look at the cause; the database refused the work.",
  secrets_invalid: "Give each secret as at least 32 random bytes in base64url.",
  secrets_damaged: "Restore the file from a backup; without it sealed records cannot be opened.",
  secrets_exposed: "Make the file readable by its owner only: chmod 600.",
  secret_missing: "Add the secret that sealed it to `secrets`, after the newest.",
  sealed_damaged: "Restore the record from a backup; it was changed outside this program.",
  email_invalid: "Give one address of the form name@example.org.",
  email_taken: "Sign in with the existing account, or use another address.",
  password_length: "Choose 12 to 128 characters.",
  role_invalid: "Name a role with letters, digits, `-` and `_`, beginning with a letter.",
  claims_invalid: "Give claims as a JSON object without the names that tokens reserve.",
  client_invalid: "Correct the client's registration.",
  client_taken: "Choose another client id.",
  account_unknown: "Give the id of an account that exists.",
  client_unknown: "Give the id of a client that exists.",
  contract_missing: "Open the server with `contract`.",
  role_unknown: "Give the name of a custom role that exists.",
  role_undeclared: "Name a role of the contract's, or create it first.",
  role_declared: "Change it in the contract.",
  role_taken: "Choose another name.",
  role_cycle: "Let inheritance run one way.",
  role_in_use: "Take it from everyone who holds it, and out of the roles that extend it.",
  roles_too_many: "Remove what is no longer used.",
  grant_invalid: "Grant what the contract declares, in the documented shape.",
  authority_exceeded: "Ask someone who holds it.",
  own_access: "Ask someone else.",
  changed_meanwhile: "Read it again, and decide anew.",
  api_key_invalid: "Correct what the API key is for.",
  revocation_invalid: "Name exactly one of `subject`, `session`, `token` and `apiKey`, by its id.",
  hashing_busy: "Try again in a few seconds.",
} as const;

export type IdentityProblem = keyof typeof identityProblems;

/** An operation refused. `code` is stable; `place` says where: a path, an option, a field. */
export class IdentityError extends Error {
  override readonly name = "IdentityError";
  readonly code: IdentityProblem;
  readonly place: string;

  constructor(code: IdentityProblem, place: string, problem: string, options?: ErrorOptions) {
    super(`${code} at ${place}: ${problem} ${identityProblems[code]}`, options);
    this.code = code;
    this.place = place;
  }
}

/** An option that is wrong whatever the state of the world: refused before anything is opened. */
export class IdentityOptionError extends TypeError {
  override readonly name = "IdentityOptionError";
  readonly code: IdentityProblem;
  readonly place: string;

  constructor(code: IdentityProblem, place: string, problem: string) {
    super(`${code} at ${place}: ${problem} ${identityProblems[code]}`);
    this.code = code;
    this.place = place;
  }
}

/** Refuses keys an options object does not have: a misspelt option must not be an option left out. */
export function refuseUnknownOptions(options: object, known: readonly string[], place: string): void {
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      throw new IdentityOptionError("option_unknown", `${place}.${key}`, `There is no option \`${key}\`.`);
    }
  }
}
