/**
 * `GET /orders/:id`, every security layer on, against the libraries a team would otherwise put together, and against
 * a route without any.
 *
 * 2,000 tokens come round in strict rotation. That is more than a thousand, the size of @fastify/jwt's default cache
 * (LRU), which therefore never hits; the same stack with a larger cache is measured beside it, so that nobody need
 * guess how much of the ratio is that.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Benchmark } from "../harness/benchmark.ts";
import { compareServers } from "../harness/comparison.ts";
import type { LoadRequest } from "../harness/load/job.ts";
import { type Account, createAccounts } from "./accounts.ts";
import { expectedBody, proveAnswers, proveGuards } from "./prove.ts";
import { servers, subject } from "./servers.ts";
import { createTokenIssuer, type TokenIssuer } from "./tokens.ts";

const tokenCount = 2_000;
const connections = 48;
/** Many short rounds: what slows a shared machine down for a second then slows all servers of a round alike. */
const rounds = 31;
const seconds = 0.5;

export const request: Benchmark = Object.freeze<Benchmark>({
  async run(options) {
    const accounts = createAccounts();
    const issuer = await createTokenIssuer();
    const folder = await mkdtemp(join(tmpdir(), "bulwark-bench-"));
    try {
      const settingsFile = join(folder, "settings.json");
      await writeFile(settingsFile, JSON.stringify(issuer.settings));
      options.progress.update(`minting ${tokenCount} tokens`);
      const comparison = {
        subject,
        servers,
        args: [settingsFile],
        requests: await createRequests(accounts, issuer),
        connections,
        rounds,
        seconds,
        async prove(server: { readonly name: string; readonly port: number }) {
          await proveAnswers(server, { issuer, accounts });
          const guarded = servers.some(({ name, guarded }) => name === server.name && guarded);
          if (guarded) await proveGuards(server, { issuer, accounts });
        },
      };
      return await compareServers(comparison, options);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
});

/** Token i belongs to account i, counted round; each account asks for the order it owns. */
function createRequests(accounts: readonly Account[], issuer: TokenIssuer): Promise<readonly LoadRequest[]> {
  const callers = Array.from(
    { length: tokenCount },
    (_, index) => accounts[index % accounts.length] ?? [],
  ).flat();
  return Promise.all(
    callers.map(async (account) => ({
      method: "GET",
      path: `/orders/${account.order.id}`,
      headers: {
        authorization: `Bearer ${await issuer.mint(account)}`,
        origin: issuer.settings.corsOrigins[0] ?? "",
        accept: "application/json",
      },
      expectedBodyBytes: Buffer.byteLength(expectedBody(account)),
    })),
  );
}
