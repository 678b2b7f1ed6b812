/** The Fastify stack with the token cache switched on as documented: `cache: true`. */
import { announceReady, host } from "../../harness/server.ts";
import { readServerSettings } from "../settings.ts";
import { createFastifyPluginsApp } from "./fastify-plugins-app.ts";

const app = await createFastifyPluginsApp(readServerSettings(), { tokenCache: true });
await app.listen({ host, port: 0 });
announceReady(app.server);
