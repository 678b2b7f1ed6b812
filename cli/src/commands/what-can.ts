/** `bulwark what-can`: everything that a principal may do. */
import { nameText, type WhatGrant, whatCan } from "@bulwark/guard/explain";
import { defineCommand } from "../command.ts";
import { contractOption, loadContract } from "../contract-file.ts";
import { askerOptions, readAsker, readCircumstances } from "../question-options.ts";
import { loadRoles, rolesOption } from "../roles-file.ts";
import { tableText } from "../table-text.ts";

export const whatCanCommand = defineCommand({
  name: "what-can",
  summary:
    "Answers what a principal may do: every permission, on which rows, with its own values in the rule.",
  options: {
    ...contractOption,
    ...askerOptions,
    ...rolesOption,
    json: { type: "boolean", help: "print the answer as JSON" },
  },
  notes: "  bulwark what-can --principal mona --role manager --claim team=red",
  async run({ values, out, note }) {
    const security = await loadContract(values.contract);
    const question = { principal: readAsker(values), ...readCircumstances(security, values) };
    const roles = loadRoles(security, values.roles, { out, note });
    const answers = whatCan(security, question, { roles });
    if (values.json) out(JSON.stringify(answers, null, 2));
    else {
      out(
        tableText(
          answers.flatMap(({ permission, answer, grants, denials }) => [
            [permission, answer],
            ...grants.map((grant) => [`  allow ${whose(grant)}`, grant.where, details(grant)]),
            ...denials.map((denial) => [`  deny ${whose(denial)}`, denial.where, ""]),
          ]),
        ),
      );
    }
    return 0;
  },
});

function whose({ role, via }: WhatGrant): string {
  return role === undefined ? "(direct)" : via.map(nameText).join(" → ");
}

function details({ fields, set, assurance, maxAge, met }: WhatGrant): string {
  const demanded = [assurance, maxAge === undefined ? undefined : `within ${maxAge}`]
    .filter(Boolean)
    .join(" ");
  return [
    ...(fields === undefined ? [] : [`fields ${fields.join(", ") || "none"}`]),
    ...Object.entries(set ?? {}).map(([name, value]) => `sets ${name} = ${value}`),
    ...(demanded === "" ? [] : [`demands ${demanded}: ${met ? "met" : "not met"}`]),
  ].join("; ");
}
