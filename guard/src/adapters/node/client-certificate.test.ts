/** Tokens bound to a certificate (RFC 8705), over real TLS. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import Fastify, { type FastifyInstance } from "fastify";
import { defineSecurity } from "../../contract/define-security.ts";
import { createIssuer } from "../../testing/index.ts";
import { bulwark } from "../fastify/plugin.ts";

interface Identity {
  readonly key: Buffer;
  readonly cert: Buffer;
}

const missing =
  spawnSync("openssl", ["version"]).status === 0
    ? false
    : "openssl is not installed: certificates cannot be made";
if (missing !== false && process.env.REQUIRE_SERVICES === "1") throw new Error(missing);

describe("a token bound to a certificate, over TLS", { skip: missing }, () => {
  const issuer = createIssuer();
  const folder = mkdtempSync(join(tmpdir(), "bulwark-tls-"));
  let app: FastifyInstance;
  let port: number;
  let client: Identity;
  let other: Identity;

  const createIdentity = (name: string): Identity => {
    const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const made = spawnSync("openssl", [
      "req",
      "-x509",
      ...curve,
      "-keyout",
      key,
      "-out",
      cert,
      "-days",
      "2",
      "-subj",
      `/CN=${name}`,
    ]);
    assert.equal(made.status, 0, made.stderr.toString());
    return { key: readFileSync(key), cert: readFileSync(cert) };
  };

  before(async () => {
    client = createIdentity("client");
    other = createIdentity("other");
    // Who signed the client's certificate does not matter: the token names the one it is bound to.
    const https = { ...createIdentity("localhost"), requestCert: true, rejectUnauthorized: false };
    const server = Fastify({ https });
    const security = defineSecurity({ ...issuer.contract, resources: [], roles: {} });
    app = server as unknown as FastifyInstance;
    await app.register(bulwark, { security });
    app.get("/me", { security: { authenticated: true } }, ({ principal }) => ({ by: principal.credential }));
    await app.listen({ host: "127.0.0.1", port: 0 });
    port = (app.server.address() as AddressInfo).port;
  });
  after(async () => {
    await app.close();
    rmSync(folder, { recursive: true });
  });

  const ask = (token: string, identity: Identity | undefined): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}` };
      const options = {
        host: "127.0.0.1",
        port,
        path: "/me",
        headers,
        rejectUnauthorized: false,
        agent: false,
        ...identity,
      };
      request(options, (answer) => answer.resume().once("end", () => resolve(answer.statusCode)))
        .once("error", reject)
        .end();
    });

  test("opens the door to that certificate, and to no other", async () => {
    const { raw } = new X509Certificate(client.cert);
    const thumbprint = createHash("sha256").update(raw).digest("base64url");
    const token = issuer.mint({ claims: { cnf: { "x5t#S256": thumbprint } } });
    assert.equal(await ask(token, client), 200);
    assert.equal(await ask(token, other), 401);
    assert.equal(await ask(token, undefined), 401);
    assert.equal(await ask(token, client), 200);
    assert.equal(await ask(issuer.mint(), undefined), 200);
  });
});
