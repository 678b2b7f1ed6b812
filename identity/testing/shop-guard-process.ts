/** A guarded shop as a process of its own, its identity server in another: `fork`ed with its options as JSON. */
import { connectIdentity } from "@bulwark/guard";
import { bulwark } from "@bulwark/guard/fastify";
import Fastify from "fastify";
import { createShopContract } from "./shop-contract.ts";

const { issuer, apiKey } = JSON.parse(process.argv[2] ?? "{}") as { issuer: string; apiKey: string };
const security = createShopContract({ issuer, audience: `${issuer}/api` });
const app = Fastify();
await app.register(bulwark, { security, identity: connectIdentity({ issuer, apiKey }) });
const resource = () => ({ id: "1", ownerId: "somebody", team: "red", status: "open", total: 1 });
app.get("/order", { security: { permission: "order:read", resource } }, () => ({ ok: true }));
app.put("/order", { security: { permission: "order:update", resource } }, () => ({ ok: true }));
app.get("/health", { security: "public" }, () => app.guardHealth());
await app.listen({ port: 0, host: "127.0.0.1" });
const address = app.server.address();
process.on("disconnect", () => process.exit());
process.send?.({ port: typeof address === "object" ? address?.port : undefined });
