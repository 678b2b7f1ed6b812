/**
 * Signing in and out with a password.
 *
 * Each sign-in opens a session with a new id, and ends the one the browser came with: an id planted before
 * sign-in (session fixation) is worth nothing after it.
 */
import type { Account, Accounts } from "../accounts/accounts.ts";
import type { LiveSession, Sessions } from "./sessions.ts";

interface SignInRequest {
  readonly email: string;
  readonly password: string;
  /** The session cookie the request carries, if any. */
  readonly cookieValue?: string | undefined;
  readonly userAgent?: string | undefined;
}

interface SignedIn {
  readonly account: Account;
  readonly session: LiveSession;
  readonly cookieValue: string;
}

export type SignIn = (request: SignInRequest) => Promise<SignedIn | undefined>;

const longestUserAgent = 256;

/** Returns the function both the JSON route and the sign-in page call. Its one refusal is `undefined`. */
export function createSignIn(accounts: Accounts, sessions: Sessions): SignIn {
  return async ({ email, password, cookieValue, userAgent }) => {
    const account = await accounts.authenticate({ email, password });
    if (account === undefined) return undefined;
    const opened = await sessions.create(account.id, {
      methods: ["pwd"],
      userAgent: userAgent?.slice(0, longestUserAgent),
    });
    // Disabled between the two statements: refused like the rest.
    if (opened === undefined) return undefined;
    const former = cookieValue === undefined ? undefined : await sessions.find(cookieValue);
    if (former !== undefined) await sessions.revoke(former.id);
    return { account, session: opened.session, cookieValue: opened.cookieValue };
  };
}
