/** The Fastify stack with a token cache that holds every token of the rotation. */
import { announceReady, host } from "../../harness/server.ts";
import { readServerSettings } from "../settings.ts";
import { createFastifyPluginsApp } from "./fastify-plugins-app.ts";

const app = await createFastifyPluginsApp(readServerSettings(), { tokenCache: 5_000 });
await app.listen({ host, port: 0 });
announceReady(app.server);
