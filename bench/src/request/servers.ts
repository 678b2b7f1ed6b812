/** The servers of the comparison. To add one is to add a row, and a module that calls `announceReady`. */
import type { ComparedServer } from "../harness/comparison.ts";

export interface RequestServer extends ComparedServer {
  /** Whether it is to refuse anything; the bare route is the floor, and refuses nothing. */
  readonly guarded: boolean;
}

export const subject = "bulwark";

export const servers: readonly RequestServer[] = [
  { name: "bare", guarded: false, ratio: "toBare", module: new URL("./servers/bare.ts", import.meta.url) },
  { name: subject, guarded: true, module: new URL("./servers/bulwark.ts", import.meta.url) },
  {
    name: "fastifyPlugins",
    guarded: true,
    ratio: "toFastifyPlugins",
    module: new URL("./servers/fastify-plugins.ts", import.meta.url),
  },
  {
    name: "fastifyPluginsLargeCache",
    guarded: true,
    module: new URL("./servers/fastify-plugins-large-cache.ts", import.meta.url),
    note: "as fastifyPlugins, with a token cache of 5,000: `cache: true` holds 1,000, and the rotation is longer.",
  },
  {
    name: "express",
    guarded: true,
    ratio: "toExpress",
    module: new URL("./servers/express.ts", import.meta.url),
  },
];
