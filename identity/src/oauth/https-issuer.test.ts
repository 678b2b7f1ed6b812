/** An https issuer behind a proxy that ends TLS: the server itself sees plain http, and must not write it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startIdentityServer } from "../../testing/identity-server.ts";

const issuer = "https://auth.example";
const redirectUri = "https://shop.example/callback";

describe("an https issuer", () => {
  it("names itself, and gives only Secure, prefixed cookies", async (test) => {
    const server = await startIdentityServer({ issuer, audience: "https://api.example" });
    test.after(() => server.stop());
    const { identity, listeningOn } = server;
    const code = { grantTypes: ["authorization_code"], redirectUris: [redirectUri] } as const;
    await identity.clients.create({ id: "shop", name: "Shop", ...code });
    const account = await identity.accounts.create({ email: "ada@example.org" });
    const opened = await identity.sessions.create(account.id);

    const metadata = (await (
      await fetch(`${listeningOn}/.well-known/openid-configuration`)
    ).json()) as object;
    const addresses = Object.entries(metadata).filter(([name]) => /_endpoint$|_uri$/.test(name));
    assert.ok(addresses.length >= 4);
    for (const [name, address] of addresses) assert.ok(String(address).startsWith(`${issuer}/oauth/`), name);

    const challenge = `code_challenge=${"a".repeat(43)}&code_challenge_method=S256`;
    const request = `client_id=shop&response_type=code&redirect_uri=${redirectUri}&scope=openid&${challenge}`;
    const ask = (cookie: string) =>
      fetch(`${listeningOn}/oauth/auth?${request}`, { redirect: "manual", headers: { cookie } });

    const interaction = await ask("");
    assert.match(interaction.headers.get("location") ?? "", /^\/oauth\/interaction\//);
    const cookies = interaction.headers.getSetCookie();
    const names = cookies.map((cookie) => cookie.split("=")[0]).sort();
    assert.deepEqual(names, [
      "__Secure-bulwark-interaction",
      "__Secure-bulwark-interaction.sig",
      "__Secure-bulwark-resume",
      "__Secure-bulwark-resume.sig",
    ]);
    for (const cookie of cookies) {
      for (const attribute of [/; secure/i, /; httponly/i, /; samesite=lax/i])
        assert.match(cookie, attribute);
    }
    assert.equal((await ask(`bulwark=${opened?.cookieValue}`)).status, 303);

    const live = await ask(`__Host-bulwark=${opened?.cookieValue}`);
    assert.match(live.headers.get("location") ?? "", /^\/oauth\/interaction\//);
    const page = await fetch(`${listeningOn}${live.headers.get("location")}`, {
      redirect: "manual",
      headers: { cookie: [`__Host-bulwark=${opened?.cookieValue}`, ...values(live)].join("; ") },
    });
    assert.equal(page.status, 303);
    assert.ok(page.headers.get("location")?.startsWith(`${issuer}/oauth/auth/`));
    const end = await fetch((page.headers.get("location") ?? "").replace(issuer, listeningOn), {
      redirect: "manual",
      headers: { cookie: [`__Host-bulwark=${opened?.cookieValue}`, ...values(live)].join("; ") },
    });
    assert.ok(
      end.headers.get("location")?.startsWith(`${redirectUri}?code=`),
      String(end.headers.get("location")),
    );
    const kept = end.headers.getSetCookie().find((cookie) => cookie.startsWith("__Host-bulwark-oauth="));
    assert.match(kept ?? "", /; path=\/;/i);
    assert.match(kept ?? "", /; secure/i);
    assert.ok(!/; domain=/i.test(kept ?? ""));
  });
});

function values(response: Response): string[] {
  return response.headers.getSetCookie().map((cookie) => cookie.split(";")[0] ?? "");
}
