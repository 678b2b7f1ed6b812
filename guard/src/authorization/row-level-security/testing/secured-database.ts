/** A PostgreSQL whose tables are under a contract's row-level security, and an ordinary role that connects to it. */
import { Client, Pool } from "pg";
import type { Security } from "../../../contract/define-security.ts";
import { type RowLevelSecurityOptions, rowLevelSecurity } from "../policies.ts";

/** An ordinary role, as an application has one. */
const appRole = "app";

export interface SecuredDatabase {
  /** The tables' owner, a superuser: row-level security does not bind it. */
  readonly owner: Client;
  /** Connections of the ordinary role. */
  readonly app: Pool;
  /** Puts a contract's rules in place, in one transaction. */
  secure(security: Security, options?: RowLevelSecurityOptions): Promise<void>;
  close(): Promise<void>;
}

/**
 * @param url A superuser's, of an empty database.
 * @param tables Statements that create the tables.
 */
export async function openSecured(url: string, tables: string): Promise<SecuredDatabase> {
  const owner = new Client({ connectionString: url });
  await owner.connect();
  await owner.query(`create role ${appRole} login; ${tables}`);
  await owner.query(`grant select, insert, update, delete on all tables in schema public to ${appRole}`);
  await owner.query(`grant usage on all sequences in schema public to ${appRole}`);
  const address = new URL(url);
  address.username = appRole;
  // One connection: what a transaction leaves behind, the next one would find.
  const app = new Pool({ connectionString: address.href, max: 1 });
  return {
    owner,
    app,
    async secure(security, options) {
      await owner.query(["begin", ...rowLevelSecurity(security, options).statements, "commit"].join(";\n"));
    },
    async close() {
      await app.end();
      await owner.end();
    },
  };
}
