/**
 * Accounts: who may sign in, with which roles and claims.
 *
 * Threat: learning from the server who has an account. `authenticate` gives one answer, after one duration,
 * for an unknown address, an account without a password, a wrong password and a disabled account.
 */
import { randomUUID } from "node:crypto";
import type { Selectable } from "kysely";
import { IdentityError } from "../errors.ts";
import type { Feed } from "../feed/feed.ts";
import type { Passwords } from "../passwords/passwords.ts";
import { program } from "../roles/actor.ts";
import { replaceRoles } from "../roles/replace-roles.ts";
import { lockRoles } from "../roles/role-records.ts";
import { endSessionsOf } from "../sessions/end-sessions.ts";
import { type PageOptions, pageLimit } from "../storage/page.ts";
import type { Database, Tables } from "../storage/schema.ts";
import { type Claims, parseClaims, requireRoles, serializeClaims } from "./attributes.ts";
import { normalizeEmail, requireEmail } from "./email.ts";

export interface Account {
  readonly id: string;
  /** Lower-cased. */
  readonly email: string;
  readonly roles: readonly string[];
  readonly claims: Claims;
  readonly createdAtMs: number;
  /** When it was disabled; `undefined` while it may sign in. */
  readonly disabledAtMs: number | undefined;
}

export interface NewAccount {
  /** Any spelling of the address; stored trimmed and lower-cased. */
  readonly email: string;
  /** 12 to 128 characters. Without one the account cannot sign in with a password. */
  readonly password?: string;
  readonly roles?: readonly string[];
  /** Further facts, such as `team`; JSON values. */
  readonly claims?: Claims;
}

export interface Accounts {
  /**
   * Creates an account.
   *
   * @throws {IdentityError} `email_invalid`, `email_taken`, `password_length`, `role_invalid`,
   * `claims_invalid`, `hashing_busy`
   */
  create(account: NewAccount): Promise<Account>;
  findById(id: string): Promise<Account | undefined>;
  /** Finds by any spelling of the address. */
  findByEmail(email: string): Promise<Account | undefined>;
  /**
   * A page of all accounts, disabled ones too, by their addresses.
   *
   * @throws {IdentityError} `account_unknown`: there is none of the id to go on after
   * @example
   * for (let page = await accounts.list(); page.length > 0; page = await accounts.list({ after: page.at(-1)?.id })) { … }
   */
  list(page?: PageOptions): Promise<readonly Account[]>;
  /** The account, if the password is its own and it may sign in. @throws {IdentityError} `hashing_busy` */
  authenticate(credentials: {
    readonly email: string;
    readonly password: string;
  }): Promise<Account | undefined>;
  /**
   * Gives the account these roles instead of those it has, and tells the guards. Once one is taken away, its tokens of
   * before count no more.
   *
   * @throws {IdentityError} `role_invalid`, `account_unknown`
   */
  setRoles(id: string, roles: readonly string[]): Promise<void>;
  /** Ends all of the account's sessions and tokens at once, and refuses new ones. */
  disable(id: string): Promise<void>;
}

export interface AccountsOptions {
  readonly db: Database;
  readonly feed: Feed;
  readonly passwords: Passwords;
  readonly now: () => number;
}

