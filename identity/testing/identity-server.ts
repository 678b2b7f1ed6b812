/** An identity server on a free port, with its data in a temporary folder, as a test needs it. */
import type { Security } from "@bulwark/guard";
import Fastify from "fastify";
import { createFolder } from "../../testing/folder.ts";
import { findFreePort } from "../../testing/port.ts";
import { type Identity, type IdentityOptions, openIdentity } from "../src/index.ts";

export interface TestIdentityServer {
  readonly identity: Identity;
  /** Its origin, and the issuer of its tokens. */
  readonly origin: string;
  /** Where it listens: its origin, unless it shares another server's issuer. */
  readonly listeningOn: string;
  readonly audience: string;
  stop(): Promise<void>;
}

/** Starts a server; `options` replace the defaults. @param createContract Makes the contract of its API. */
export async function startIdentityServer(
  options: Partial<IdentityOptions> = {},
  createContract?: (at: { readonly issuer: string; readonly audience: string }) => Security,
): Promise<TestIdentityServer> {
  const folder = createFolder();
  const port = await findFreePort();
  const listeningOn = `http://localhost:${port}`;
  const origin = options.issuer ?? listeningOn;
  const audience = `${origin}/api`;
  const contract = createContract?.({ issuer: origin, audience: options.audience ?? audience });
  const identity = await openIdentity({
    issuer: origin,
    audience,
    dataFolder: folder.path,
    ...options,
    contract,
  });
  const app = Fastify();
  await app.register(identity.plugin);
  await app.listen({ port, host: "localhost" });
  return {
    identity,
    origin,
    listeningOn,
    audience,
    async stop() {
      await app.close();
      await identity.close();
      folder.remove();
    },
  };
}
