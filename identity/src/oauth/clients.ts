/**
 * OAuth clients: the programs that may ask for tokens.
 *
 * Two kinds. A confidential client has a secret, kept as its SHA-256 (secrets are random, not chosen). A public
 * client (a browser or native app) has none, and may only use the code grant, which PKCE protects.
 */
import type { ClientMetadata } from "oidc-provider";
import { type Claims, parseClaims, requireRoles, serializeClaims } from "../accounts/attributes.ts";
import { IdentityError } from "../errors.ts";
import type { Feed } from "../feed/feed.ts";
import { digest } from "../keys/digest.ts";
import { program } from "../roles/actor.ts";
import { replaceRoles } from "../roles/replace-roles.ts";
import { lockRoles } from "../roles/role-records.ts";
import { type PageOptions, pageLimit } from "../storage/page.ts";
import type { ClientsTable, Database } from "../storage/schema.ts";

export type GrantType = "authorization_code" | "client_credentials";

export interface NewClient {
  /** 1 to 64 letters, digits, `.`, `_` and `-`. */
  readonly id: string;
  /** Shown to people who sign in. */
  readonly name: string;
  /** At least 16 characters, random. Without one the client is public. */
  readonly secret?: string;
  readonly grantTypes: readonly GrantType[];
  /** Exact URIs: https, or http on loopback. Needed for the code grant, refused without it. */
  readonly redirectUris?: readonly string[];
  /** Roles of the client's own tokens (client_credentials). */
  readonly roles?: readonly string[];
  /** Claims of the client's own tokens, as far as the server's `tokenClaims` names them. */
  readonly claims?: Claims;
  /**
   * The only scopes of the contract's that it may ask for; it must then ask for one. Default any, or none: its tokens may
   * then do all that their subject may.
   */
  readonly scopes?: readonly string[];
}

export interface Client {
  readonly id: string;
  readonly name: string;
  readonly isPublic: boolean;
  readonly grantTypes: readonly GrantType[];
  readonly redirectUris: readonly string[];
  readonly roles: readonly string[];
  readonly claims: Claims;
  /** The only scopes it may ask for; `undefined`: any. */
  readonly scopes: readonly string[] | undefined;
}

export interface Clients {
  /** Registers a client. @throws {IdentityError} `client_invalid`, `client_taken`, `role_invalid`, `claims_invalid` */
  create(client: NewClient): Promise<Client>;
  findById(id: string): Promise<Client | undefined>;
  /** A page of all clients, by their ids. */
  list(page?: PageOptions): Promise<readonly Client[]>;
  /**
   * Gives the client these roles instead of those it has, and tells the guards. Once one is taken away, its tokens of
   * before count no more.
   *
   * @throws {IdentityError} `role_invalid`, `client_unknown`
   */
  setRoles(id: string, roles: readonly string[]): Promise<void>;
  /** The registration as `oidc-provider` reads it (RFC 7591 §2); `client_secret` is the secret's digest. */
  findMetadata(id: string): Promise<ClientMetadata | undefined>;
}

const clientId = /^[A-Za-z0-9._-]{1,64}$/;
const knownGrantTypes: readonly string[] = ["authorization_code", "client_credentials"];
const loopbackHosts: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];
const leastSecretLength = 16;
/** RFC 6749 §3.3: visible ASCII, without quotes and backslashes. */
const scopeName = /^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/;
const mostScopes = 100;

export interface ClientsOptions {
  readonly db: Database;
  readonly feed: Feed;
  readonly now: () => number;
}

