/**
 * Revoking: ending what the store knows and telling the guards, in one transaction.
 *
 * Tokens verify offline, so ending a session or deleting a key is half of it: the event is what reaches a guard that
 * asks nobody.
 */
import { revocationTargets } from "@bulwark/guard";
import type { ApiKeys } from "../api-keys/api-keys.ts";
import { IdentityError } from "../errors.ts";
import { endSessionsOf } from "../sessions/end-sessions.ts";
import type { Sessions } from "../sessions/sessions.ts";
import type { Feed } from "./feed.ts";

/** What to revoke: exactly one of the four. */
export type Revocation =
  /** An account: all its sessions, grants, and tokens issued until now. Or a client: its tokens issued until now. */
  | { readonly subject: string }
  /** A session, by its public handle, with its grants and tokens. */
  | { readonly session: string }
  /** One token, by its `jti`. */
  | { readonly token: string }
  /** An API key, by its public id. */
  | { readonly apiKey: string };

export interface RevokeOptions {
  readonly feed: Feed;
  readonly sessions: Sessions;
  readonly apiKeys: ApiKeys;
  readonly now: () => number;
}

/** Ids of accounts, clients, sessions, tokens and keys: visible ASCII, of a length that guards can keep. */
const id = /^[\x21-\x7e]{1,256}$/;

export function createRevoke({ feed, sessions, apiKeys, now }: RevokeOptions) {
  return async (revocation: Revocation): Promise<void> => {
    const { target, value } = readRevocation(revocation);
    if (target === "session") return sessions.revoke(value);
    if (target === "apiKey") return apiKeys.revoke(value);
    await feed.transact(async (transaction, publish) => {
      if (target === "subject") await endSessionsOf(value, { transaction, publish, now });
      else publish({ kind: "revoked", token: value, beforeMs: now() });
    });
  };
}

function readRevocation(revocation: Revocation) {
  const given = Object.entries(revocation).filter(([, value]) => value !== undefined);
  const [entry] = given;
  const target = revocationTargets.find((name) => name === entry?.[0]);
  if (entry === undefined || target === undefined || given.length > 1) {
    throw new IdentityError("revocation_invalid", "revoke", "It does not name exactly one thing to revoke.");
  }
  const value: unknown = entry[1];
  if (typeof value !== "string" || !id.test(value)) {
    throw new IdentityError("revocation_invalid", `revoke.${target}`, "It is not an id.");
  }
  return { target, value };
}
