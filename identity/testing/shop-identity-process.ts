/**
 * The shop's identity server as a process of its own: `fork`ed with its options as JSON; takes changes of roles as
 * messages. Told so, it answers no guard that asks about roles, and goes on with everything else.
 */
import type { CustomRole, GrantData, GrantedSubject } from "@bulwark/guard";
import Fastify from "fastify";
import { openIdentity } from "../src/index.ts";
import { createShopContract } from "./shop-contract.ts";

export type ShopMessage =
  | { readonly create: string; readonly role: CustomRole }
  | { readonly replace: string; readonly role: CustomRole }
  | { readonly subject: GrantedSubject; readonly grants: readonly GrantData[] }
  | { readonly silentAboutRoles: boolean };

const { port, dataFolder } = JSON.parse(process.argv[2] ?? "{}") as { port: number; dataFolder: string };
const issuer = `http://localhost:${port}`;
const audience = `${issuer}/api`;
const contract = createShopContract({ issuer, audience });
const identity = await openIdentity({ issuer, audience, dataFolder, contract });
const app = Fastify({ forceCloseConnections: true });
let silent = false;
app.addHook("onRequest", async (request, reply) => {
  if (silent && request.url === "/guard/roles") return reply.code(503).send();
});
await app.register(identity.plugin);
await app.listen({ port, host: "localhost" });
process.on("disconnect", () => process.exit());
process.on("message", async (message: ShopMessage) => {
  if ("create" in message) await identity.roles.create(message.create, message.role);
  else if ("replace" in message) await identity.roles.replace(message.replace, message.role);
  else if ("subject" in message) await identity.roles.setGrants(message.subject, message.grants);
  else silent = message.silentAboutRoles;
  process.send?.({ done: true });
});
process.send?.({ ready: true });
