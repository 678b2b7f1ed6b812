/**
 * Bulwark's session decides who is signed in; the provider's own session only remembers a flow.
 *
 * Before each authorization request the two are brought together: a provider session of another account, or of
 * nobody who is signed in now, is removed. A check then asks for sign-in wherever they still differ. So signing
 * out, by any route, also ends single sign-on.
 */
import { errors, interactionPolicy, type KoaContextWithOIDC, type Provider } from "oidc-provider";
import type { SessionCookie } from "../sessions/session-cookie.ts";
import type { LiveSession, Sessions } from "../sessions/sessions.ts";

export interface SingleSignOnOptions {
  readonly sessions: Sessions;
  readonly cookie: SessionCookie;
}

/** The reason our check gives; a live session resolves it without a page. */
const signedOut = "bulwark_session";
const resolvedBySession: ReadonlySet<string> = new Set([signedOut, "no_session"]);

/** True where a live session is answer enough: nobody asked for a fresh sign-in. */
export function isResolvedBySession(reasons: readonly string[]): boolean {
  return reasons.every((reason) => resolvedBySession.has(reason));
}

/** Removes a provider session that is not of the account signed in now. Runs before the provider looks at it. */
export function reconcileSessions(provider: Provider, { sessions, cookie }: SingleSignOnOptions): void {
  provider.use(async (ctx, next) => {
    if (ctx.path === "/auth" || ctx.path.startsWith("/auth/")) {
      const value = cookie.read(ctx.req.headers.cookie);
      const live = value === undefined ? undefined : await sessions.find(value);
      ctx.state.liveSession = live;
      const remembered = await provider.Session.get(ctx);
      if (remembered.accountId !== undefined && remembered.accountId !== live?.accountId) {
        await remembered.destroy();
      } else if (live !== undefined && remembered.accountId !== undefined) {
        await remindOfSignIn(remembered, live);
      }
    }
    await next();
  });
}

/**
 * What a session knows of its sign-in, as the provider's session keeps it: ID tokens take `auth_time`, `acr` and `amr`
 * from there, and `max_age` is measured by it.
 */
export function describeSignIn({ authenticatedAtMs, assurance, methods }: LiveSession) {
  return {
    loginTs: Math.floor(authenticatedAtMs / 1000),
    acr: assurance,
    amr: methods.length === 0 ? undefined : [...methods],
  };
}

/** The same person has signed in anew, or more strongly, since the provider took note. */
async function remindOfSignIn(remembered: ProviderSession, live: LiveSession): Promise<void> {
  const { loginTs, acr, amr } = describeSignIn(live);
  if (remembered.loginTs === loginTs && remembered.acr === acr) return;
  Object.assign(remembered, { loginTs, acr, amr });
  await remembered.persist();
}

type ProviderSession = InstanceType<Provider["Session"]>;

/** The provider's login prompt, with our check added; no consent page, for clients are the deployment's own. */
export function createInteractionPolicy(): interactionPolicy.DefaultPolicy {
  const policy = interactionPolicy.base();
  policy.remove("consent");
  policy.get("login")?.checks.add(
    new interactionPolicy.Check(signedOut, "End-User authentication is required", "login_required", (ctx) => {
      const live = readLiveSession(ctx);
      return live === undefined || live.accountId !== ctx.oidc.session?.accountId;
    }),
  );
  return policy;
}

/**
 * Makes the grant of one authorization and notes the session it came from: `sid` follows the grant into tokens,
 * and ending the session ends the grant.
 */
export async function createGrant(ctx: KoaContextWithOIDC, audience: string, sessions: Sessions) {
  const { client, account, provider, params } = ctx.oidc;
  const live = readLiveSession(ctx);
  if (live === undefined || account === undefined || live.accountId !== account.accountId) return undefined;
  if (client === undefined || params === undefined) throw new errors.InvalidRequest("there is no request");
  const grant = new provider.Grant({ accountId: live.accountId, clientId: client.clientId });
  const scope = [...ctx.oidc.requestParamOIDCScopes].join(" ");
  grant.addOIDCScope(scope);
  grant.addResourceScope(audience, scope);
  const grantId = await grant.save();
  await sessions.recordGrant(live.id, grantId);
  return grant;
}

function readLiveSession(ctx: KoaContextWithOIDC): LiveSession | undefined {
  return (ctx.state as { readonly liveSession?: LiveSession }).liveSession;
}
