/** The program: the identity server and the order API, on the framework that the settings name. */
import type { DecisionRecord, Security } from "@bulwark/guard";
import { recordDecisions } from "@bulwark/guard/explain";
import { type Identity, openIdentity } from "@bulwark/identity";
import { buildServers as buildExpress } from "./express/servers.ts";
import { buildServers as buildFastify } from "./fastify/servers.ts";
import { buildServers as buildHono } from "./hono/servers.ts";
import { createQueries, type OrderQueries } from "./orders/queries.ts";
import { openOrders } from "./orders/store.ts";
import { openPolicy } from "./rego-policy.ts";
import { createSecurity } from "./security.ts";
import { type ShowSecret, seed } from "./seed.ts";
import { SettingError, type Settings } from "./settings.ts";

/** A server of the program, ready to listen. */
export interface AppServer {
  readonly port: number;
  listen(): Promise<void>;
  close(): Promise<void>;
}

export interface App {
  /** In the order to open them in. */
  readonly servers: readonly AppServer[];
  /** Closes the servers, the last first, then the stores. */
  close(): Promise<void>;
}

/** What every framework builds its servers from. */
export interface Parts {
  readonly settings: Settings;
  readonly security: Security;
  readonly identity: Identity;
  readonly orders: OrderQueries;
  /** The guard's option that keeps its decisions, where the settings name a file. */
  readonly recording: { readonly onDecision?: (record: DecisionRecord) => void };
}

const frameworks = { fastify: buildFastify, express: buildExpress, hono: buildHono } as const;

/**
 * Builds the servers, ready to listen.
 *
 * @param show Shows the secrets that the first start generates.
 */
export async function buildApp(settings: Settings, show: ShowSecret): Promise<App> {
  const { origin, issuer, dataFolder, databaseUrl, secrets } = settings;
  const security = createSecurity({ issuer, origin }, await openPolicy(settings));
  const identity = await openIdentity({
    issuer: security.issuer,
    audience: security.audience,
    dataFolder,
    databaseUrl,
    secrets,
    tokenClaims: ["team"],
    contract: security,
  });
  const closing: (() => Promise<void>)[] = [() => identity.close()];
  try {
    const db = await openOrders(dataFolder);
    closing.unshift(() => db.destroy());
    await seed(identity, db, settings, show);
    const orders = createQueries(db);
    const recorder = settings.decisionsFile && (await openRecorder(settings.decisionsFile));
    if (recorder) closing.unshift(() => recorder.close());
    const recording = recorder ? { onDecision: recorder } : {};
    const servers = await frameworks[settings.framework]({ settings, security, identity, orders, recording });
    for (const server of servers) closing.unshift(() => server.close());
    return { servers, close: () => closeAll(closing) };
  } catch (error) {
    await closeAll(closing);
    throw error;
  }
}

function openRecorder(file: string) {
  return recordDecisions(file).catch((error: Error) => {
    throw new SettingError(`BULWARK_DECISIONS is ${JSON.stringify(file)}: ${error.message}`);
  });
}

async function closeAll(closing: readonly (() => Promise<void>)[]): Promise<void> {
  for (const close of closing) await close();
}
