/**
 * The usual Express stack, each package set up as its own documentation shows it: helmet, cors, express-rate-limit,
 * jose (a local key set), zod, and casbin (roles with inheritance, ownership in the matcher).
 */
import { createServer } from "node:http";
import { type Enforcer, newEnforcer, newModelFromString, StringAdapter } from "casbin";
import cors from "cors";
import express, { type RequestHandler } from "express";
import { rateLimit } from "express-rate-limit";
import helmet from "helmet";
import { createLocalJWKSet, jwtVerify } from "jose";
import { z } from "zod";
import { announceReady, host } from "../../harness/server.ts";
import { createOrders, type Order, orderIdPattern } from "../orders.ts";
import { readServerSettings, type ServerSettings } from "../settings.ts";

const model = `
[request_definition]
r = sub, obj, act, row

[policy_definition]
p = sub, obj, act, rows

[role_definition]
g = _, _

[policy_effect]
e = some(where (p.eft == allow))

[matchers]
m = g(r.sub.role, p.sub) && r.obj == p.obj && r.act == p.act && (p.rows == "all" || p.rows == "own" && r.row.ownerId == r.sub.id || p.rows == "team" && r.row.team == r.sub.team)
`;

const policy = `
p, user, order, read, own
p, manager, order, read, team
p, admin, order, read, all
g, manager, user
g, admin, manager
`;

const Params = z.object({ id: z.string().regex(new RegExp(orderIdPattern)) });

interface Caller {
  readonly sub: string;
  readonly roles: readonly string[];
  readonly team: string;
}

const settings = readServerSettings();
const orders = createOrders();
const enforcer = await newEnforcer(newModelFromString(model), new StringAdapter(policy));
const app = express();

app.use(helmet());
app.use(cors({ origin: [...settings.corsOrigins], credentials: true }));
app.use(
  rateLimit({
    windowMs: settings.rateLimit.windowSeconds * 1_000,
    limit: settings.rateLimit.requests,
    standardHeaders: "draft-8",
    legacyHeaders: false,
  }),
);

app.get("/orders/:id", authenticate(settings), async (request, response) => {
  const params = Params.safeParse(request.params);
  if (!params.success) {
    response.status(400).json({ error: "invalid order id" });
    return;
  }
  const order = orders.get(params.data.id);
  if (order === undefined || !(await mayRead(enforcer, response.locals.caller, order))) {
    response.status(404).json({ error: "not found" });
    return;
  }
  response.json(order);
});

const server = createServer(app).listen(0, host, () => announceReady(server));

function authenticate({ issuer, audience, algorithm, tokenType, publicJwk }: ServerSettings): RequestHandler {
  const keys = createLocalJWKSet({ keys: [publicJwk] });
  return async (request, response, next) => {
    const [scheme, token, ...rest] = request.headers.authorization?.split(" ") ?? [];
    if (scheme !== "Bearer" || token === undefined || rest.length > 0) {
      response.status(401).json({ error: "unauthorized" });
      return;
    }
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms: [algorithm],
        typ: tokenType,
      });
      response.locals.caller = payload;
    } catch {
      response.status(401).json({ error: "unauthorized" });
      return;
    }
    next();
  };
}

/** `enforce`, as casbin's documentation shows it. */
async function mayRead(rules: Enforcer, { sub, roles, team }: Caller, order: Order): Promise<boolean> {
  for (const role of roles) {
    if (await rules.enforce({ id: sub, role, team }, "order", "read", order)) return true;
  }
  return false;
}
