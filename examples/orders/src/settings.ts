/** The program's settings, from the environment. */
import { resolve } from "node:path";

/** Loopback only: without https nothing here is fit for a network. */
export const host = "localhost";

const frameworks = ["fastify", "express", "hono"] as const;
const logLevels = ["silent", "error", "warn", "info", "debug"] as const;

export interface Settings {
  /** What the order API runs on. */
  readonly framework: (typeof frameworks)[number];
  readonly port: number;
  /** Where the identity server listens: with the API on Fastify, on an origin of its own otherwise. */
  readonly identityPort: number;
  /** Every port that is opened. */
  readonly ports: readonly number[];
  /** Where the order API is reached. */
  readonly origin: string;
  /** Where the identity server is reached: the issuer of the tokens. */
  readonly issuer: string;
  readonly dataFolder: string;
  /** `postgres://…` for the identity server's store; SQLite in the data folder without it. */
  readonly databaseUrl: string | undefined;
  /** Newest first; generated into the data folder without them. */
  readonly secrets: readonly string[] | undefined;
  /** For the demonstration accounts at first start; random without it. */
  readonly demoPassword: string | undefined;
  /** What is logged, on stderr: `info` tells of each request that was denied, and why. */
  readonly logLevel: (typeof logLevels)[number];
  /** For the client `billing` at first start; random without it. */
  readonly demoClientSecret: string | undefined;
  /** An OPA server that serves `policy/orders.rego`; without it, and without the next, there is no policy. */
  readonly opaUrl: string | undefined;
  /** The same policy as a bundle that `opa build -t wasm` made; read again when it changes. */
  readonly opaWasm: string | undefined;
  /** Where decisions are recorded, for `bulwark policy diff`; nowhere without it. */
  readonly decisionsFile: string | undefined;
}

/** A setting that cannot be used. `message` is one line, for the person who set it. */
export class SettingError extends Error {
  override readonly name = "SettingError";
}

/** @throws {SettingError} */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const framework = readOneOf(frameworks, "BULWARK_FRAMEWORK", environment, "fastify");
  const port = readPort("PORT", environment, 3000);
  const identityPort =
    framework === "fastify" ? port : readPort("BULWARK_IDENTITY_PORT", environment, port + 1);
  const secrets = textOf(environment.BULWARK_SECRETS)?.split(",");
  const opaUrl = textOf(environment.OPA_URL);
  const opaWasm = textOf(environment.OPA_WASM);
  if (opaUrl !== undefined && opaWasm !== undefined) {
    throw new SettingError("OPA_URL and OPA_WASM are both set: one policy decides.");
  }
  return Object.freeze({
    framework,
    port,
    identityPort,
    ports: [...new Set([port, identityPort])],
    origin: `http://${host}:${port}`,
    issuer: `http://${host}:${identityPort}`,
    dataFolder: resolve(textOf(environment.BULWARK_DATA) ?? "data"),
    databaseUrl: textOf(environment.DATABASE_URL),
    secrets,
    logLevel: readOneOf(logLevels, "BULWARK_LOG", environment, "warn"),
    demoPassword: textOf(environment.BULWARK_DEMO_PASSWORD),
    demoClientSecret: textOf(environment.BULWARK_DEMO_CLIENT_SECRET),
    opaUrl,
    opaWasm: opaWasm === undefined ? undefined : resolve(opaWasm),
    decisionsFile: textOf(environment.BULWARK_DECISIONS),
  });
}

/** A variable set to nothing is a variable not set. */
function textOf(value: string | undefined): string | undefined {
  return value === undefined || value.trim() === "" ? undefined : value;
}

function readPort(name: string, environment: NodeJS.ProcessEnv, usual: number): number {
  const text = environment[name];
  const port = Number(textOf(text) ?? usual);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new SettingError(`${name} is ${JSON.stringify(text)}: give a number from 1 to 65535.`);
  }
  return port;
}

function readOneOf<Value extends string>(
  values: readonly Value[],
  name: string,
  environment: NodeJS.ProcessEnv,
  usual: Value,
): Value {
  const text = textOf(environment[name]) ?? usual;
  const found = values.find((value) => value === text);
  if (found === undefined) {
    throw new SettingError(`${name} is ${JSON.stringify(text)}: give one of ${values.join(", ")}.`);
  }
  return found;
}
