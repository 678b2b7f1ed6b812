/**
 * An identity server in another process: the same few questions as in one process, asked over HTTP, and its feed as
 * server-sent events.
 *
 * The guard proves itself by an API key with the scope `guard`. Nothing is kept that the feed could not take back.
 */
import { checkText } from "../../contract/checks.ts";
import { ContractError, refuseUnknownKeys } from "../../contract/refusal.ts";
import { isLoopbackHost } from "../../encoding/origin.ts";
import { readBounded } from "../../outbound/fetch-json.ts";
import type { FeedSubscriber } from "../feed/feed.ts";
import type { ApiKey, IdentitySource, PublicJwkSet, Session } from "../identity-source.ts";
import { fetchKeys } from "../keys/fetch-keys.ts";
import { followFeed } from "./follow-feed.ts";
import { readRoleChanges } from "./read-role-changes.ts";

export interface ConnectIdentityOptions {
  /** The identity server's issuer, as in the contract: `https://auth.example`. */
  readonly issuer: string;
  /** An API key of the identity server's with the scope `guard`. */
  readonly apiKey: string;
  /** Where it is reached from here; default the issuer. https, or http on loopback. */
  readonly url?: string;
  /** The name of its session cookie; default what it uses itself, by its issuer's scheme. */
  readonly sessionCookieName?: string;
}

const timeoutMs = 3_000;
const maxAnswerBytes = 64 * 1024;
/** A page of roles: the server ends one at a megabyte, or after one role that is longer by itself. */
const maxRolesBytes = 4 * 1024 * 1024;

/**
 * Connects a guard to an identity server in another process. Nothing is sent before the guard asks.
 *
 * @throws {ContractError} `option_unknown`, `option_invalid`
 * @example
 * const identity = connectIdentity({ issuer: "https://auth.example", apiKey: process.env.GUARD_KEY ?? "" });
 * await app.register(bulwark, { security, identity });
 */
export function connectIdentity(options: ConnectIdentityOptions): IdentitySource {
  const place = "connectIdentity";
  refuseUnknownKeys(options, ["issuer", "apiKey", "url", "sessionCookieName"], place);
  const { issuer, sessionCookieName = cookieNameFor(issuer) } = options;
  const base = checkUrl(options.url ?? issuer, `${place}.url`);
  const authorization = `Bearer ${checkText(options.apiKey, `${place}.apiKey`)}`;

  const ask = async (
    path: string,
    question: object,
    most = maxAnswerBytes,
  ): Promise<Readonly<Record<string, unknown>>> => {
    const response = await fetch(new URL(path, base), {
      method: "POST",
      headers: { authorization, "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify(question),
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`The identity server answers ${response.status}.`);
    }
    return JSON.parse(await readBounded(response, most));
  };

  const source: IdentitySource = {
    issuer,
    sessionCookieName,
    keys: async (): Promise<PublicJwkSet> => (await fetchKeys(issuer, base)).set,
    async findSession(cookieValue: string) {
      const { session } = await ask("/guard/session", { cookieValue });
      return readSession(session);
    },
    async findApiKey(id: string, secret: string) {
      const { apiKey } = await ask("/guard/api-key", { id, secret });
      return readApiKey(apiKey);
    },
    roleChanges: async (since: number) =>
      readRoleChanges(await ask("/guard/roles", { since }, maxRolesBytes)),
    subscribe: (subscriber: FeedSubscriber) =>
      followFeed({ url: new URL("/guard/feed", base), authorization, subscriber }),
  };
  return Object.freeze(source);
}

function cookieNameFor(issuer: string): string {
  return issuer.startsWith("https:") ? "__Host-bulwark" : "bulwark";
}

function checkUrl(text: string, place: string): URL {
  const url = URL.parse(text);
  const secure = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopbackHost(url.hostname));
  if (url === null || !secure) throw new ContractError("option_invalid", place, "It is not an https URL.");
  return url;
}

/** `null` says that there is none; anything else that is not whole is no answer. */
function readSession(value: unknown): Session | undefined {
  if (value === null) return undefined;
  const session = value as Session;
  if (typeof session?.id !== "string" || typeof session.accountId !== "string") throw notUnderstood();
  if (!isOwner(session) || typeof session.expiresAtMs !== "number") throw notUnderstood();
  return session;
}

function readApiKey(value: unknown): ApiKey | undefined {
  if (value === null) return undefined;
  const key = value as ApiKey & { readonly scopes?: unknown; readonly expiresAtMs?: unknown };
  const isWhole = typeof key?.id === "string" && typeof key.ownerId === "string" && isOwner(key);
  if (!isWhole || (key.ownerKind !== "account" && key.ownerKind !== "client")) throw notUnderstood();
  // JSON has no `undefined`. A key without scopes may do all that its owner may: only an honest absence says so.
  if (key.scopes !== undefined && key.scopes !== null && !Array.isArray(key.scopes)) throw notUnderstood();
  return { ...key, scopes: key.scopes ?? undefined, expiresAtMs: key.expiresAtMs ?? undefined };
}

function isOwner({ roles, claims }: { readonly roles: unknown; readonly claims: unknown }): boolean {
  return Array.isArray(roles) && typeof claims === "object" && claims !== null;
}

function notUnderstood(): Error {
  return new Error("The identity server's answer is not understood.");
}
