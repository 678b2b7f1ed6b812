/**
 * What the kinds of credential cost: a token never seen before against the one signature check it cannot do without,
 * an API key and a session against a token, and the memory that a remembered token takes.
 *
 * API keys and sessions live in a real identity server's store, SQLite on disk, in the server's own process.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openIdentity } from "@bulwark/identity";
import type { Benchmark, RunOptions } from "../harness/benchmark.ts";
import { type ComparedServer, compareServers } from "../harness/comparison.ts";
import { BenchmarkFailure } from "../harness/failure.ts";
import type { LoadRequest } from "../harness/load/job.ts";
import { host } from "../harness/server.ts";
import { createOrder, orderCount } from "../request/orders.ts";
import { createTokenIssuer, type TokenIssuer } from "../request/tokens.ts";
import { measureFirstSight, measureMemory } from "./tokens.ts";

const connections = 48;
const rounds = 21;
const seconds = 0.5;
const module = new URL("./server.ts", import.meta.url);
const credentialsPerAccount = 2;

export const credentials: Benchmark = Object.freeze<Benchmark>({
  async run(options: RunOptions) {
    const issuer = await createTokenIssuer();
    const folder = await mkdtemp(join(tmpdir(), "bulwark-bench-"));
    try {
      options.progress.update("first sight of tokens");
      const firstSight = measureFirstSight();
      const memory = measureMemory();
      options.progress.update("filling the identity server's store");
      const servers = await createServers(folder, issuer);
      const settingsFile = join(folder, "settings.json");
      await writeFile(settingsFile, JSON.stringify({ ...issuer.settings, dataFolder: folder }));
      const comparison = {
        subject: "jwt",
        servers,
        args: [settingsFile],
        requests: [],
        connections,
        rounds,
        seconds,
        prove,
      };
      const result = await compareServers(comparison, options);
      return {
        ...result,
        ratios: { firstSight: firstSight.ratio, ...result.ratios },
        details: { ...result.details, firstSight, memory },
        report: [
          `first sight of a token: ${firstSight.guardUs.toFixed(1)} µs; one ES256 check: ${firstSight.verifyUs.toFixed(1)} µs (in DER ${firstSight.verifyDerUs.toFixed(1)} µs); ratio ${firstSight.ratio.toFixed(3)}`,
          `memory of a remembered token beyond its own text: ${memory.bytesPerToken.toFixed(0)} bytes`,
          result.report,
        ].join("\n"),
      };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
});

/** The same server three times, each asked with another kind of credential. */
async function createServers(folder: string, issuer: TokenIssuer): Promise<readonly ComparedServer[]> {
  const { settings } = issuer;
  const identity = await openIdentity({
    issuer: settings.issuer,
    audience: settings.audience,
    dataFolder: folder,
  });
  const fields = { jwt: [] as Fields[], apiKey: [] as Fields[], session: [] as Fields[] };
  try {
    for (let index = 0; index < orderCount; index += 1) {
      const order = createOrder(index);
      const { id } = await identity.accounts.create({
        email: `${order.ownerId}@shop.example`,
        roles: ["manager"],
        claims: { team: order.team },
      });
      const account = { id, role: "manager", team: order.team, order } as const;
      for (let count = 0; count < credentialsPerAccount; count += 1) {
        const session = await identity.sessions.create(id);
        const { key } = await identity.apiKeys.create({ accountId: id, name: `key ${count}` });
        fields.jwt.push({ authorization: `Bearer ${await issuer.mint(account)}` });
        fields.apiKey.push({ authorization: `Bearer ${key}` });
        fields.session.push({ cookie: `${identity.sessionCookieName}=${session?.cookieValue}` });
      }
    }
  } finally {
    await identity.close();
  }
  return [
    { name: "jwt", module, requests: toRequests(fields.jwt) },
    { name: "apiKey", module, ratio: "apiKey", inverse: true, requests: toRequests(fields.apiKey) },
    { name: "session", module, ratio: "session", inverse: true, requests: toRequests(fields.session) },
  ];
}

type Fields = Readonly<Record<string, string>>;

function toRequests(fields: readonly Fields[]): readonly LoadRequest[] {
  return fields.map((credential, index) => {
    const order = createOrder(Math.floor(index / credentialsPerAccount));
    return {
      method: "GET",
      path: `/orders/${order.id}`,
      headers: { ...credential, accept: "application/json" },
      expectedBodyBytes: Buffer.byteLength(JSON.stringify(order)),
    };
  });
}

/** That the right answer comes with a credential, the load itself checks; here, that none comes without. */
async function prove({ name, port }: { readonly name: string; readonly port: number }): Promise<void> {
  const wrong: readonly Fields[] = [
    {},
    { authorization: "Bearer e30.e30.AAAA" },
    { authorization: `Bearer bw_${"0".repeat(16)}_${"0".repeat(43)}_000000` },
    { cookie: `__Host-bulwark=${"A".repeat(43)}` },
  ];
  for (const headers of wrong) {
    const { status } = await fetch(`http://${host}:${port}/orders/ord_0001`, { headers });
    if (status !== 401) throw new BenchmarkFailure(`${name} was to answer 401; it answered ${status}.`);
  }
}
