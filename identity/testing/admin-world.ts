/**
 * An identity server with its administration, and people, clients and roles to try it with. What is done is written down,
 * for the audit log to be compared with.
 */
import { randomUUID } from "node:crypto";
import type { CustomRole, GrantData, GrantedSubject } from "@bulwark/guard";
import { openServerKey, type Sign } from "../../testing/server-key.ts";
import type { IdentityOptions } from "../src/options.ts";
import type { StoreOptions } from "../src/storage/open-store.ts";
import { startIdentityServer, type TestIdentityServer } from "./identity-server.ts";
import { createShopContract } from "./shop-contract.ts";

type Fields = Readonly<Record<string, string>>;

export interface Actor extends GrantedSubject {
  /** What its requests carry. */
  readonly fields: Fields;
}

export interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly etag: string;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked at member by member.
  readonly body: any;
}

interface Holding {
  readonly roles?: readonly string[];
  readonly grants?: readonly GrantData[];
  /** How a person signed in; default with a password. */
  readonly methods?: readonly string[];
}

export interface AdminWorld extends TestIdentityServer {
  /** Someone who is signed in. */
  person(holding?: Holding): Promise<Actor>;
  /** A client with a token of its own. @param scope What it asks for. */
  client(holding?: Holding, scope?: string): Promise<Actor>;
  /** The same person with an API key. */
  withKey(actor: Actor, scopes?: readonly string[]): Promise<Actor>;
  /** The same person with an access token. */
  withToken(actor: Actor, claims: Readonly<Record<string, unknown>>): Promise<Actor>;
  /** A custom role, made by the program. @returns its name. */
  role(role: Partial<CustomRole>, name?: string): Promise<string>;
  newName(): string;
  /** What the program itself does, to be written down. */
  byProgram(action: string, target: string, work: () => Promise<unknown>): Promise<void>;
  send(actor: Actor, method: string, path: string, body?: unknown, fields?: Fields): Promise<Answer>;
  /** `account:… roles_assigned done account:…`, for each thing that was done or refused, in any order. */
  readonly written: readonly string[];
}

export const secret = "0123456789abcdefghijklmnopqrstuvwxyz";

export async function openAdminWorld(
  store: StoreOptions,
  options: Partial<IdentityOptions> = {},
): Promise<AdminWorld> {
  const server = await startIdentityServer({ ...store, ...options }, createShopContract);
  const { identity, origin, audience } = server;
  const written: string[] = [];
  let sign: Sign | undefined;
  let count = 0;

  const newName = () => {
    count += 1;
    return `role-${randomUUID().slice(0, 8)}-${count}`;
  };
  const byProgram: AdminWorld["byProgram"] = async (action, target, work) => {
    await work();
    written.push(`program: ${action} done ${target}`);
  };
  const give = async (subject: GrantedSubject, { grants }: Holding) => {
    if (grants === undefined) return;
    await byProgram("grants_set", `${subject.kind}:${subject.id}`, () =>
      identity.roles.setGrants(subject, grants),
    );
  };

  const person: AdminWorld["person"] = async (holding = {}) => {
    const email = `${randomUUID()}@example.org`;
    const { id } = await identity.accounts.create({ email, roles: holding.roles ?? [] });
    const subject = { kind: "account", id } as const;
    await give(subject, holding);
    const opened = await identity.sessions.create(id, { methods: holding.methods ?? ["pwd"] });
    const cookie = `${identity.sessionCookieName}=${opened?.cookieValue}`;
    return { ...subject, fields: { cookie, origin: server.listeningOn, "sec-fetch-site": "same-origin" } };
  };

  const client: AdminWorld["client"] = async (holding = {}, scope) => {
    const id = `client-${randomUUID()}`;
    const grantTypes = ["client_credentials"] as const;
    await identity.clients.create({ id, name: "Job", secret, grantTypes, roles: holding.roles ?? [] });
    const subject = { kind: "client", id } as const;
    await give(subject, holding);
    const form = new URLSearchParams({
      grant_type: "client_credentials",
      client_id: id,
      client_secret: secret,
      ...(scope === undefined ? {} : { scope }),
    });
    const answer = await fetch(`${server.listeningOn}/oauth/token`, { method: "POST", body: form });
    const { access_token: token } = (await answer.json()) as { access_token: string };
    return { ...subject, fields: { authorization: `Bearer ${token}` } };
  };

  return {
    ...server,
    person,
    client,
    newName,
    byProgram,
    written,
    async withKey({ kind, id }, scopes) {
      const owner = kind === "account" ? { accountId: id } : { clientId: id };
      const { key } = await identity.apiKeys.create({ ...owner, name: "key", scopes });
      return { kind, id, fields: { authorization: `Bearer ${key}` } };
    },
    async withToken({ kind, id }, claims) {
      sign ??= await openServerKey(store);
      const iat = Math.floor(Date.now() / 1000);
      const usual = { iss: origin, aud: audience, client_id: "shop", jti: randomUUID(), iat, exp: iat + 300 };
      const token = await sign({ typ: "at+jwt" }, { ...usual, sub: id, ...claims });
      return { kind, id, fields: { authorization: `Bearer ${token}` } };
    },
    async role(role, name = newName()) {
      const contents = { extends: role.extends ?? [], grants: role.grants ?? [] };
      await byProgram("role_created", `role:${name}`, () => identity.roles.create(name, contents));
      return name;
    },
    async send(actor, method, path, body, fields = {}) {
      const response = await fetch(`${server.listeningOn}/admin/api${path}`, {
        method,
        headers: {
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...actor.fields,
          ...fields,
        },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const parsed = text === "" ? undefined : JSON.parse(text);
      const answer = {
        status: response.status,
        code: parsed?.code as string | undefined,
        etag: response.headers.get("etag") ?? "",
        body: parsed,
      };
      const event = eventOf(method, path, body);
      const outcome = outcomeOf(answer);
      if (event !== undefined && outcome !== undefined) {
        written.push(`${actor.kind}:${actor.id} ${event.action} ${outcome} ${event.target}`);
      }
      return answer;
    },
  };
}

function outcomeOf({ status, code }: Pick<Answer, "status" | "code">): string | undefined {
  if (status < 300) return "done";
  return code === "authority_exceeded" || code === "own_access" ? "refused" : undefined;
}

function eventOf(method: string, path: string, body: unknown) {
  const [, list, id, part] = path.split("/");
  if (method === "GET") return undefined;
  if (list === "roles") {
    const action = { POST: "role_created", PUT: "role_replaced", DELETE: "role_removed" }[method];
    return { action, target: `role:${id ?? (body as { readonly name?: string }).name}` };
  }
  const action = part === "roles" ? "roles_assigned" : "grants_set";
  return { action, target: `${list === "clients" ? "client" : "account"}:${id}` };
}
