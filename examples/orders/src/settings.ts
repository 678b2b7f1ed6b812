/** The program's settings, from the environment. */
import { resolve } from "node:path";

export interface Settings {
  readonly port: number;
  /** Where the program is reached: the issuer of its tokens. */
  readonly origin: string;
  readonly dataFolder: string;
  /** `postgres://…` for the identity server's store; SQLite in the data folder without it. */
  readonly databaseUrl: string | undefined;
  /** Newest first; generated into the data folder without them. */
  readonly secrets: readonly string[] | undefined;
  /** For the demonstration accounts at first start; random without it. */
  readonly demoPassword: string | undefined;
  /** For the client `billing` at first start; random without it. */
  readonly demoClientSecret: string | undefined;
}

/** A setting that cannot be used. `message` is one line, for the person who set it. */
export class SettingError extends Error {
  override readonly name = "SettingError";
}

/** @throws {SettingError} */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const port = readPort(environment.PORT);
  const secrets = textOf(environment.BULWARK_SECRETS)?.split(",");
  return Object.freeze({
    port,
    origin: `http://localhost:${port}`,
    dataFolder: resolve(textOf(environment.BULWARK_DATA) ?? "data"),
    databaseUrl: textOf(environment.DATABASE_URL),
    secrets,
    demoPassword: textOf(environment.BULWARK_DEMO_PASSWORD),
    demoClientSecret: textOf(environment.BULWARK_DEMO_CLIENT_SECRET),
  });
}

/** A variable set to nothing is a variable not set. */
function textOf(value: string | undefined): string | undefined {
  return value === undefined || value.trim() === "" ? undefined : value;
}

function readPort(text: string | undefined): number {
  const port = Number(textOf(text) ?? 3000);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new SettingError(`PORT is ${JSON.stringify(text)}: give a number from 1 to 65535.`);
  }
  return port;
}
