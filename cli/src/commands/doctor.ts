/**
 * `bulwark doctor`: does row-level security bind the connection that the application works with?
 *
 * The address of the database may hold a password. It is better given in the environment, where other users do not see it,
 * and it is in no message.
 */
import { cleanText, nameText } from "@bulwark/guard/explain";
import { checkRowLevelSecurity, type Finding, type Query } from "@bulwark/guard/postgresql";
import pg from "pg";
import { defineCommand, UserMistake } from "../command.ts";
import { contractOption, loadContract } from "../contract-file.ts";
import { databaseOptions, namedOptions } from "./rls.ts";

const connectTimeoutMs = 10_000;
const statementTimeoutMs = 30_000;

export const doctor = defineCommand({
  name: "doctor",
  summary: "Looks for whatever keeps row-level security from binding the application's connection.",
  options: {
    ...contractOption,
    "database-url": {
      type: "string",
      value: "<url>",
      help: "postgres://…, as the application connects; default the variable DATABASE_URL",
    },
    ...databaseOptions,
    json: { type: "boolean", help: "print the findings as JSON" },
  },
  notes: "Exit codes: 0 it binds; 1 something keeps it from binding; 64 the database cannot be asked.",
  async run({ values, out }) {
    const security = await loadContract(values.contract);
    const url = values["database-url"] ?? process.env.DATABASE_URL;
    const client = await connect(url);
    try {
      const query: Query = async (sql, params) => (await client.query(sql, [...params])).rows;
      const findings = await checkRowLevelSecurity(security, query, namedOptions(values)).catch(
        refuseFailure,
      );
      out(values.json ? JSON.stringify(findings, null, 2) : findingsText(findings));
      return findings.length === 0 ? 0 : 1;
    } finally {
      await client.end();
    }
  },
});

/** @throws {UserMistake} without the address, which may hold a password. */
async function connect(url: string | undefined): Promise<pg.Client> {
  const protocol = url === undefined ? undefined : URL.parse(url)?.protocol;
  if (protocol !== "postgres:" && protocol !== "postgresql:") {
    throw new UserMistake(
      "There is no address of a PostgreSQL: give --database-url, or the variable DATABASE_URL.",
    );
  }
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
  });
  // A connection that is lost is told by the query that needed it.
  client.on("error", () => {});
  await client.connect().catch(refuseFailure);
  return client;
}

function refuseFailure(error: unknown): never {
  if (!(error instanceof Error) || error.name === "ContractError") throw error;
  const { code = error.name } = error as NodeJS.ErrnoException;
  throw new UserMistake(`The database cannot be asked: ${cleanText(error.message || code)}.`);
}

function findingsText(findings: readonly Finding[]): string {
  if (findings.length === 0) return "Row-level security binds this connection.";
  const lines = findings.flatMap(({ code, table, text, mend }) => [
    `${code}${table === undefined ? "" : ` (${nameText(table)})`}: ${cleanText(text)}`,
    `  ${mend}`,
  ]);
  return [
    ...lines,
    "",
    `${findings.length} findings: row-level security does not bind this connection.`,
  ].join("\n");
}
