/** Brings a guard's roles up to date with what its identity server keeps. */
import type { LiveRoles, RoleChanges } from "./live-roles.ts";

/** Rejects where the changes cannot be read; what was known then still counts. */
export type RoleSync = (options: {
  /** Forget what is known: it may be of another history. */
  readonly anew: boolean;
}) => Promise<void>;

/** Pages of one reading. A server that never ends is not waited for. */
const mostPages = 10_000;

/** One reading at a time: two could be applied in the wrong order. */
export function createRoleSync(ask: (since: number) => Promise<RoleChanges>, roles: LiveRoles): RoleSync {
  let last: Promise<void> = Promise.resolve();
  const read = async (anew: boolean): Promise<void> => {
    const changes = await readAll(ask, anew ? 0 : roles.version);
    // Nothing new: what was compiled still counts.
    if (changes.since !== 0 && changes.version === roles.version) return;
    roles.apply(changes);
  };
  return ({ anew }) => {
    last = last.then(
      () => read(anew),
      () => read(anew),
    );
    return last;
  };
}

/** Applied whole: half of the changes may grant what the other half denies. */
async function readAll(ask: (since: number) => Promise<RoleChanges>, from: number): Promise<RoleChanges> {
  let since = from;
  let roles: RoleChanges["roles"] = {};
  let subjects: RoleChanges["subjects"] = [];
  let begin = from;
  for (let page = 0; page < mostPages; page += 1) {
    const changes = await ask(since);
    // The server does not know the version that was asked about: it tells everything.
    if (changes.since !== since) {
      if (changes.since !== 0) throw new TypeError("The changes of roles do not follow what is known.");
      begin = 0;
      roles = {};
      subjects = [];
    }
    roles = { ...roles, ...changes.roles };
    subjects = [...subjects, ...changes.subjects];
    since = changes.version;
    if (changes.complete) return { since: begin, version: since, complete: true, roles, subjects };
  }
  throw new TypeError("The changes of roles have no end.");
}
