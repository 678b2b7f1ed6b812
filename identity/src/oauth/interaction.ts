/**
 * The step between an authorization request and its answer: showing the sign-in page, taking its form.
 *
 * Threats: a form sent from another site (only a page of our own may send it); a redirect to a stranger (the way
 * back is the provider's, kept on the server and never taken from the request); a foreign interaction (the
 * provider's signed cookie, bound to this path, says whose it is).
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type Provider from "oidc-provider";
import { errors } from "oidc-provider";
import { IdentityError } from "../errors.ts";
import { pageFields } from "../http/html.ts";
import { isTemporary, retryAfterSeconds } from "../http/problem.ts";
import { findRequestSource } from "../http/request-source.ts";
import { renderSignInPage, type SignInMessage } from "../http/sign-in-page.ts";
import type { SessionCookie } from "../sessions/session-cookie.ts";
import { type LiveSession, type Sessions, sessionLifetime } from "../sessions/sessions.ts";
import type { SignIn } from "../sessions/sign-in.ts";
import type { Clients } from "./clients.ts";
import { renderErrorMessage } from "./error-page.ts";
import { claimRequest } from "./mount.ts";
import { mountPath } from "./provider.ts";
import { describeSignIn, isResolvedBySession } from "./single-sign-on.ts";

export interface InteractionOptions {
  readonly provider: Provider;
  readonly issuer: URL;
  readonly cookie: SessionCookie;
  readonly clients: Clients;
  readonly sessions: Sessions;
  readonly signIn: SignIn;
}

type Interaction = Awaited<ReturnType<Provider["interactionDetails"]>>;

const interactionPath = `${mountPath}/interaction/:uid`;
const longestForm = 8_192;

/** `GET`: a live session goes straight on; everyone else gets the page. */
export function addSignInPage(scope: FastifyInstance, options: InteractionOptions): void {
  const { cookie, sessions } = options;
  scope.get(interactionPath, { security: "public" }, async (request, reply) => {
    try {
      const interaction = await findInteraction(request, reply, options);
      if (interaction === undefined) return sendExpired(reply);
      const value = cookie.read(request.headers.cookie);
      const live = value === undefined ? undefined : await sessions.find(value);
      if (live !== undefined && isResolvedBySession(interaction.prompt.reasons)) {
        return await goOn(interaction, live, request, reply, options);
      }
      return await sendPage(reply, interaction, options, {});
    } catch (error) {
      return sendTemporary(reply, error);
    }
  });
}

/** `POST`: the form. Its scope must limit sign-ins by address. */
export function addSignInForm(scope: FastifyInstance, options: InteractionOptions): void {
  const { issuer, cookie, signIn } = options;
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser(
    "application/x-www-form-urlencoded",
    { parseAs: "string", bodyLimit: longestForm },
    (_request, body, done) => done(null, new URLSearchParams(String(body))),
  );
  scope.post(interactionPath, { security: "public" }, async (request, reply) => {
    // A form is a browser's, and a browser says where it comes from: silence is refused as well.
    if (findRequestSource(request.headers, issuer.origin) !== "own")
      return sendRefused(reply, "cross_site_refused");
    const form = request.body instanceof URLSearchParams ? request.body : new URLSearchParams();
    const email = form.get("email") ?? "";
    let interaction: Interaction | undefined;
    try {
      interaction = await findInteraction(request, reply, options);
      if (interaction === undefined) return sendExpired(reply);
      const signedIn = await signIn({
        email,
        password: form.get("password") ?? "",
        cookieValue: cookie.read(request.headers.cookie),
        userAgent: request.headers["user-agent"],
      });
      if (signedIn === undefined)
        return await sendPage(reply, interaction, options, { email, message: "failed" });
      reply.header("set-cookie", cookie.write(signedIn.cookieValue, sessionLifetime.absoluteMs / 1000));
      return await goOn(interaction, signedIn.session, request, reply, options);
    } catch (error) {
      // A full hashing queue leaves the page to try again on; a lost database does not.
      const busy = error instanceof IdentityError && error.code === "hashing_busy";
      if (!busy || interaction === undefined) return sendTemporary(reply, error);
      return sendPage(reply, interaction, options, { email, message: "unavailable" });
    }
  });
}

async function findInteraction(
  request: FastifyRequest,
  reply: FastifyReply,
  { provider, issuer }: InteractionOptions,
): Promise<Interaction | undefined> {
  claimRequest(request.raw, issuer);
  try {
    const interaction = await provider.interactionDetails(request.raw, reply.raw);
    return interaction.uid === (request.params as { readonly uid?: string }).uid ? interaction : undefined;
  } catch (error) {
    if (error instanceof errors.SessionNotFound) return undefined;
    throw error;
  }
}

/** Tells the provider who signed in, and sends the browser back to it. */
async function goOn(
  interaction: Interaction,
  session: LiveSession,
  request: FastifyRequest,
  reply: FastifyReply,
  { provider }: InteractionOptions,
): Promise<FastifyReply> {
  // Somebody else signed in than the provider remembers: it forgets, rather than ask one to sign the other out.
  if (interaction.session !== undefined && interaction.session.accountId !== session.accountId) {
    interaction.session = undefined;
    await interaction.persist();
  }
  const { loginTs, acr, amr } = describeSignIn(session);
  const login = {
    accountId: session.accountId,
    ts: loginTs,
    ...(acr === undefined ? {} : { acr }),
    ...(amr === undefined ? {} : { amr }),
  };
  const returnTo = await provider.interactionResult(
    request.raw,
    reply.raw,
    { login },
    { mergeWithLastSubmission: false },
  );
  return reply.header("cache-control", "no-store").redirect(returnTo, 303);
}

async function sendPage(
  reply: FastifyReply,
  { params, uid }: Interaction,
  { clients }: InteractionOptions,
  { email, message }: { readonly email?: string; readonly message?: SignInMessage },
): Promise<FastifyReply> {
  const client = await clients.findById(String(params.client_id));
  const redirectOrigin = URL.parse(String(params.redirect_uri))?.origin;
  if (client === undefined || redirectOrigin === undefined) return sendExpired(reply);
  const status = message === undefined ? 200 : message === "failed" ? 401 : 503;
  return (
    reply
      .code(status)
      // Browsers apply form-action to the redirects that follow the form, up to the client's own address.
      .headers(pageFields(["'self'", redirectOrigin]))
      .send(
        renderSignInPage({
          clientName: client.name,
          action: `${mountPath}/interaction/${uid}`,
          email,
          message,
        }),
      )
  );
}

function sendExpired(reply: FastifyReply): FastifyReply {
  return reply.code(400).headers(pageFields()).send(renderErrorMessage("request_expired"));
}

function sendTemporary(reply: FastifyReply, error: unknown): FastifyReply {
  if (!isTemporary(error)) throw error;
  reply.header("retry-after", String(retryAfterSeconds));
  return reply.code(503).headers(pageFields()).send(renderErrorMessage("temporarily_unavailable"));
}

function sendRefused(reply: FastifyReply, code: string): FastifyReply {
  return reply.code(403).headers(pageFields()).send(renderErrorMessage(code));
}
