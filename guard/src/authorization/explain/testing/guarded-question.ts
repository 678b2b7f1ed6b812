/** Asks a whole guard what `explain` is asked: with a credential, a route, a request, through every stage. */
import { randomBytes } from "node:crypto";
import { formatApiKey } from "../../../authentication/api-key-format.ts";
import type { ApiKey, IdentitySource, Session } from "../../../authentication/identity-source.ts";
import type { Security } from "../../../contract/define-security.ts";
import type { RegisteredPermission, RouteDeclaration } from "../../../contract/route.ts";
import type { StandardSchema } from "../../../defence/standard-schema.ts";
import type { Question } from "../../../pipeline/decide.ts";
import type { DecisionRecord } from "../../../pipeline/decision-record.ts";
import { Exchange, type Input } from "../../../pipeline/exchange.ts";
import { createGuard } from "../../../pipeline/guard.ts";
import type { RoleChanges } from "../../live-roles.ts";

/** What the guard did, as it recorded it, and whether it let the request through. */
interface Answered {
  readonly passed: boolean;
  readonly record: DecisionRecord;
}

export interface GuardedQuestions {
  ask(question: Question): Promise<Answered>;
  close(): void;
}

const nowMs = Date.UTC(2026, 0, 1);
const anyBody: StandardSchema = {
  "~standard": { version: 1, vendor: "test", validate: (value: unknown) => ({ value }) },
};

interface HeldRequest extends Input {
  readonly row: unknown;
}

/** @param changes The custom roles and direct grants that the identity server keeps. */
export function createGuardedQuestions(security: Security, changes?: RoleChanges): GuardedQuestions {
  const sessions = new Map<string, Session>();
  const keys = new Map<string, ApiKey>();
  const records: DecisionRecord[] = [];
  const identity: IdentitySource = {
    issuer: security.issuer,
    sessionCookieName: "session",
    keys: async () => ({ keys: [] }),
    findSession: async (value) => sessions.get(value),
    findApiKey: async (id) => keys.get(id),
    subscribe(subscriber) {
      subscriber.synchronised();
      return () => {};
    },
    ...(changes === undefined ? {} : { roleChanges: async () => changes }),
  };
  const framework = {
    read: (request: unknown) => request as HeldRequest,
    write: (request: unknown, input: Input) => void Object.assign(request as HeldRequest, input),
  };
  const now = () => nowMs;
  const onDecision = (make: () => DecisionRecord) => void records.push(make());
  const guard = createGuard({ security, identity, framework, now, onDecision });

  return {
    close: () => guard.close(),
    async ask(question) {
      const route = guard.compile({ method: "POST", url: "/thing" }, declarationFor(question));
      const headers = credentialOf(question, sessions, keys);
      const incoming = { method: "POST", url: "/thing", headers, address: "127.0.0.1" };
      const request: HeldRequest = { params: {}, query: {}, body: question.changes, row: question.row };
      const exchange = new Exchange(route, incoming, request, question.nowMs ?? nowMs);
      const denial = (await route.head(exchange)) ?? (await route.body(exchange));
      const record = records.pop();
      if (record === undefined) throw new Error(`Nothing was recorded: ${denial?.code} ${denial?.reason}`);
      return { passed: denial === undefined, record };
    },
  };
}

function declarationFor({ permission, row, changes, demand }: Question): RouteDeclaration {
  const base = { permission: permission as RegisteredPermission, ...demand };
  const body = changes === undefined ? {} : { body: anyBody };
  if (row !== undefined) return { ...base, ...body, resource: (request: HeldRequest) => request.row };
  return changes === undefined ? { ...base, list: true } : { ...base, ...body };
}

/** Sessions know of the sign-in; API keys of clients and of scopes. */
function credentialOf(
  { principal, scopes, acr, authenticatedAtMs }: Question,
  sessions: Map<string, Session>,
  keys: Map<string, ApiKey>,
): Record<string, string> {
  const { id, kind, roles, claims } = principal;
  const expiresAtMs = nowMs + 3_600_000;
  if (kind === "client" || scopes !== undefined) {
    const parts = { id: randomBytes(8).toString("hex"), secret: "s".repeat(43) };
    keys.set(parts.id, { id: parts.id, ownerId: id, ownerKind: kind, roles, claims, scopes, expiresAtMs });
    return { "x-api-key": formatApiKey(parts) };
  }
  const value = randomBytes(16).toString("hex");
  sessions.set(value, {
    id: value,
    accountId: id,
    roles,
    claims,
    assurance: acr,
    authenticatedAtMs: authenticatedAtMs ?? Number.NEGATIVE_INFINITY,
    expiresAtMs,
  });
  return { cookie: `session=${value}`, "sec-fetch-site": "same-origin" };
}
