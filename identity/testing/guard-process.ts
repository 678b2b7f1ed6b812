/** A guarded API as a process of its own, its identity server in another: `fork`ed with its options as JSON. */
import { connectIdentity, defineSecurity } from "@bulwark/guard";
import { bulwark } from "@bulwark/guard/fastify";
import Fastify from "fastify";

const { issuer, apiKey } = JSON.parse(process.argv[2] ?? "{}") as { issuer: string; apiKey: string };
const security = defineSecurity({ issuer, audience: `${issuer}/api`, resources: [], roles: {} });
const app = Fastify();
await app.register(bulwark, { security, identity: connectIdentity({ issuer, apiKey }) });
app.get("/me", { security: { authenticated: true } }, ({ principal }) => ({ id: principal.id }));
await app.listen({ port: 0, host: "127.0.0.1" });
const address = app.server.address();
process.on("disconnect", () => process.exit());
process.send?.({ port: typeof address === "object" ? address?.port : undefined });
