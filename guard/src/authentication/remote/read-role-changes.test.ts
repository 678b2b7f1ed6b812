/** Changes of roles over the wire: whole, or no answer. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readRoleChanges } from "./read-role-changes.ts";

const grant = { effect: "allow", permission: "order:read" };
const whole = {
  since: 3,
  version: 5,
  complete: true,
  roles: { support: { extends: ["user"], grants: [grant] }, gone: null },
  subjects: [
    { kind: "account", id: "alice", grants: [grant] },
    { kind: "client", id: "job", grants: [] },
  ],
};

describe("changes of roles over the wire", () => {
  test("are read whole, and nothing beside them", () => {
    const more = {
      ...whole,
      more: 1,
      roles: { ...whole.roles, other: { extends: [], grants: [], secret: 1 } },
    };
    assert.deepEqual(readRoleChanges(JSON.parse(JSON.stringify(more))), {
      ...whole,
      roles: { ...whole.roles, other: { extends: [], grants: [] } },
    });
  });

  test("leave what a grant means to the contract", () => {
    const odd = { ...whole, subjects: [{ kind: "account", id: "alice", grants: [{ effect: "forbid" }] }] };
    assert.deepEqual(readRoleChanges(odd).subjects, odd.subjects);
  });

  const wrong: readonly (readonly [string, unknown])[] = [
    ["nothing", null],
    ["text", "roles"],
    ["a list", [whole]],
    ["no version", { ...whole, version: undefined }],
    ["a version that is no whole number", { ...whole, version: 5.5 }],
    ["a version before the one it begins after", { ...whole, version: 2 }],
    ["a negative version", { ...whole, since: -1 }],
    ["a version beyond what numbers can count", { ...whole, version: 2 ** 53 }],
    ["text for a version", { ...whole, since: "3" }],
    ["no word on whether more follows", { ...whole, complete: undefined }],
    ["no roles", { ...whole, roles: undefined }],
    ["roles as a list", { ...whole, roles: [] }],
    ["a role that is none", { ...whole, roles: { support: "user" } }],
    ["a role without grants", { ...whole, roles: { support: { extends: [] } } }],
    ["a role that extends a number", { ...whole, roles: { support: { extends: [1], grants: [] } } }],
    ["a grant that is no object", { ...whole, roles: { support: { extends: [], grants: [null] } } }],
    ["a grant that is a list", { ...whole, roles: { support: { extends: [], grants: [[]] } } }],
    ["no subjects", { ...whole, subjects: undefined }],
    ["subjects by name", { ...whole, subjects: {} }],
    ["a subject of another kind", { ...whole, subjects: [{ kind: "group", id: "all", grants: [] }] }],
    ["a subject without an id", { ...whole, subjects: [{ kind: "account", id: "", grants: [] }] }],
    ["a subject without grants", { ...whole, subjects: [{ kind: "account", id: "alice" }] }],
  ];
  for (const [name, value] of wrong) {
    test(`are no answer: ${name}`, () => assert.throws(() => readRoleChanges(value), Error));
  }
});
