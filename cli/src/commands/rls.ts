/** `bulwark rls`: the contract's rules as PostgreSQL's row-level security, as text to be run. */
import { rowLevelSecurity } from "@bulwark/guard/postgresql";
import { defineCommand } from "../command.ts";
import { contractOption, loadContract } from "../contract-file.ts";

export const databaseOptions = {
  schema: { type: "string", value: "<name>", help: "the schema of the tables; default public" },
  role: {
    type: "string",
    value: "<name>",
    help: "the role that the application connects as; default every role",
  },
} as const;

export const rls = defineCommand({
  name: "rls",
  summary:
    "Prints the contract's rules as PostgreSQL's row-level security: one transaction of SQL statements.",
  options: { ...contractOption, ...databaseOptions },
  notes: [
    "Run it as the tables' owner, after each change of the contract:",
    "",
    "  bulwark rls --role orders_app | psql --set ON_ERROR_STOP=1 --quiet",
  ].join("\n"),
  async run({ values, out }) {
    const security = await loadContract(values.contract);
    const { statements } = rowLevelSecurity(security, namedOptions(values));
    out(["begin", ...statements, "commit"].map((statement) => `${statement};`).join("\n\n"));
    return 0;
  },
});

/** Only the options that are given: one that is there without a value is a mistake. */
export function namedOptions({
  schema,
  role,
}: {
  readonly schema: string | undefined;
  readonly role: string | undefined;
}) {
  return { ...(schema === undefined ? {} : { schema }), ...(role === undefined ? {} : { role }) };
}
