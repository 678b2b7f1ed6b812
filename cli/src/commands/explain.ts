/** `bulwark explain`: why one decision is what it is. */
import { createExplain } from "@bulwark/guard/explain";
import { defineCommand } from "../command.ts";
import { contractOption, loadContract } from "../contract-file.ts";
import { explanationText } from "../explanation-text.ts";
import { askerOptions, readAsked, readAsker, readCircumstances, rowOptions } from "../question-options.ts";
import { loadRoles, policyOption, rolesOption } from "../roles-file.ts";

export const explainCommand = defineCommand({
  name: "explain",
  summary: "Explains one decision: the grant, the role, the branch of the condition that decided.",
  options: {
    ...contractOption,
    ...askerOptions,
    ...rowOptions,
    ...rolesOption,
    ...policyOption,
    trace: { type: "boolean", help: "show every branch of every condition with its value" },
    json: { type: "boolean", help: "print the explanation as JSON" },
  },
  notes: [
    "Without --row and --changes it answers whether the permission is there at all.",
    "It exits 0 whatever the decision is.",
    "",
    "  bulwark explain --principal alice --role user --permission order:read --row @order.json",
  ].join("\n"),
  async run({ values, out, note }) {
    const security = await loadContract(values.contract);
    const question = {
      principal: readAsker(values),
      ...readCircumstances(security, values),
      ...readAsked(security, values),
    };
    const explain = createExplain(security, {
      roles: loadRoles(security, values.roles, { out, note }),
      withoutPolicy: values["without-policy"],
    });
    const explanation = await explain(question);
    out(
      values.json
        ? JSON.stringify(explanation, null, 2)
        : explanationText(explanation, { traces: values.trace }),
    );
    return 0;
  },
});
