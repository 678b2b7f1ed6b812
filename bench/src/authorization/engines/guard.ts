/** The guard's own decision about a row: what counts for the caller and the permission, as the pipeline asks it. */
import { all, createLiveRoles, defineSecurity, principal, resource } from "@bulwark/guard";
import { type Caller, createCaller } from "../../../../guard/src/authentication/caller.ts";
import { liveRules } from "../../../../guard/src/authorization/authority.ts";
import { coversRow, type DecisionContext } from "../../../../guard/src/authorization/rows.ts";
import { type Engine, known, type OrderRow, type Question } from "../questions.ts";

const order = resource("order", {
  actions: ["read", "update", "delete"],
  attributes: { id: "string", ownerId: "string", team: "string", status: "string", total: "number" },
});
const own = order.where.ownerId.eq(principal.id);
const ofOwnTeam = order.where.team.eq(principal.claim("team"));

export const security = defineSecurity({
  issuer: "http://localhost:3000",
  audience: "http://localhost:3000/api",
  resources: [order],
  roles: {
    user: {
      grants: [
        order.allow("read", { where: own }),
        order.allow("update", { where: all(own, order.where.status.in(["draft", "open"])) }),
      ],
    },
    manager: { extends: ["user"], grants: [order.allow("read", { where: ofOwnTeam })] },
    admin: {
      extends: ["manager"],
      grants: [order.allow("read"), order.allow("update"), order.allow("delete")],
    },
  },
});

const nowMs = Date.UTC(2026, 0, 1);

interface Asked {
  readonly caller: Caller;
  readonly context: DecisionContext;
  readonly index: number;
  readonly row: OrderRow;
}

export const guard: Engine<Asked> = {
  name: "guard",
  ratio: "toGuard",
  async prepare(people) {
    const { resources, conditions } = security;
    const roles = createLiveRoles({ table: security.roles, vocabulary: { resources, conditions } });
    const callers = new Map(
      people.map(({ id, role, team }) => {
        const facts = { id, kind: "account", roles: [role], claims: { team } } as const;
        const caller = createCaller(
          { principal: { ...facts, credential: "bearer", sessionId: undefined } },
          { roles, assurance: security.assurance },
        );
        const context: DecisionContext = { facts, nowMs, dialect: "sqlite" };
        return [id, { caller, context }] as const;
      }),
    );
    const indexes = Object.fromEntries(
      order.actions.map((action) => [action, security.roles.permissionIndex(`order:${action}`) ?? -1]),
    ) as Record<Question["action"], number>;
    return {
      bind: ({ person, action, row }) => ({ ...known(callers, person.id), index: indexes[action], row }),
      decide({ caller, context, index, row }) {
        // Where no role grants the permission there are no rules, and nothing is covered.
        return coversRow(liveRules(caller, index, nowMs), row, context);
      },
    };
  },
};
