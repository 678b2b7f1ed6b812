/** `bulwark who-can`: which principals may do something to a row. */
import { nameText, type WhoAnswer, whoCan } from "@bulwark/guard/explain";
import { defineCommand } from "../command.ts";
import { contractOption, loadContract } from "../contract-file.ts";
import { readAsked, readTime, rowOptions } from "../question-options.ts";
import { loadRoles, rolesOption } from "../roles-file.ts";
import { tableText } from "../table-text.ts";

export const whoCanCommand = defineCommand({
  name: "who-can",
  summary:
    "Answers who may do something to a row: per role, and per account or client with grants of its own.",
  options: {
    ...contractOption,
    ...rowOptions,
    ...rolesOption,
    at: { type: "string", value: "<time>", help: "the time that is asked about, by RFC 3339; default now" },
    json: { type: "boolean", help: "print the answer as JSON" },
  },
  notes: [
    "It answers who may at most: sign-ins that are demanded are named, scopes and policies can only narrow it.",
    "",
    "  bulwark who-can --permission order:read --row @order.json",
  ].join("\n"),
  async run({ values, out, note }) {
    const security = await loadContract(values.contract);
    const { permission, row, changes } = readAsked(security, values);
    const roles = loadRoles(security, values.roles, { out, note });
    const nowMs = values.at === undefined ? undefined : readTime(values.at, "--at");
    const answers = whoCan(security, permission, row, { roles, changes, nowMs });
    if (values.json) out(JSON.stringify(answers, null, 2));
    else {
      out(
        tableText([
          ...answers.roles.map((one) => [
            `role ${nameText(one.role)}${one.custom ? " (custom)" : ""}`,
            ...cells(one),
          ]),
          ...answers.direct.map((one) => [`${one.subject.kind} ${nameText(one.subject.id)}`, ...cells(one)]),
        ]),
      );
    }
    return 0;
  },
});

function cells({ text, ways, withReading, bars }: WhoAnswer): readonly string[] {
  const demands = new Set(
    ways.flatMap(({ assurance, maxAge }) => {
      const wanted = [assurance, maxAge === undefined ? undefined : `within ${maxAge}`]
        .filter(Boolean)
        .join(" ");
      return wanted === "" ? [] : [`demands ${wanted}`];
    }),
  );
  const notes = [
    ...demands,
    ...(withReading === undefined ? [] : [`if another role may read the row: ${withReading}`]),
    ...(bars === undefined ? [] : [`bars ${bars}, whatever else they hold`]),
  ];
  return [text, notes.join("; ")];
}
