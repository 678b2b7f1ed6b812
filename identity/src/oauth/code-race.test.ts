/**
 * One code, many exchanges at the same moment. The provider looks whether a code was used, then marks it used;
 * between the two every exchange sees a fresh code. The store's conditional statement lets one through.
 */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { createBrowser } from "../../../testing/browser.ts";
import { postgresMissing, startPostgres } from "../../../testing/postgres.ts";
import { startIdentityServer, type TestIdentityServer } from "../../testing/identity-server.ts";

const redirectUri = "http://localhost:4999/callback";
const exchanges = 20;

describe("simultaneous exchanges of one code", () => {
  it("give one token on SQLite", async (test) => {
    const server = await startIdentityServer();
    test.after(() => server.stop());
    await race(server);
  });

  it("give one token on PostgreSQL, whichever process they reach", async (test) => {
    const postgres = await startPostgres();
    if (postgres === undefined) return test.skip(postgresMissing);
    test.after(() => postgres.stop());
    const secrets = [randomBytes(32).toString("base64url")];
    const server = await startIdentityServer({ databaseUrl: postgres.url, secrets });
    test.after(() => server.stop());
    const { origin, audience } = server;
    const second = await startIdentityServer({
      databaseUrl: postgres.url,
      secrets,
      issuer: origin,
      audience,
    });
    test.after(() => second.stop());
    await race(server, second.listeningOn);
  });
});

async function race(
  { identity, origin, listeningOn }: TestIdentityServer,
  alsoOn = listeningOn,
): Promise<void> {
  const { id } = await identity.accounts.create({ email: "ada@example.org" });
  await identity.clients.create({
    id: "shop",
    name: "Shop",
    grantTypes: ["authorization_code"],
    redirectUris: [redirectUri],
  });
  const verifier = randomBytes(32).toString("base64url");
  const code = await authorize(origin, (await identity.sessions.create(id))?.cookieValue ?? "", verifier);
  const exchange = (given: string) =>
    Promise.all(
      Array.from({ length: exchanges }, async (_, index) => {
        const body = new URLSearchParams({
          grant_type: "authorization_code",
          client_id: "shop",
          code: given,
          redirect_uri: redirectUri,
          code_verifier: verifier,
        });
        const response = await fetch(`${index % 2 === 0 ? listeningOn : alsoOn}/oauth/token`, {
          method: "POST",
          body,
        });
        return { status: response.status, body: (await response.json()) as Record<string, unknown> };
      }),
    );
  // Opens the connections beforehand: otherwise the first exchange is over before the others have one.
  await exchange("no such code");
  const answers = await exchange(code);
  const refused = answers.filter(({ status }) => status !== 200);
  assert.equal(refused.length, exchanges - 1);
  for (const { status, body } of refused) {
    assert.equal(status, 400);
    assert.equal(body.error, "invalid_grant");
  }
}

/** Goes through the authorization request with a live session: no page, one code. */
async function authorize(origin: string, cookieValue: string, verifier: string): Promise<string> {
  const browser = createBrowser(origin);
  browser.setCookie("bulwark", cookieValue);
  const parameters = new URLSearchParams({
    client_id: "shop",
    response_type: "code",
    redirect_uri: redirectUri,
    scope: "openid",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
  });
  const url = `${origin}/oauth/auth?${parameters}`;
  const end = await browser.follow(await browser.open(url), url);
  return new URL(end.url).searchParams.get("code") ?? "";
}
