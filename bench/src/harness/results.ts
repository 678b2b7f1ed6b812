/** The result file of a benchmark: what was measured, when, on which runtime, under which conditions. */
import { mkdir, rename, writeFile } from "node:fs/promises";
import type { BenchmarkResult } from "./benchmark.ts";

/** Writes `<folder>/<benchmark>.json` in one step and returns its address. */
export async function writeResult(
  folder: URL,
  benchmark: string,
  { servers, ratios, details }: BenchmarkResult,
  measuredAt: Date,
): Promise<URL> {
  const file = new URL(`${benchmark}.json`, folder);
  const partial = new URL(`${benchmark}.json.partial`, folder);
  const result = {
    benchmark,
    measuredAt: measuredAt.toISOString(),
    node: process.version,
    servers,
    ratios,
    ...details,
  };
  await mkdir(folder, { recursive: true });
  await writeFile(partial, `${JSON.stringify(result, null, 2)}\n`);
  // Renamed, so that a run cut off while writing leaves the earlier result whole.
  await rename(partial, file);
  return file;
}
