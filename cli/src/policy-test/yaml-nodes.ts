/** YAML, read strictly: each value with its line, nothing that is not asked for, nothing that runs or repeats itself. */
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import { UserMistake } from "../command.ts";

/** The fields of a map, by the names that it may have. */
export type Fields<Name extends string> = { readonly [Key in Name]?: Node };

export interface YamlReader {
  /** Where in the file, for a person: `decisions.yaml:12`. */
  lineOf(node: Node): number;
  fail(node: Node, problem: string): never;
  /** A map that has no other fields than these. */
  fields<const Name extends string>(node: Node, what: string, names: readonly Name[]): Fields<Name>;
  /** A map with names of the author's own, in order. */
  named(node: Node | undefined, what: string): readonly (readonly [string, Node])[];
  items(node: Node, what: string): readonly Node[];
  text(node: Node, what: string): string;
  texts(node: Node, what: string): readonly string[];
  /** A map as plain data. */
  object(node: Node, what: string): Readonly<Record<string, unknown>>;
}

/** @throws {UserMistake} with the line of what is wrong */
export function readYaml(source: string, file: string): { readonly root: Node; readonly reader: YamlReader } {
  const lines = new LineCounter();
  const document = parseDocument(source, {
    lineCounter: lines,
    strict: true,
    uniqueKeys: true,
    schema: "core",
    prettyErrors: false,
  });
  const failAt = (offset: number, problem: string): never => {
    throw new UserMistake(`${file}:${lines.linePos(offset).line}: ${problem}`);
  };
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) failAt(problem.pos[0], `${problem.message}.`);
  if (document.contents === null) throw new UserMistake(`${file} is empty.`);

  const offsetOf = (node: Node) => node.range?.[0] ?? 0;
  const fail = (node: Node, what: string): never => failAt(offsetOf(node), what);
  const pairs = (node: Node, what: string): readonly (readonly [string, Node])[] => {
    if (!isMap(node)) return fail(node, `${what} is no map.`);
    return node.items.map(({ key, value }) => {
      // A key is plain text; a value may be left out in YAML, and then is null.
      if (!isScalar(key) || typeof key.value !== "string")
        return fail((key as Node | null) ?? node, "A key is no text.");
      if (value === null) return fail(key, `\`${key.value}\` has no value.`);
      return [key.value, value as Node];
    });
  };
  const text = (node: Node, what: string): string =>
    isScalar(node) && typeof node.value === "string"
      ? node.value
      : fail(node, `\`${what}\` is no text: put it in quotes.`);
  const items = (node: Node, what: string): readonly Node[] =>
    isSeq(node) ? (node.items as readonly Node[]) : fail(node, `\`${what}\` is no list.`);
  const plain = (node: Node): unknown => {
    if (isMap(node))
      return Object.fromEntries(pairs(node, "It").map(([name, value]) => [name, plain(value)]));
    if (isSeq(node)) return items(node, "").map(plain);
    // An alias would be somewhere else's value: names do what aliases would.
    return isScalar(node) ? node.value : fail(node, "Aliases are not read: give what is used twice a name.");
  };
  const reader: YamlReader = {
    fail,
    lineOf: (node) => lines.linePos(offsetOf(node)).line,
    fields(node, what, names) {
      const found = pairs(node, what);
      const stray = found.find(([name]) => !names.some((known) => known === name));
      if (stray !== undefined) return fail(stray[1], `${what} has an unknown \`${stray[0]}\`.`);
      return Object.fromEntries(found) as Fields<(typeof names)[number]>;
    },
    named: (node, what) => (node === undefined ? [] : pairs(node, `\`${what}\``)),
    items,
    text,
    texts: (node, what) => items(node, what).map((item) => text(item, what)),
    object: (node, what) =>
      isMap(node) ? (plain(node) as Readonly<Record<string, unknown>>) : fail(node, `\`${what}\` is no map.`),
  };
  return { root: document.contents, reader };
}
