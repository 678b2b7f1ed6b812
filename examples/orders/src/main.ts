/** `npm start`. */
import { ContractError } from "@bulwark/guard";
import { IdentityError, IdentityOptionError } from "@bulwark/identity";
import { type App, buildApp } from "./app.ts";
import { OrderStoreError } from "./orders/store.ts";
import { readSettings, SettingError, type Settings } from "./settings.ts";

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
  const app = await buildApp(settings);
  await listen(app, settings);
  greet(app, settings);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void app.server.close());
  }
}

async function listen({ server }: App, { port }: Settings): Promise<void> {
  try {
    // Loopback only: without https nothing here is fit for a network.
    await server.listen({ port, host: "localhost" });
  } catch (error) {
    await server.close();
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE") {
      throw new SettingError(`Port ${port} is in use: stop what listens there, or set PORT to another.`);
    }
    throw new SettingError(`Port ${port} cannot be opened: ${message}.`);
  }
}

function greet({ newSecrets }: App, { origin, dataFolder }: Settings): void {
  const lines = [`Bulwark: the order API is on ${origin}, its data in ${dataFolder}.`];
  if (newSecrets.length > 0) {
    lines.push("First start. These are shown once:");
    for (const { of, secret } of newSecrets) lines.push(`  ${of.padEnd(18)}  ${secret}`);
  }
  process.stdout.write(`${lines.join("\n")}\n`);
}
