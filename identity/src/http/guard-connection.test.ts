/** The guard's own client against the server's own routes: both ends of the connection. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { connectIdentity, parseApiKey } from "@bulwark/guard";
import { createFeedRecorder, isSynchronised } from "../../testing/feed-recorder.ts";
import { startIdentityServer } from "../../testing/identity-server.ts";

it("gives a guard in another process the answers that one in this process gets", async (test) => {
  const server = await startIdentityServer();
  test.after(() => server.stop());
  const { identity, origin } = server;
  const account = await identity.accounts.create({ email: "ada@example.org", roles: ["user"] });
  const opened = await identity.sessions.create(account.id, { methods: ["pwd"] });
  assert.ok(opened);
  const { key } = await identity.apiKeys.create({ accountId: account.id, name: "guard", scopes: ["guard"] });
  const parts = parseApiKey(key);
  assert.ok(parts);
  const remote = connectIdentity({ issuer: origin, apiKey: key });

  assert.equal(remote.sessionCookieName, identity.sessionCookieName);
  assert.deepEqual(await remote.keys(), await identity.keys());
  const { email, methods, createdAtMs, ...session } = opened.session;
  assert.deepEqual(await remote.findSession(opened.cookieValue), session);
  assert.equal(await remote.findSession("A".repeat(43)), undefined);
  assert.deepEqual(
    await remote.findApiKey?.(parts.id, parts.secret),
    await identity.findApiKey(parts.id, parts.secret),
  );
  assert.equal(await remote.findApiKey?.(parts.id, "A".repeat(43)), undefined);

  const [near, far] = [createFeedRecorder(), createFeedRecorder()];
  const ends = [identity.subscribe(near), remote.subscribe?.(far)];
  test.after(() => {
    for (const end of ends) end?.();
  });
  await Promise.all([near, far].map((recorder) => recorder.until(isSynchronised)));
  const revoking = Date.now();
  await identity.revoke({ session: opened.session.id });
  assert.equal(near.calls.at(-1), "event");
  await far.until(({ calls }) => calls.at(-1) === "event");
  assert.ok(Date.now() - revoking < 1_000);
  assert.deepEqual(far.events, near.events);

  await identity.revoke({ apiKey: parts.id });
  await far.until(({ calls }) => calls.at(-1) === "lost");
  await assert.rejects(async () => remote.findSession(opened.cookieValue));
});
