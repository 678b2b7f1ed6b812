/**
 * Open Policy Agent over HTTP: decisions from the Data API, filters for lists from the Compile API.
 *
 * OPA is trusted to decide, not to behave: what is late, large, or not exactly understood is no answer.
 *
 * @see https://www.openpolicyagent.org/docs/rest-api
 */
import { checkRange } from "../../../contract/checks.ts";
import { ContractError, refuseUnknownKeys } from "../../../contract/refusal.ts";
import type { Resource } from "../../../contract/resource.ts";
import { isLoopbackHost } from "../../../encoding/origin.ts";
import { createJsonClient, type JsonAnswer, type JsonClient } from "../../../outbound/json-client.ts";
import {
  type PolicyDecision,
  type PolicyEngine,
  type PolicyInput,
  type PolicyReach,
  PolicyUntranslatableError,
} from "../engine.ts";
import { readDecisionDocument } from "./decision-document.ts";
import { parseExactly } from "./exact-json.ts";
import { toInputText } from "./input-text.ts";
import { checkRulePath, type OpaRules } from "./options.ts";
import { toReach } from "./residual.ts";

export interface OpaOptions extends OpaRules {
  /** The server: `"http://127.0.0.1:8181"`; https, or http on loopback. */
  readonly url: string;
  /**
   * The rule that lists are filtered by: `"orders/visible"`, of boolean value. It looks at `input.row` like a decision
   * does; OPA leaves what it cannot know of the rows, and that becomes a condition of the query. Without it the engine
   * cannot be asked about lists.
   */
  readonly filter?: string;
  /** How long an answer may take, 1 to 10,000 milliseconds; default 200. */
  readonly timeoutMs?: number;
  /** Questions under way at once, 1 to 10,000; default 256. A further one is denied. */
  readonly mostAtOnce?: number;
  /** A bearer token for the server, read for each question; a function, so that the contract holds no secret. */
  readonly token?: () => string;
  /** Sends rows and claims in the clear to a server that is not on this machine, and believes whoever answers. */
  readonly dangerouslyAllowHttp?: true;
}

const knownKeys = [
  "url",
  "decision",
  "filter",
  "permissions",
  "claims",
  "timeoutMs",
  "mostAtOnce",
  "token",
  "dangerouslyAllowHttp",
] as const satisfies readonly (keyof OpaOptions)[];

const mostAnswerBytes = 262_144;

/**
 * A policy engine that asks an OPA server.
 *
 * @throws {ContractError} `option_unknown`, `option_invalid`
 * @example
 * defineSecurity({
 *   policy: opa({ url: "http://127.0.0.1:8181", decision: "orders/allow", filter: "orders/visible" }),
 *   …
 * });
 */
export function opa(options: OpaOptions): PolicyEngine {
  const place = "opa";
  if (Object.hasOwn(options, "wasm")) {
    const problem = "A compiled policy is opened by `opaWasm` of `@bulwark/guard/opa-wasm`.";
    throw new ContractError("option_unknown", `${place}.wasm`, problem);
  }
  refuseUnknownKeys(options, knownKeys, place);
  const { permissions, claims, token } = options;
  const decision = checkRulePath(options.decision, `${place}.decision`);
  const filter = options.filter === undefined ? undefined : checkRulePath(options.filter, `${place}.filter`);
  if (token !== undefined && typeof token !== "function") {
    throw new ContractError("option_invalid", `${place}.token`, "It is not a function.");
  }
  const url = checkUrl(options, place);
  const timeoutMs = checkRange(options.timeoutMs ?? 200, 1, 10_000, `${place}.timeoutMs`);
  const client = createJsonClient({
    url,
    token,
    timeoutMs,
    mostAtOnce: checkRange(options.mostAtOnce ?? 256, 1, 10_000, `${place}.mostAtOnce`),
    mostBytes: mostAnswerBytes,
  });
  return Object.freeze({
    name: `opa ${decision}`,
    permissions,
    claims,
    timeoutMs,
    decide: (input: PolicyInput) => decide(client, decision, input),
    ...(filter === undefined
      ? {}
      : { filter: (input: PolicyInput, resource: Resource) => compile(client, filter, input, resource) }),
    close: () => client.close(),
  });
}

function checkUrl({ url: text, dangerouslyAllowHttp }: OpaOptions, place: string): URL {
  const url = URL.parse(text);
  const plain = url?.protocol === "http:";
  const mayBePlain = url !== null && (isLoopbackHost(url.hostname) || dangerouslyAllowHttp === true);
  if (url === null || (url.protocol !== "https:" && !(plain && mayBePlain))) {
    throw new ContractError(
      "option_invalid",
      `${place}.url`,
      "It is not an https URL, nor http on loopback.",
    );
  }
  // What stands there is shown with the contract, and in logs.
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw new ContractError("option_invalid", `${place}.url`, "It has more than an origin and a path.");
  }
  if (plain && !isLoopbackHost(url.hostname)) {
    process.emitWarning(`OPA at ${url.origin} is asked over plain http.`, { code: "BULWARK_POLICY_HTTP" });
  }
  return url;
}

async function decide(client: JsonClient, decision: string, input: PolicyInput): Promise<PolicyDecision> {
  const answer = await client.post(`/v1/data/${decision}`, `{"input":${toInputText(input)}}`);
  const body = readObject(answer);
  const { decision_id: id } = body;
  const decisionId = typeof id === "string" && /^[\x21-\x7e]{1,128}$/.test(id) ? id : undefined;
  return readDecisionDocument(Object.hasOwn(body, "result") ? body.result : undefined, decision, decisionId);
}

/**
 * Asks what of a rule is left once everything but the row is known.
 *
 * The rule is asked to be `true`, exactly: an object in its place, which OPA's own translations to filters take for a
 * truth, is a type error here. See docs/decisions/0012-policy-engines.md.
 */
async function compile(
  client: JsonClient,
  filter: string,
  { row: _unknown, ...input }: PolicyInput,
  resource: Resource,
): Promise<PolicyReach> {
  const rule = filter.split("/").map((name) => `[${JSON.stringify(name)}]`);
  const question = {
    query: `data${rule.join("")} == true`,
    unknowns: ["input.row"],
    // What only OPA knows (its clock, its data sources) is known now, and not when the rows are read.
    options: { nondeterministicBuiltins: true },
  };
  const body = `${JSON.stringify(question).slice(0, -1)},"input":${toInputText(input)}}`;
  const answer = await client.post("/v1/compile", body);
  // The rule itself is refused: by its types, or because there is no query over it.
  if (answer.status === 400) throw new PolicyUntranslatableError(`\`${filter}\` cannot be asked to be true`);
  const { result } = readObject(answer);
  return toReach(result, resource);
}

function readObject({ status, text }: JsonAnswer): Readonly<Record<string, unknown>> {
  if (status !== 200) throw new Error(`the answer is ${status}`);
  const body = parseExactly(text);
  if (typeof body === "object" && body !== null && !Array.isArray(body))
    return body as Record<string, unknown>;
  throw new Error("the answer is no object");
}
