/**
 * Text within a query: it cannot be seen into, so it may only be text that ends where it seems to, and that names no
 * declared table.
 *
 * Against text that closes the bracket it stands in, comments out what follows it, or reads a table on its own. It is no
 * parser: what is unclear is refused.
 */

import { ProtectionError } from "./errors.ts";
import { type Node, nameOf, nodeOf, nodesOf, tableNameOf } from "./nodes.ts";
import type { Tables } from "./tables.ts";

/** Words that bare, without quotes, are no table's name in either database. */
const reserved = new Set([
  "order",
  "group",
  "table",
  "select",
  "check",
  "index",
  "transaction",
  "user",
  "case",
]);
/** Functions that run a text, or read a table by a name that is built at run time. */
const readsByName =
  /\b(?:(?:query|table|schema|database|cursor)_to_xml\w*|query_to_\w+|dblink\w*|ts_stat|ts_rewrite|crosstab\w*|connectby|xpath_table|load_extension)\b/i;
/** Words that a table's name can stand after. */
const readsTables = /\b(?:from|join|table|into|update|using|lateral|only|in)\b/i;

/** @throws {ProtectionError} `text_table`, `text_unclear` */
export function checkText(node: Node, tables: Tables): void {
  const { text, names } = flatten(node, tables);
  refuseUnclear(text);
  if (readsByName.test(text))
    throw new ProtectionError("text_table", "It calls a function that reads tables.");
  const folded = text.toLowerCase();
  for (const table of tables.names) {
    if (namesTable(folded, table.toLowerCase())) throw new ProtectionError("text_table", `\`${table}\`:`);
  }
  if (readsTables.test(text) && names.some((name) => tables.find(name) !== undefined)) {
    throw new ProtectionError("text_table", "An identifier in it may be read as a table.");
  }
}

/** A name that Kysely writes as it stands: of a function, an operator, a type. */
export function checkWord(word: unknown): void {
  const text = String(word);
  if (!/^[^'"`;$\\[\]]*$/.test(text) || /--|\/\*/.test(text) || readsByName.test(text)) {
    throw new ProtectionError("text_unclear", "A function's, an operator's or a type's name.");
  }
}

interface Flat {
  readonly text: string;
  /** Identifiers that may stand for a table. */
  readonly names: readonly string[];
}

/** Text within text is text: a name can be put together of parts. */
function flatten(node: Node, tables: Tables): Flat {
  const fragments = Array.isArray(node.sqlFragments) ? node.sqlFragments.map(String) : [];
  const parameters = nodesOf(node.parameters);
  const names: string[] = [];
  const texts = parameters.map((parameter) => {
    if (parameter.kind === "RawNode") {
      const inner = flatten(parameter, tables);
      names.push(...inner.names);
      return inner.text;
    }
    const table = tableNameOf(parameter);
    if (table !== undefined && tables.find(table.name) !== undefined) {
      throw new ProtectionError("text_table", `\`${table.name}\`:`);
    }
    const name = parameter.kind === "SchemableIdentifierNode" ? nodeOf(parameter.identifier) : parameter;
    names.push(...(nameOf(name) === undefined ? [] : [nameOf(name) ?? ""]));
    // What no name is.
    return " \u0001 ";
  });
  return { text: fragments.map((fragment, index) => fragment + (texts[index] ?? "")).join(""), names };
}

function refuseUnclear(text: string): void {
  const unclear = (why: string) => new ProtectionError("text_unclear", why);
  // Within quotes only what both databases end alike: no escapes, no dollar quotes.
  if (/\\|\$|;|\0/.test(text) || /u&["']/i.test(text))
    throw unclear("It has an escape, a `$` or a semicolon.");
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at] ?? "";
    if (letter === "'" || letter === '"' || letter === "`") {
      const end = text.indexOf(letter, at + 1);
      if (end < 0) throw unclear("A quote is not closed.");
      at = end;
    } else if (text.startsWith("--", at) || text.startsWith("/*", at)) throw unclear("It has a comment.");
    else if (letter === "(") depth += 1;
    else if (letter === ")") depth -= 1;
    if (depth < 0) break;
  }
  if (depth !== 0) throw unclear("A bracket is not closed, or closes one outside.");
}

/** @param text In lower case, as `table` is. */
function namesTable(text: string, table: string): boolean {
  const spelt = table.replaceAll('"', '""');
  if (spelt !== table && text.includes(spelt)) return true;
  for (let at = text.indexOf(table); at >= 0; at = text.indexOf(table, at + 1)) {
    const before = text[at - 1] ?? " ";
    const after = text[at + table.length] ?? " ";
    if (/[\p{L}\p{N}_]/u.test(before) || /[\p{L}\p{N}_]/u.test(after)) continue;
    // Bare, it is the word of the language; within quotes of any kind it may be the table.
    if (reserved.has(table) && !/['"`[\]]/.test(text)) continue;
    return true;
  }
  return false;
}