export function createAccounts({ db, feed, passwords, now }: AccountsOptions): Accounts {
  return { create, findById, findByEmail, list, authenticate, setRoles, disable };

  async function create(given: NewAccount): Promise<Account> {
    const email = requireEmail(given.email, "account.email");
    const roles = requireRoles(given.roles ?? [], "account.roles");
    const claims = serializeClaims(given.claims ?? {}, "account.claims");
    const passwordHash = given.password === undefined ? null : await passwords.hash(given.password);
    const id = randomUUID();
    const createdAtMs = now();
    await db.transaction().execute(async (transaction) => {
      const { numInsertedOrUpdatedRows: inserted } = await transaction
        .insertInto("accounts")
        .values({
          id,
          email,
          password_hash: passwordHash,
          claims,
          created_at_ms: createdAtMs,
          disabled_at_ms: null,
        })
        .onConflict((conflict) => conflict.column("email").doNothing())
        .executeTakeFirst();
      if (inserted !== 1n)
        throw new IdentityError("email_taken", "account.email", "An account has this address.");
      for (const role of roles) {
        await transaction.insertInto("account_roles").values({ account_id: id, role }).execute();
      }
    });
    return Object.freeze({
      id,
      email,
      roles,
      claims: parseClaims(claims),
      createdAtMs,
      disabledAtMs: undefined,
    });
  }

  async function findById(id: string): Promise<Account | undefined> {
    return (await findRow("id", id))?.account;
  }

  async function findByEmail(text: string): Promise<Account | undefined> {
    const email = normalizeEmail(text);
    return email === undefined ? undefined : (await findRow("email", email))?.account;
  }

  async function authenticate({ email: text, password }: { email: string; password: string }) {
    const email = normalizeEmail(text);
    const row = email === undefined ? undefined : await findRow("email", email);
    // Verified whatever was found, and before anything is decided: the duration says nothing.
    const matches = await passwords.verify(password, row?.passwordHash);
    return matches && row?.account.disabledAtMs === undefined ? row?.account : undefined;
  }

  async function setRoles(id: string, given: readonly string[]): Promise<void> {
    const roles = requireRoles(given, "roles");
    await feed.transact(async (transaction, publish) => {
      await lockRoles(transaction);
      await replaceRoles({ kind: "account", id }, roles, { transaction, publish, now, actor: program });
    });
  }

  async function disable(id: string): Promise<void> {
    await feed.transact(async (transaction, publish) => {
      const { numUpdatedRows } = await transaction
        .updateTable("accounts")
        .set({ disabled_at_ms: now() })
        .where("id", "=", id)
        .where("disabled_at_ms", "is", null)
        .executeTakeFirst();
      if (numUpdatedRows === 1n) await endSessionsOf(id, { transaction, publish, now });
    });
  }

  /** One statement for account and roles: the roles are those of the same instant. */
  async function findRow(column: "id" | "email", value: string) {
    const rows = await db
      .selectFrom("accounts")
      .leftJoin("account_roles", "account_roles.account_id", "accounts.id")
      .selectAll("accounts")
      .select("account_roles.role")
      .where(`accounts.${column}`, "=", value)
      .orderBy("account_roles.role")
      .execute();
    const [first] = rows;
    if (first === undefined) return undefined;
    return { account: toAccount(first, rows), passwordHash: first.password_hash ?? undefined };
  }

  async function list({ after, limit }: PageOptions = {}): Promise<readonly Account[]> {
    const known = after === undefined ? undefined : await findRow("id", after);
    if (after !== undefined && known === undefined) {
      throw new IdentityError("account_unknown", "page.after", "No account has this id.");
    }
    const page = db
      .selectFrom("accounts")
      .selectAll()
      .$if(known !== undefined, (query) => query.where("email", ">", known?.account.email ?? ""))
      .orderBy("email")
      .limit(pageLimit(limit))
      .as("page");
    const rows = await db
      .selectFrom(page)
      .leftJoin("account_roles", "account_roles.account_id", "page.id")
      .selectAll("page")
      .select("account_roles.role")
      .orderBy("page.email")
      .orderBy("account_roles.role")
      .execute();
    return [...Map.groupBy(rows, ({ id }) => id).values()].flatMap((ofOne) => {
      const [first] = ofOne;
      return first === undefined ? [] : toAccount(first, ofOne);
    });
  }
}

type AccountRow = Selectable<Tables["accounts"]>;

/** @param rows One for each of its roles; at least one. */
function toAccount(first: AccountRow, rows: readonly { readonly role: string | null }[]): Account {
  return Object.freeze({
    id: first.id,
    email: first.email,
    roles: Object.freeze(rows.flatMap(({ role }) => role ?? [])),
    claims: parseClaims(first.claims),
    createdAtMs: first.created_at_ms,
    disabledAtMs: first.disabled_at_ms ?? undefined,
  });
}
