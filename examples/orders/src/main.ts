/** `npm start`. */
import { createServer } from "node:net";
import { ContractError } from "@bulwark/guard";
import { IdentityError, IdentityOptionError } from "@bulwark/identity";
import { type AppServer, buildApp } from "./app.ts";
import { OrderStoreError } from "./orders/store.ts";
import type { ShowSecret } from "./seed.ts";
import { host, readSettings, SettingError } from "./settings.ts";

/** What a person can mend: told in one line. Anything else is ours, and keeps its stack. */
const tellable = [SettingError, OrderStoreError, IdentityError, IdentityOptionError, ContractError] as const;

try {
  await start();
} catch (error) {
  process.exitCode = 1;
  const known = tellable.some((kind) => error instanceof kind);
  process.stderr.write(known ? `bulwark: ${(error as Error).message}\n` : `${(error as Error).stack}\n`);
}

async function start(): Promise<void> {
  const settings = readSettings(process.env);
  const { origin, issuer, dataFolder, ports } = settings;
  // Before anything is created: the likeliest failure of a first start.
  for (const port of ports) await probe(port);
  const app = await buildApp(settings, showOnce());
  try {
    for (const server of app.servers) await listen(server);
  } catch (error) {
    await app.close();
    throw error;
  }
  const beside = issuer === origin ? "" : `, its identity server on ${issuer}`;
  process.stdout.write(`Bulwark: the order API is on ${origin}${beside}, its data in ${dataFolder}.\n`);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void app.close());
  }
}

function showOnce(): ShowSecret {
  let first = true;
  return ({ of, secret }) => {
    if (first) process.stdout.write("First start. These are shown once:\n");
    first = false;
    process.stdout.write(`  ${of.padEnd(18)}  ${secret}\n`);
  };
}

/** @throws {SettingError} where the port cannot be opened. */
function probe(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) => reject(toSettingError(error, port)));
    server.listen(port, host, () => server.close(() => resolve()));
  });
}

async function listen(server: AppServer): Promise<void> {
  try {
    await server.listen();
  } catch (error) {
    throw toSettingError(error as Error, server.port);
  }
}

function toSettingError(error: Error, port: number): SettingError {
  const reason =
    (error as NodeJS.ErrnoException).code === "EADDRINUSE"
      ? "is in use: stop what listens there, or set PORT to another"
      : `cannot be opened: ${error.message}`;
  return new SettingError(`Port ${port} ${reason}.`);
}
