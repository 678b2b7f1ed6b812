/**
 * The `bulwark` command.
 *
 * Exit codes: 0 done; 1 a decision was not as expected, or the doctor found something; 2 contracts decide differently;
 * 64 the call was wrong, or what it names; 70 a defect of this program.
 */
import { type Command, misuse, type Output, UserMistake } from "./command.ts";
import { contract } from "./commands/contract.ts";
import { doctor } from "./commands/doctor.ts";
import { explainCommand } from "./commands/explain.ts";
import { policyDiff } from "./commands/policy-diff.ts";
import { policyTest } from "./commands/policy-test.ts";
import { rls } from "./commands/rls.ts";
import { whatCanCommand } from "./commands/what-can.ts";
import { whoCanCommand } from "./commands/who-can.ts";

/** To add a command is to add a row. */
const commands: readonly Command[] = [
  contract,
  explainCommand,
  whoCanCommand,
  whatCanCommand,
  policyTest,
  policyDiff,
  rls,
  doctor,
];

const defect = 70;

// Whoever reads may stop reading: `bulwark contract | head`.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

const exitCode = await main(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text.endsWith("\n") ? text : `${text}\n`),
  note: (text) => void process.stderr.write(`${text}\n`),
});
// A contract's module may have opened something that would keep the process alive.
process.stdout.write("", () => process.exit(exitCode));

async function main(args: readonly string[], output: Output): Promise<number> {
  try {
    const [first = "--help"] = args;
    if (first === "--help" || first === "help") {
      output.out(usage());
      return args.length === 0 ? misuse : 0;
    }
    const command = commands.find(({ name }) => name.split(" ").every((word, at) => args[at] === word));
    if (command === undefined) {
      const called = args.slice(0, 2).join(" ");
      throw new UserMistake(`There is no command ${JSON.stringify(called)}: see \`bulwark --help\`.`);
    }
    return await command.call(args.slice(command.name.split(" ").length), output);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    // A contract may stand on a guard of its own: known by name.
    const isMistake = error instanceof UserMistake || error.name === "ContractError";
    process.stderr.write(isMistake ? `bulwark: ${error.message}\n` : `${error.stack}\n`);
    return isMistake ? misuse : defect;
  }
}

function usage(): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const rows = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    "bulwark <command> [options]",
    "",
    ...rows,
    "",
    "  bulwark <command> --help tells a command's options.",
    "",
    "Exit codes: 0 done; 1 a decision was not as expected, or the doctor found something;",
    "2 contracts decide differently; 64 the call was wrong; 70 a defect of this program.",
    "",
  ].join("\n");
}
