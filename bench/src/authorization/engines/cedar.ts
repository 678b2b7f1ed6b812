/** Cedar, compiled to WebAssembly: its policies parsed beforehand, the people and rows as entities with each question. */
import {
  type EntityJson,
  preparsePolicySet,
  type StatefulAuthorizationCall,
  statefulIsAuthorized,
} from "@cedar-policy/cedar-wasm/nodejs";
import { type Engine, known, type Person } from "../questions.ts";

const policies = `
permit(principal in Role::"user", action == Action::"read", resource) when { resource.ownerId == principal.id };
permit(principal in Role::"user", action == Action::"update", resource)
  when { resource.ownerId == principal.id && ["draft", "open"].contains(resource.status) };
permit(principal in Role::"manager", action == Action::"read", resource) when { resource.team == principal.team };
permit(principal in Role::"admin", action, resource);
`;

const policySet = "orders";

export const cedar: Engine<StatefulAuthorizationCall> = {
  name: "Cedar (Wasm)",
  ratio: "toCedar",
  async prepare(people, rows) {
    const parsed = preparsePolicySet(policySet, { staticPolicies: policies });
    if (parsed.type === "failure") throw new Error(parsed.errors.map(({ message }) => message).join("\n"));
    const persons = new Map(people.map((person) => [person.id, toEntities(person)]));
    const orders = new Map(
      rows.map((row): readonly [string, EntityJson] => [
        row.id,
        { uid: { type: "Order", id: row.id }, attrs: { ...row }, parents: [] },
      ]),
    );
    return {
      bind: ({ person, action, row }) => ({
        principal: { type: "Person", id: person.id },
        action: { type: "Action", id: action },
        resource: { type: "Order", id: row.id },
        context: {},
        preparsedPolicySetId: policySet,
        entities: [...known(persons, person.id), known(orders, row.id)],
      }),
      decide(call) {
        const answer = statefulIsAuthorized(call);
        return answer.type === "success" && answer.response.decision === "allow";
      },
    };
  },
};

/** A person with the chain of roles above them. */
function toEntities({ id, role, team }: Person): readonly EntityJson[] {
  const chain = ["user", "manager", "admin"];
  const above = chain.slice(0, chain.indexOf(role) + 1);
  const roles = above.map(
    (name, index): EntityJson => ({
      uid: { type: "Role", id: name },
      attrs: {},
      parents: above.slice(0, index).map((parent) => ({ type: "Role", id: parent })),
    }),
  );
  return [
    { uid: { type: "Person", id }, attrs: { id, team }, parents: [{ type: "Role", id: role }] },
    ...roles,
  ];
}
