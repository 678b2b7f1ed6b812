/**
 * The usual Fastify stack, each plugin set up as its own README shows it: @fastify/helmet, @fastify/cors,
 * @fastify/rate-limit, @fastify/jwt (public key only, cache on), and @casl/ability after its recipe "Roles with
 * predefined permissions".
 */
import { createPublicKey } from "node:crypto";
import {
  AbilityBuilder,
  createMongoAbility,
  type ForcedSubject,
  type MongoAbility,
  subject,
} from "@casl/ability";
import cors from "@fastify/cors";
import helmet from "@fastify/helmet";
import jwt from "@fastify/jwt";
import rateLimit from "@fastify/rate-limit";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Role } from "../accounts.ts";
import { createOrders, type Order, orderIdPattern } from "../orders.ts";
import type { ServerSettings } from "../settings.ts";

declare module "@fastify/jwt" {
  interface FastifyJWT {
    user: { readonly sub: string; readonly roles: readonly Role[]; readonly team: string };
  }
}

export interface FastifyPluginsOptions {
  /** @fastify/jwt's `verify.cache`: `true` is 1,000 tokens. */
  readonly tokenCache: true | number;
}

export async function createFastifyPluginsApp(
  settings: ServerSettings,
  { tokenCache }: FastifyPluginsOptions,
): Promise<FastifyInstance> {
  const orders = createOrders();
  const app = Fastify();

  await app.register(helmet);
  await app.register(cors, { origin: [...settings.corsOrigins], credentials: true });
  await app.register(rateLimit, {
    max: settings.rateLimit.requests,
    timeWindow: settings.rateLimit.windowSeconds * 1_000,
  });
  await app.register(jwt, {
    secret: { public: publicKeyPem(settings) },
    decode: { checkTyp: settings.tokenType },
    verify: {
      algorithms: [settings.algorithm],
      allowedIss: settings.issuer,
      allowedAud: settings.audience,
      cache: tokenCache,
    },
  });

  app.get<{ Params: { id: string } }>(
    "/orders/:id",
    {
      onRequest: authenticate,
      schema: {
        params: {
          type: "object",
          required: ["id"],
          properties: { id: { type: "string", pattern: orderIdPattern } },
        },
      },
    },
    async (request, reply) => {
      const order = orders.get(request.params.id);
      if (order === undefined || !defineAbilityFor(request.user).can("read", subject("Order", order))) {
        return reply.code(404).send({ error: "not found" });
      }
      return order;
    },
  );
  return app;
}

async function authenticate(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  try {
    await request.jwtVerify();
  } catch (error) {
    reply.send(error);
  }
}

type Caller = FastifyRequest["user"];
type AppAbility = MongoAbility<["read", "Order" | (Order & ForcedSubject<"Order">)]>;
type DefinePermissions = (caller: Caller, builder: AbilityBuilder<AppAbility>) => void;

const rolePermissions: Readonly<Record<Role, DefinePermissions>> = {
  user(caller, { can }) {
    can("read", "Order", { ownerId: caller.sub });
  },
  manager(caller, builder) {
    rolePermissions.user(caller, builder);
    builder.can("read", "Order", { team: caller.team });
  },
  admin(_, { can }) {
    can("read", "Order");
  },
};

function defineAbilityFor(caller: Caller): AppAbility {
  const builder = new AbilityBuilder<AppAbility>(createMongoAbility);
  for (const role of caller.roles) rolePermissions[role](caller, builder);
  return builder.build();
}

function publicKeyPem({ publicJwk }: ServerSettings): string {
  return createPublicKey({ key: { ...publicJwk }, format: "jwk" })
    .export({ type: "spki", format: "pem" })
    .toString();
}
