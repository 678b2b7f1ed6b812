/** `bulwark contract`: the contract as JSON. */
import { contractDocument } from "@bulwark/guard/explain";
import { defineCommand } from "../command.ts";
import { contractOption, loadContract } from "../contract-file.ts";

export const contract = defineCommand({
  name: "contract",
  summary: "Prints the contract as JSON: resources, roles, conditions, limits; the same text each time.",
  options: { ...contractOption },
  async run({ values, out }) {
    out(JSON.stringify(contractDocument(await loadContract(values.contract)), null, 2));
    return 0;
  },
});
