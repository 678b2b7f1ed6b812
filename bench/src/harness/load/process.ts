/** The load generator's process: takes commands from the harness, runs the load, reports. Ends with its parent. */
import type { LoadCommand, LoadEvent, LoadRequest } from "./job.ts";
import { createRotation, type Rotation, runLoad } from "./run-load.ts";

const requests = new Map<string, readonly LoadRequest[]>();
const rotations = new Map<number, Rotation>();

process.on("disconnect", () => process.exit());
process.on("message", (command: LoadCommand) => {
  obey(command).then(tell, (cause) =>
    tell({ kind: "failed", reason: cause instanceof Error ? cause.message : String(cause) }),
  );
});

async function obey(command: LoadCommand): Promise<LoadEvent> {
  if (command.kind === "requests") {
    requests.set(command.rotation, command.requests);
    rotations.clear();
    return { kind: "prepared" };
  }
  const { job } = command;
  const rotation = rotations.get(job.port) ?? createRotation(requests.get(job.rotation) ?? [], job.port);
  rotations.set(job.port, rotation);
  return { kind: "report", report: await runLoad(rotation, job) };
}

function tell(event: LoadEvent): void {
  process.send?.(event);
}
