/**
 * Reads a table of decisions: YAML that a person who does not program can review.
 *
 * It is read strictly: a misspelt key, a role or a permission that the contract does not have, a row with an unknown
 * attribute is a mistake with its line, for a test of something else than it says is worse than none.
 */
import type { LiveRoles, Security } from "@bulwark/guard";
import {
  type Asker,
  nameText,
  type Question,
  readChanges,
  readRow,
  rowShape,
  ruleDenials,
} from "@bulwark/guard/explain";
import { isScalar, type Node } from "yaml";
import { quoteValues } from "../explanation-text.ts";
import { readTime } from "../question-options.ts";
import { type Fields, readYaml, type YamlReader } from "./yaml-nodes.ts";

/** What a decision is expected to be. */
export interface Expectation {
  readonly effect: "allow" | "deny";
  /** The reason code of a denial. */
  readonly code?: string;
  /** The role whose grant allows it; absent: any. */
  readonly role?: string;
  /** The fields that may not be set; absent: any. */
  readonly fields?: readonly string[];
  /** The policy's own word for a denial of its; absent: any. */
  readonly policy?: string;
}

export interface ExpectedDecision {
  readonly line: number;
  /** `alice order:read hers`, or the name that it is given. */
  readonly name: string;
  readonly question: Question;
  readonly expect: Expectation;
}

/** A table that was parsed, before its contract is known. */
export interface ParsedTable {
  readonly file: string;
  /** The contract's module as the table names it, from the table's own folder. */
  readonly contract: string | undefined;
  /** @throws {UserMistake} with the line of what is wrong */
  decisions(security: Security, roles: LiveRoles): readonly ExpectedDecision[];
}

/** @throws {UserMistake} with the line of what is wrong */
export function parseTable(text: string, file: string): ParsedTable {
  const { root, reader } = readYaml(text, file);
  const fields = reader.fields(root, "The table", ["contract", "at", "principals", "rows", "decisions"]);
  const { contract, at, principals, rows, decisions } = fields;
  return {
    file,
    contract: contract && reader.text(contract, "contract"),
    decisions(security, roles) {
      if (decisions === undefined) return reader.fail(root, "The table has no `decisions`.");
      const scope: Scope = {
        security,
        roles,
        reader,
        principals: new Map(
          reader
            .named(principals, "principals")
            .map(([name, node]) => [name, readPrincipal(name, node, reader, roles)]),
        ),
        rows: new Map(reader.named(rows, "rows")),
        nowMs: at === undefined ? Date.now() : readInstant(at, "at", reader),
      };
      const found = reader.items(decisions, "decisions").map((node) => readDecision(node, scope));
      return found.length > 0 ? found : reader.fail(decisions, "`decisions` is empty.");
    },
  };
}

interface Scope {
  readonly security: Security;
  readonly roles: LiveRoles;
  readonly reader: YamlReader;
  readonly principals: ReadonlyMap<string, Asker>;
  readonly rows: ReadonlyMap<string, Node>;
  readonly nowMs: number;
}

function readPrincipal(name: string, node: Node, reader: YamlReader, roles: LiveRoles): Asker {
  const fields = reader.fields(node, `The principal ${nameText(name)}`, ["id", "kind", "roles", "claims"]);
  const kind = fields.kind === undefined ? "account" : reader.text(fields.kind, "kind");
  if (kind !== "account" && kind !== "client") {
    return reader.fail(fields.kind ?? node, "`kind` is neither account nor client.");
  }
  const held = fields.roles === undefined ? [] : reader.texts(fields.roles, "roles");
  const stray = held.find((role) => roles.grantsOfRole(role) === undefined);
  if (stray !== undefined)
    return reader.fail(fields.roles ?? node, `There is no role ${JSON.stringify(stray)}.`);
  return {
    id: fields.id === undefined ? name : reader.text(fields.id, "id"),
    kind,
    roles: held,
    claims: fields.claims === undefined ? {} : reader.object(fields.claims, "claims"),
  };
}

// biome-ignore format: what is asked, with which credential, and what is expected
const decisionKeys = [
  "name", "principal", "action", "row", "changes", "at",
  "scope", "acr", "signedInAgo",
  "expect", "code", "role", "fields", "policy",
] as const;
type DecisionFields = Fields<(typeof decisionKeys)[number]>;

function readDecision(node: Node, scope: Scope): ExpectedDecision {
  const { reader, principals } = scope;
  const fields = reader.fields(node, "A decision", decisionKeys);
  const who = textOf(fields.principal, "principal", node, reader);
  const principal =
    principals.get(who) ??
    reader.fail(fields.principal ?? node, `There is no principal ${JSON.stringify(who)}.`);
  const permission = textOf(fields.action, "action", node, reader);
  if (scope.security.roles.permissionIndex(permission) === undefined) {
    return reader.fail(
      fields.action ?? node,
      `The contract has no permission ${JSON.stringify(permission)}.`,
    );
  }
  const asked = readAsked(permission, fields, scope);
  return {
    line: reader.lineOf(node),
    name: fields.name === undefined ? `${who} ${permission}${asked.title}` : reader.text(fields.name, "name"),
    question: { principal, permission, ...asked.question, ...readCircumstances(fields, scope) },
    expect: readExpectation(fields, node, scope),
  };
}

function textOf(node: Node | undefined, name: string, decision: Node, reader: YamlReader): string {
  return node === undefined
    ? reader.fail(decision, `The decision has no \`${name}\`.`)
    : reader.text(node, name);
}

