/** Custom roles and direct grants, as an identity server keeps them, from a file: `{ "roles": …, "subjects": … }`. */
import { createLiveRoles, type LiveRoles, type RoleChanges, type Security } from "@bulwark/guard";
import type { OptionTable, Output } from "./command.ts";
import { UserMistake } from "./command.ts";
import { objectOf, readJsonFile, refuseUnknown, textsOf } from "./json-input.ts";

export const rolesOption = {
  roles: {
    type: "string",
    value: "<file>",
    help: 'custom roles and direct grants, as JSON: { "roles": { … }, "subjects": [ … ] }',
  },
} as const satisfies OptionTable;

export const policyOption = {
  "without-policy": { type: "boolean", help: "decide as if there were no policy engine: it is not asked" },
} as const satisfies OptionTable;

/**
 * The roles that count: the contract's, with those of the file.
 *
 * @throws {UserMistake} where the file is no such thing. A grant that the contract does not know is noted, and counts as it
 *   does in a guard.
 */
export function loadRoles(security: Security, file: string | undefined, { note }: Output): LiveRoles {
  const { roles: table, resources, conditions } = security;
  const roles = createLiveRoles({
    table,
    vocabulary: { resources, conditions },
    mayChange: true,
    onUnknown: (error) => note(`bulwark: ${error.message}`),
  });
  if (file !== undefined) roles.apply(readRoles(file));
  return roles;
}

function readRoles(file: string): RoleChanges {
  const data = objectOf(readJsonFile(file), file);
  refuseUnknown(data, ["roles", "subjects"], file);
  const roles = Object.entries(objectOf(data.roles ?? {}, `${file}: roles`)).map(([name, given]) => {
    const place = `${file}: roles.${name}`;
    const role = objectOf(given, place);
    refuseUnknown(role, ["extends", "grants"], place);
    return [
      name,
      { extends: textsOf(role.extends ?? [], `${place}.extends`), grants: grantsOf(role.grants, place) },
    ];
  });
  const { subjects = [] } = data;
  if (!Array.isArray(subjects)) throw new UserMistake(`${file}: subjects is no list.`);
  return {
    since: 0,
    version: 1,
    complete: true,
    roles: Object.fromEntries(roles),
    subjects: subjects.map((given: unknown, at) => readSubject(given, `${file}: subjects[${at}]`)),
  };
}

function readSubject(given: unknown, place: string): RoleChanges["subjects"][number] {
  const subject = objectOf(given, place);
  refuseUnknown(subject, ["kind", "id", "grants"], place);
  const { kind, id } = subject;
  if ((kind !== "account" && kind !== "client") || typeof id !== "string") {
    throw new UserMistake(`${place} is no account or client with an id.`);
  }
  return { kind, id, grants: grantsOf(subject.grants, place) };
}

/** What is in a grant is for the guard to read. */
function grantsOf(grants: unknown, place: string): RoleChanges["subjects"][number]["grants"] {
  if (!Array.isArray(grants)) throw new UserMistake(`${place}.grants is no list.`);
  return grants.map((grant: unknown, at) => objectOf(grant, `${place}.grants[${at}]`)) as never;
}
