/** Bringing roles up to date: by pages, whole, in order, and again where it failed. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate as tick } from "node:timers/promises";
import { compileAssurance, defaultAssurance } from "../contract/assurance.ts";
import { resource } from "../contract/resource.ts";
import { createLiveRoles, type LiveRoles, type RoleChanges } from "./live-roles.ts";
import { createRoleSync } from "./role-sync.ts";
import { compileRoles } from "./roles.ts";

const order = resource("order", { actions: ["read"], attributes: {} });
const grants = [{ effect: "allow", permission: "order:read" }] as const;
const role = { extends: [], grants };

function anew(): LiveRoles {
  const table = compileRoles({}, [order], compileAssurance(defaultAssurance, "assurance"));
  return createLiveRoles({
    table,
    vocabulary: { resources: new Map([["order", order]]), conditions: new Map() },
  });
}

const page = (since: number, version: number, names: readonly string[], complete = true): RoleChanges => ({
  since,
  version,
  complete,
  roles: Object.fromEntries(names.map((name) => [name, role])),
  subjects: [],
});

/** Answers with these pages, one after the other, and notes what was asked. */
function answering(pages: readonly (RoleChanges | Error)[]) {
  const asked: number[] = [];
  const left = [...pages];
  const ask = async (since: number): Promise<RoleChanges> => {
    asked.push(since);
    const next = left.shift();
    if (next === undefined || next instanceof Error) throw next ?? new Error("It was not to be asked again.");
    return next;
  };
  return { ask, asked };
}

describe("bringing roles up to date", () => {
  test("asks for everything at first, then for what is new", async () => {
    const roles = anew();
    const { ask, asked } = answering([page(0, 5, ["a", "b"]), page(5, 7, ["c"])]);
    const sync = createRoleSync(ask, roles);
    await sync({ anew: true });
    await sync({ anew: false });
    assert.deepEqual(asked, [0, 5]);
    assert.deepEqual(roles.customRoles(), ["a", "b", "c"]);
    assert.equal(roles.version, 7);
  });

  test("applies pages together, and none where one is missing", async () => {
    const roles = anew();
    const failing = answering([page(0, 2, ["a"], false), new Error("It is away.")]);
    await assert.rejects(createRoleSync(failing.ask, roles)({ anew: true }));
    assert.deepEqual(roles.customRoles(), []);
    assert.equal(roles.version, 0);

    const whole = answering([page(0, 2, ["a"], false), page(2, 4, ["b"], false), page(4, 4, [])]);
    const { epoch } = roles;
    await createRoleSync(whole.ask, roles)({ anew: true });
    assert.deepEqual(whole.asked, [0, 2, 4]);
    assert.deepEqual(roles.customRoles(), ["a", "b"]);
    assert.equal(roles.epoch, epoch + 1, "in one step");
  });

  test("lets a later page take back what an earlier one gave", async () => {
    const roles = anew();
    const gone: RoleChanges = { ...page(1, 2, []), roles: { a: null } };
    await createRoleSync(answering([page(0, 1, ["a", "b"], false), gone]).ask, roles)({ anew: true });
    assert.deepEqual(roles.customRoles(), ["b"]);
  });

  test("begins anew where the server does not know the version: it was restored from a backup", async () => {
    const roles = anew();
    const { ask, asked } = answering([
      page(0, 9, ["a", "later"]),
      page(0, 3, ["a"], false),
      page(3, 4, ["b"]),
    ]);
    const sync = createRoleSync(ask, roles);
    await sync({ anew: true });
    await sync({ anew: false });
    assert.deepEqual(asked, [0, 9, 3]);
    assert.deepEqual(roles.customRoles(), ["a", "b"], "what only the other history had is gone");
    assert.equal(roles.version, 4);
  });

  test("begins anew in the middle of pages, and keeps none of those before", async () => {
    const roles = anew();
    const pages = [page(0, 9, ["stale"], false), page(0, 3, ["a"])];
    await createRoleSync(answering(pages).ask, roles)({ anew: true });
    assert.deepEqual(roles.customRoles(), ["a"]);
  });

  test("begins anew where it is told to", async () => {
    const roles = anew();
    const { ask, asked } = answering([page(0, 9, ["a"]), page(0, 9, ["b"])]);
    const sync = createRoleSync(ask, roles);
    await sync({ anew: true });
    await sync({ anew: true });
    assert.deepEqual(asked, [0, 0]);
    assert.deepEqual(roles.customRoles(), ["b"]);
  });

  test("compiles nothing anew where nothing is new", async () => {
    const roles = anew();
    const sync = createRoleSync(answering([page(0, 5, ["a"]), page(5, 5, [])]).ask, roles);
    await sync({ anew: true });
    const { epoch } = roles;
    await sync({ anew: false });
    assert.equal(roles.epoch, epoch);
  });

  test("refuses an answer that does not follow what is known", async () => {
    const roles = anew();
    const sync = createRoleSync(answering([page(0, 5, ["a"]), page(3, 8, ["b"])]).ask, roles);
    await sync({ anew: true });
    await assert.rejects(sync({ anew: false }), TypeError);
    assert.deepEqual(roles.customRoles(), ["a"]);
    assert.equal(roles.version, 5);
  });

  test("does not wait for a server whose pages never end", async () => {
    const roles = anew();
    let asked = 0;
    const endless = async (since: number): Promise<RoleChanges> => {
      asked += 1;
      return page(since, since + 1, [], false);
    };
    await assert.rejects(createRoleSync(endless, roles)({ anew: true }), TypeError);
    assert.equal(asked, 10_000);
    assert.equal(roles.version, 0);
  });

  test("reads one after the other, also after one that failed", async () => {
    const roles = anew();
    const asked: number[] = [];
    const gate = Promise.withResolvers<void>();
    const ask = async (since: number): Promise<RoleChanges> => {
      asked.push(since);
      if (asked.length === 1) await gate.promise;
      if (asked.length === 2) throw new Error("It is away.");
      return page(since, since + 1, [`role${since}`]);
    };
    const sync = createRoleSync(ask, roles);
    const [first, second, third] = [sync({ anew: true }), sync({ anew: false }), sync({ anew: false })];
    await tick();
    assert.deepEqual(asked, [0], "the second waits for the first");
    gate.resolve();
    await first;
    await assert.rejects(second);
    await third;
    assert.deepEqual(asked, [0, 1, 1]);
    assert.deepEqual(roles.customRoles(), ["role0", "role1"]);
  });

  test("keeps a role of a name that every object has as a role", async () => {
    const roles = anew();
    const odd = JSON.parse('{"__proto__":{"extends":[],"grants":[]}}') as RoleChanges["roles"];
    await createRoleSync(answering([{ ...page(0, 1, []), roles: odd }]).ask, roles)({ anew: true });
    assert.deepEqual(roles.customRoles(), ["__proto__"]);
  });
});
