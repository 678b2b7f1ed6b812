/** casbin: roles that inherit, and conditions as expressions over the request, as its ABAC model writes them. */
import { newEnforcer, newModelFromString, StringAdapter } from "casbin";
import type { Engine, Question } from "../questions.ts";

const model = `
[request_definition]
r = sub, obj, act

[policy_definition]
p = role, act, rule

[role_definition]
g = _, _

[policy_effect]
e = some(where (p.eft == allow))

[matchers]
m = g(r.sub.role, p.role) && r.act == p.act && eval(p.rule)
`;

const policy = `
p, user, read, r.obj.ownerId == r.sub.id
p, user, update, r.obj.ownerId == r.sub.id && (r.obj.status == "draft" || r.obj.status == "open")
p, manager, read, r.obj.team == r.sub.team
p, admin, read, true
p, admin, update, true
p, admin, delete, true
g, manager, user
g, admin, manager
`.trim();

export const casbin: Engine<Question> = {
  name: "casbin",
  ratio: "toCasbin",
  async prepare() {
    const enforcer = await newEnforcer(newModelFromString(model), new StringAdapter(policy));
    return {
      bind: (question) => question,
      decide: ({ person, action, row }) => enforcer.enforceSync(person, row, action),
    };
  },
};
