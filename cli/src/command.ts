/** What a command is, and how its arguments are read: strictly, with one line for what is wrong. */
import { type ParseArgsConfig, parseArgs } from "node:util";

/** One option of a command. */
interface OptionRow {
  readonly type: "string" | "boolean";
  /** May it be given more than once? */
  readonly multiple?: boolean;
  /** What its value is, in the help: `<file>`. */
  readonly value?: string;
  readonly help: string;
}

export type OptionTable = Readonly<Record<string, OptionRow>>;

export type OptionValues<Options extends OptionTable> = {
  readonly [Name in keyof Options]: Options[Name] extends { readonly type: "boolean" }
    ? boolean
    : Options[Name] extends { readonly multiple: true }
      ? readonly string[]
      : string | undefined;
};

/** Where a command writes. */
export interface Output {
  /** For who reads, or for the next program. */
  out(text: string): void;
  /** For who runs it: notes beside the result. */
  note(text: string): void;
}

interface Call<Options extends OptionTable> extends Output {
  readonly values: OptionValues<Options>;
  readonly positionals: readonly string[];
}

export interface CommandParts<Options extends OptionTable> {
  /** As it is called: `policy test`. */
  readonly name: string;
  readonly summary: string;
  /** What may follow without a name: `[file...]`; absent: nothing. */
  readonly positionals?: string;
  readonly options: Options;
  /** Further lines of the help: formats, exit codes. */
  readonly notes?: string;
  /** @returns the exit code. */
  run(call: Call<Options>): Promise<number>;
}

/** A command whose options' types have done their work. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  /** @returns the exit code. @throws {UserMistake} */
  call(args: readonly string[], output: Output): Promise<number>;
}

/** What the caller can mend: told in one line, without a stack. */
export class UserMistake extends Error {
  override readonly name = "UserMistake";
}

/** The call was wrong, or what it names: a file, a contract. As `EX_USAGE` of sysexits. */
export const misuse = 64;

const common = {
  help: { type: "boolean", help: "show this, and do nothing" },
} as const satisfies OptionTable;

export function defineCommand<const Options extends OptionTable>(parts: CommandParts<Options>): Command {
  const { name, summary, options } = parts;
  return Object.freeze({
    name,
    summary,
    async call(args: readonly string[], output: Output) {
      const { values, positionals } = parse(args, { ...options, ...common });
      if (values.help === true) {
        output.out(helpOf(parts));
        return 0;
      }
      if (parts.positionals === undefined && positionals.length > 0) {
        throw new UserMistake(
          `\`${name}\` takes no ${JSON.stringify(positionals[0])}: see \`${name} --help\`.`,
        );
      }
      const read = Object.fromEntries(
        Object.entries(options).map(([option, { type, multiple }]) => [
          option,
          values[option] ?? (type === "boolean" ? false : multiple === true ? [] : undefined),
        ]),
      );
      return parts.run({ ...output, values: read as OptionValues<Options>, positionals });
    },
  });
}

function parse(args: readonly string[], options: OptionTable) {
  const config = Object.fromEntries(
    Object.entries(options).map(([name, { type, multiple = false }]) => [name, { type, multiple }]),
  ) satisfies ParseArgsConfig["options"];
  try {
    return parseArgs({ args: [...args], options: config, strict: true, allowPositionals: true });
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!code.startsWith("ERR_PARSE_ARGS")) throw error;
    // Its first sentence says what; the rest is about how such a positional could be given.
    throw new UserMistake(((error as Error).message.split(". ")[0] ?? "").replace(/\.?$/, "."));
  }
}

function helpOf<Options extends OptionTable>(parts: CommandParts<Options>): string {
  const { name, summary, positionals, options, notes } = parts;
  const rows = Object.entries({ ...options, ...common } as OptionTable).map(
    ([option, { value, help }]) => [`--${option}${value === undefined ? "" : ` ${value}`}`, help] as const,
  );
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    `bulwark ${name}${positionals === undefined ? "" : ` ${positionals}`} [options]`,
    "",
    `  ${summary}`,
    "",
    ...rows.map(([left, help]) => `  ${left.padEnd(width)}  ${help}`),
    ...(notes === undefined ? [] : ["", notes]),
    "",
  ].join("\n");
}
