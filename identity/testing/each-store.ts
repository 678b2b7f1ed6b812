/** One suite over both stores: SQLite in a temporary folder, PostgreSQL in a cluster of its own. */
import { after, before, describe, it, type TestContext } from "node:test";
import { createFolder } from "../../testing/folder.ts";
import { postgresMissing, startPostgres, type TestPostgres } from "../../testing/postgres.ts";
import type { StoreOptions } from "../src/storage/open-store.ts";

export interface StoreSuite {
  /** Where the suite's store is. Inside a test or a hook, once `available()`. */
  readonly options: () => StoreOptions;
  /** Whether the store is installed here. */
  readonly available: () => boolean;
  /** A test that is skipped where the store is not installed. */
  readonly behaves: (name: string, body: (test: TestContext) => Promise<void>) => void;
}

export function describeEachStore(name: string, suite: (store: StoreSuite) => void): void {
  describe(`${name}, on SQLite`, () => {
    const folder = createFolder();
    suite({
      options: () => ({ dataFolder: folder.path }),
      available: () => true,
      behaves: (title, body) => void it(title, body),
    });
    after(() => folder.remove());
  });

  describe(`${name}, on PostgreSQL`, () => {
    const folder = createFolder();
    let postgres: TestPostgres | undefined;
    before(async () => {
      postgres = await startPostgres();
    });
    suite({
      options: () => ({ dataFolder: folder.path, databaseUrl: postgres?.url }),
      available: () => postgres !== undefined,
      behaves: (title, body) =>
        void it(title, async (test) => {
          if (postgres === undefined) test.skip(postgresMissing);
          else await body(test);
        }),
    });
    // After the suite's own: a server that still uses the store stops first.
    after(async () => {
      await postgres?.stop();
      folder.remove();
    });
  });
}
