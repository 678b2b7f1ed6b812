/** A comparison as the operator reads it: the table, then what limits its worth. */
import { busyShare, type ServerFigures } from "./figures.ts";
import { formatTable } from "./table.ts";

const count = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const share = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 0 });
const times = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** @param pinningMissing why server and load share cores; `undefined`: each has its own */
export function formatComparison(
  subject: string,
  figures: readonly ServerFigures[],
  pinningMissing: string | undefined,
): string {
  const isInverse = figures.some(({ inverse }) => inverse === true);
  const ratioTitle = isInverse ? `of ${subject}` : `${subject} is`;
  const header = ["server", "requests/s", "min–max", ratioTitle, "server CPU", "load CPU"];
  const rows = figures.map(
    ({ name, note, requestsPerSecond, lowest, highest, ratio, cpuShare, loadCpuShare }) => [
      note === undefined ? name : `${name} *`,
      count.format(requestsPerSecond),
      `${count.format(lowest)}–${count.format(highest)}`,
      ratio === undefined ? "" : `${times.format(ratio)} ×`,
      cpuShare === undefined ? "unknown" : share.format(cpuShare) + (cpuShare < busyShare ? " !" : ""),
      share.format(loadCpuShare),
    ],
  );
  const notes = figures.flatMap(({ name, note }) => (note === undefined ? [] : [`* ${name}: ${note}`]));
  const idle = figures.flatMap(({ name, cpuShare }) =>
    cpuShare !== undefined && cpuShare < busyShare
      ? [
          `! ${name} was busy only ${share.format(cpuShare)} of the time: the load was the bottleneck, not the server.`,
        ]
      : [],
  );
  const pinning =
    pinningMissing === undefined ? [] : [`! Server and load are not pinned to cores: ${pinningMissing}.`];
  return [formatTable(header, rows), ...notes, ...idle, ...pinning].join("\n");
}
