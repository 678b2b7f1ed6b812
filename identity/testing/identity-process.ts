/** An identity server as a process of its own: `fork`ed with its options as JSON; takes revocations as messages. */
import Fastify from "fastify";
import { openIdentity, type Revocation } from "../src/index.ts";

const { port, dataFolder } = JSON.parse(process.argv[2] ?? "{}") as { port: number; dataFolder: string };
const issuer = `http://localhost:${port}`;
const identity = await openIdentity({ issuer, audience: `${issuer}/api`, dataFolder });
const app = Fastify({ forceCloseConnections: true });
await app.register(identity.plugin);
await app.listen({ port, host: "localhost" });
process.on("disconnect", () => process.exit());
process.on("message", async (revocation: Revocation) => {
  await identity.revoke(revocation);
  process.send?.({ revoked: true });
});
process.send?.({ ready: true });
