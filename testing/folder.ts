/** A temporary folder of a test's own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TestFolder {
  readonly path: string;
  /** Removes it with everything in it. */
  remove(): void;
}

export function createFolder(): TestFolder {
  const path = mkdtempSync(join(tmpdir(), "bulwark-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
