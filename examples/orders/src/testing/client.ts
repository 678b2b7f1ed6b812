/** What a person or a machine does with the program, over real HTTP. */
import * as oauth from "openid-client";
import { createBrowser } from "../../../../testing/browser.ts";
import { clientSecret, password } from "./program.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers whose shape is what they assert.
  readonly json: any;
}

export async function request(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(10_000), ...init });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get("content-type") ?? "");
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson ? JSON.parse(text) : undefined,
  };
}

/** A request with a token, and a JSON body if one is given. */
export function asBearer(token: string, method = "GET", body?: unknown): RequestInit {
  return { method, headers: { authorization: `Bearer ${token}`, ...jsonType(body) }, ...jsonBody(body) };
}

/** A request of a page of the program's own origin, with a session cookie. */
export function asSession(cookie: string, method = "GET", body?: unknown): RequestInit {
  return {
    method,
    headers: { cookie, "sec-fetch-site": "same-origin", ...jsonType(body) },
    ...jsonBody(body),
  };
}

function jsonType(body: unknown): Record<string, string> {
  return body === undefined ? {} : { "content-type": "application/json" };
}

function jsonBody(body: unknown): { readonly body?: string } {
  return body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
}

/** Signs in, and gives the cookie to send: `name=value`. */
export async function signIn(origin: string, name: string): Promise<string> {
  const answer = await request(`${origin}/auth/sign-in`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: `${name}@example.com`, password }),
  });
  if (answer.status !== 200) throw new Error(`The sign-in was answered ${answer.status}: ${answer.text}`);
  return answer.headers.getSetCookie()[0]?.split(";", 1)[0] ?? "";
}

/** The service client, as its operator configures it. */
export function discoverAs(
  origin: string,
  clientId: string,
  authentication: oauth.ClientAuth,
): Promise<oauth.Configuration> {
  return oauth.discovery(
    new URL(origin),
    clientId,
    { id_token_signed_response_alg: "ES256" },
    authentication,
    { execute: [oauth.allowInsecureRequests] },
  );
}

/** A token for the service client, by client credentials. */
export async function machineToken(origin: string): Promise<string> {
  const client = await discoverAs(origin, "billing", oauth.ClientSecretBasic(clientSecret));
  return (await oauth.clientCredentialsGrant(client)).access_token;
}

export interface CodeFlow {
  readonly accessToken: string;
  readonly idToken: string;
  readonly subject: string | undefined;
}

/** The whole authorization code flow with PKCE, as the web client `shop` and the browser of a person do it. */
export async function codeFlow(origin: string, name: string): Promise<CodeFlow> {
  const client = await discoverAs(origin, "shop", oauth.None());
  const pkceCodeVerifier = oauth.randomPKCECodeVerifier();
  const expectedState = oauth.randomState();
  const expectedNonce = oauth.randomNonce();
  const redirectUri = "https://shop.example/callback";
  const start = oauth.buildAuthorizationUrl(client, {
    redirect_uri: redirectUri,
    scope: "openid",
    code_challenge: await oauth.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
    state: expectedState,
    nonce: expectedNonce,
  });
  const browser = createBrowser(origin);
  const page = await browser.follow(await browser.open(start.href), start.href);
  const sent = await browser.submit(page.url, { email: `${name}@example.com`, password });
  const callback = new URL((await browser.follow(sent, page.url)).url);
  const tokens = await oauth.authorizationCodeGrant(client, callback, {
    pkceCodeVerifier,
    expectedState,
    expectedNonce,
    idTokenExpected: true,
  });
  return {
    accessToken: tokens.access_token,
    idToken: tokens.id_token ?? "",
    subject: tokens.claims()?.sub,
  };
}