interface Asked {
  readonly question: Pick<Question, "row" | "changes">;
  /** For the decision's name. */
  readonly title: string;
}

/** The row acted on and what is sent. What is created has no row before: its `row` is what is sent. */
function readAsked(
  permission: string,
  { row, changes }: DecisionFields,
  { security, reader, rows }: Scope,
): Asked {
  const [resource = "", action = ""] = permission.split(":");
  const shape = rowShape(security, resource);
  const creates = action === "create" && Object.keys(shape.attributes).length > 0;
  if (changes !== undefined && creates === (row !== undefined)) {
    const problem = creates
      ? "What is created is given once: as `row` or as `changes`."
      : "They are changes of no `row`.";
    return reader.fail(changes, problem);
  }
  const given = row === undefined ? undefined : rowNode(row, rows, reader);
  const sent = creates ? (changes ?? given) : changes;
  const before = creates ? undefined : given;
  const read = (node: Node, what: "row" | "changes") => {
    const data = reader.object(node, what);
    try {
      return what === "row" ? readRow(data, shape, what) : readChanges(data, shape, what);
    } catch (error) {
      return reader.fail(node, (error as Error).message);
    }
  };
  const title = [row, changes]
    .filter((node) => node !== undefined)
    .map((node) =>
      isScalar(node) ? ` ${nameText(String(node.value))}` : ` ${quoteValues(reader.object(node, "row"))}`,
    );
  return {
    question: {
      ...(before === undefined ? {} : { row: read(before, "row") }),
      ...(sent === undefined ? {} : { changes: read(sent, "changes") }),
    },
    title: title.join(""),
  };
}

function rowNode(node: Node, rows: ReadonlyMap<string, Node>, reader: YamlReader): Node {
  if (!isScalar(node)) return node;
  const name = reader.text(node, "row");
  return rows.get(name) ?? reader.fail(node, `There is no row ${JSON.stringify(name)}.`);
}

type Circumstances = Pick<Question, "scopes" | "acr" | "authenticatedAtMs" | "nowMs">;

function readCircumstances({ at, scope, acr, signedInAgo }: DecisionFields, context: Scope): Circumstances {
  const { reader, security } = context;
  const nowMs = at === undefined ? context.nowMs : readInstant(at, "at", reader);
  const level = acr && reader.text(acr, "acr");
  if (acr !== undefined && security.assurance.levelOf(level) < 0) {
    return reader.fail(acr, `There is no level ${JSON.stringify(level)}.`);
  }
  return {
    nowMs,
    ...(scope === undefined ? {} : { scopes: security.scopes.permissionsOf(reader.text(scope, "scope")) }),
    ...(level === undefined ? {} : { acr: level }),
    ...(signedInAgo === undefined ? {} : { authenticatedAtMs: nowMs - readDuration(signedInAgo, reader) }),
  };
}

function readExpectation(fields: DecisionFields, node: Node, scope: Scope): Expectation {
  const { reader } = scope;
  const effect = textOf(fields.expect, "expect", node, reader);
  if (effect === "allow") return readAllow(fields, scope);
  if (effect === "deny") return readDenial(fields, node, scope);
  return reader.fail(fields.expect ?? node, "`expect` is neither allow nor deny.");
}

function readAllow({ code, role, fields, policy }: DecisionFields, { reader, roles }: Scope): Expectation {
  const stray = code ?? fields ?? policy;
  if (stray !== undefined) return reader.fail(stray, "What is allowed has no reason to be refused.");
  if (role === undefined) return { effect: "allow" };
  const name = reader.text(role, "role");
  if (roles.grantsOfRole(name) !== undefined) return { effect: "allow", role: name };
  return reader.fail(role, `There is no role ${JSON.stringify(name)}.`);
}

function readDenial(
  { code, role, fields, policy }: DecisionFields,
  node: Node,
  { reader }: Scope,
): Expectation {
  if (role !== undefined) return reader.fail(role, "No role's grant is behind a denial.");
  if (code === undefined) return reader.fail(node, "A denial needs its reason: `code`.");
  const reason = reader.text(code, "code");
  if (!ruleDenials.some((known) => known === reason)) {
    return reader.fail(code, `${JSON.stringify(reason)} is none of ${ruleDenials.join(", ")}.`);
  }
  if (fields !== undefined && reason !== "fields_denied") {
    return reader.fail(fields, "`fields` goes with the code fields_denied.");
  }
  if (policy !== undefined && reason !== "policy_denied") {
    return reader.fail(policy, "`policy` goes with the code policy_denied.");
  }
  return {
    effect: "deny",
    code: reason,
    ...(fields === undefined ? {} : { fields: reader.texts(fields, "fields") }),
    ...(policy === undefined ? {} : { policy: reader.text(policy, "policy") }),
  };
}

function readInstant(node: Node, name: string, reader: YamlReader): number {
  const text = reader.text(node, name);
  try {
    return readTime(text, name);
  } catch (error) {
    return reader.fail(node, (error as Error).message);
  }
}

const unitsMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function readDuration(node: Node, reader: YamlReader): number {
  const text = reader.text(node, "signedInAgo");
  const [, count, unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const durationMs = Number(count) * (unitsMs[unit] ?? Number.NaN);
  return Number.isNaN(durationMs)
    ? reader.fail(node, `${JSON.stringify(text)} is no duration, as 15m is.`)
    : durationMs;
}