export function createClients({ db, feed, now }: ClientsOptions): Clients {
  return { create, findById, list, setRoles, findMetadata };

  async function create(given: NewClient): Promise<Client> {
    const redirectUris = [...new Set(given.redirectUris ?? [])];
    validate(given, redirectUris);
    const roles = requireRoles(given.roles ?? [], "client.roles");
    const { numInsertedOrUpdatedRows: inserted } = await db
      .insertInto("clients")
      .values({
        id: given.id,
        name: given.name,
        secret_hash: given.secret === undefined ? null : digest(given.secret),
        grant_types: JSON.stringify([...new Set(given.grantTypes)]),
        redirect_uris: JSON.stringify(redirectUris),
        roles: JSON.stringify(roles),
        claims: serializeClaims(given.claims ?? {}, "client.claims"),
        created_at_ms: now(),
        scopes: given.scopes === undefined ? null : JSON.stringify([...new Set(given.scopes)].sort()),
      })
      .onConflict((conflict) => conflict.column("id").doNothing())
      .executeTakeFirst();
    if (inserted !== 1n) throw new IdentityError("client_taken", "client.id", "A client has this id.");
    const client = await findById(given.id);
    if (client === undefined)
      throw new IdentityError("store_failed", "client.id", "The client was not stored.");
    return client;
  }

  async function findById(id: string): Promise<Client | undefined> {
    const row = await findRow(id);
    return row === undefined ? undefined : toClient(row);
  }

  async function list({ after, limit }: PageOptions = {}): Promise<readonly Client[]> {
    const rows = await db
      .selectFrom("clients")
      .selectAll()
      .$if(after !== undefined, (query) => query.where("id", ">", after ?? ""))
      .orderBy("id")
      .limit(pageLimit(limit))
      .execute();
    return rows.map(toClient);
  }

  async function setRoles(id: string, given: readonly string[]): Promise<void> {
    const roles = requireRoles(given, "roles");
    await feed.transact(async (transaction, publish) => {
      await lockRoles(transaction);
      await replaceRoles({ kind: "client", id }, roles, { transaction, publish, now, actor: program });
    });
  }

  async function findMetadata(id: string): Promise<ClientMetadata | undefined> {
    const row = await findRow(id);
    return row === undefined ? undefined : toMetadata(row);
  }

  async function findRow(id: string): Promise<ClientsTable | undefined> {
    if (!clientId.test(id)) return undefined;
    return db.selectFrom("clients").selectAll().where("id", "=", id).executeTakeFirst();
  }
}

function validate(client: NewClient, redirectUris: readonly string[]): void {
  const refuse = (place: string, problem: string) => {
    throw new IdentityError("client_invalid", `client.${place}`, problem);
  };
  if (!clientId.test(client.id)) refuse("id", "It is not a client id.");
  if (client.name.trim() === "" || client.name.length > 100) refuse("name", "It is empty or too long.");
  if (client.secret !== undefined && client.secret.length < leastSecretLength) {
    refuse("secret", "A secret has at least 16 random characters.");
  }
  if (client.grantTypes.length === 0) refuse("grantTypes", "There is none.");
  for (const grantType of client.grantTypes) {
    if (!knownGrantTypes.includes(grantType))
      refuse("grantTypes", `${JSON.stringify(grantType)} is not offered.`);
  }
  if (client.secret === undefined && client.grantTypes.includes("client_credentials")) {
    refuse("secret", "A client without a secret cannot prove who it is.");
  }
  const usesCode = client.grantTypes.includes("authorization_code");
  if (usesCode && redirectUris.length === 0) refuse("redirectUris", "The code grant needs one.");
  if (!usesCode && redirectUris.length > 0) refuse("redirectUris", "Only the code grant has one.");
  const { scopes = [] } = client;
  if (client.scopes?.length === 0 || scopes.length > mostScopes || !scopes.every(isScopeName)) {
    refuse("scopes", "It is no list of scopes.");
  }
  for (const uri of redirectUris) {
    if (!isRedirectUri(uri))
      refuse("redirectUris", `${JSON.stringify(uri)} is not https, nor http on loopback.`);
  }
}

function isScopeName(scope: unknown): boolean {
  return typeof scope === "string" && scopeName.test(scope);
}

/** RFC 9700 §2.1: matched exactly, so stored exactly; nothing in it that a browser would rewrite. */
function isRedirectUri(text: string): boolean {
  const uri = URL.parse(text);
  if (uri === null || uri.hash !== "" || text.includes("#") || text.includes("*")) return false;
  if (uri.username !== "" || uri.password !== "") return false;
  const loopback = uri.protocol === "http:" && loopbackHosts.includes(uri.hostname);
  return (uri.protocol === "https:" || loopback) && (uri.href === text || uri.href === `${text}/`);
}

function toClient(row: ClientsTable): Client {
  return Object.freeze({
    id: row.id,
    name: row.name,
    isPublic: row.secret_hash === null,
    grantTypes: JSON.parse(row.grant_types) as GrantType[],
    redirectUris: JSON.parse(row.redirect_uris) as string[],
    roles: JSON.parse(row.roles) as string[],
    claims: parseClaims(row.claims),
    scopes: row.scopes === null ? undefined : (JSON.parse(row.scopes) as string[]),
  });
}

function toMetadata(row: ClientsTable): ClientMetadata {
  const client = toClient(row);
  const usesCode = client.grantTypes.includes("authorization_code");
  return {
    client_id: row.id,
    client_name: row.name,
    ...(row.secret_hash === null ? {} : { client_secret: row.secret_hash }),
    // One registration serves both: with `client_secret_basic` the provider also takes the post form.
    token_endpoint_auth_method: row.secret_hash === null ? "none" : "client_secret_basic",
    grant_types: [...client.grantTypes],
    redirect_uris: [...client.redirectUris],
    response_types: usesCode ? ["code"] : [],
    id_token_signed_response_alg: "ES256",
    application_type: "web",
  };
}
