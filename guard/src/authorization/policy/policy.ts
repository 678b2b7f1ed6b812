/**
 * The contract's policy: an engine, held to giving a clear answer in time.
 *
 * Whatever the engine does, what comes out here is a decision or a failure, and both are values. What it has answered and
 * failed is counted, so that a guard can say how it stands.
 */
import { checkRange, checkText } from "../../contract/checks.ts";
import { ContractError } from "../../contract/refusal.ts";
import { checkCondition, type Resource } from "../../contract/resource.ts";
import type { Condition } from "../conditions/condition.ts";
import {
  type PolicyDecision,
  type PolicyEngine,
  type PolicyInput,
  type PolicyReach,
  PolicyUntranslatableError,
} from "./engine.ts";

/** No answer, or none that is understood: a denial. */
export interface PolicyFailure {
  readonly effect: "fail";
  /** For the log; never sent. */
  readonly reason: string;
  /** The rule can never be said as a condition: waiting does not help. */
  readonly untranslatable: boolean;
}

/** How an engine stands, and what it has been asked. */
export interface PolicyHealth {
  /** The engine's name. */
  readonly engine: string;
  /** By its last answer; `"unasked"` before the first. */
  readonly state: "unasked" | "answering" | "failing";
  /** In milliseconds since the epoch. */
  readonly lastAnswerAtMs: number | undefined;
  readonly lastFailureAtMs: number | undefined;
  readonly lastFailure: string | undefined;
  /** What is wrong with it, as it says itself. */
  readonly trouble: string | undefined;
  /** The permissions whose lists were asked for last in vain, because the rule cannot be said as a condition. */
  readonly untranslatable: readonly string[];
  /** Since the start. */
  readonly counts: {
    readonly allowed: number;
    readonly denied: number;
    readonly filtered: number;
    readonly failed: number;
  };
}

export interface Policy {
  /** The engine's name. */
  readonly name: string;
  /** The claims it is told. */
  readonly claims: readonly string[];
  /** Can it be asked about lists? */
  readonly canFilter: boolean;
  /** Is it asked about the permission? */
  appliesTo(permission: string): boolean;
  /** Never throws. A promise only where the engine gives one. */
  decide(input: PolicyInput): PolicyDecision | PolicyFailure | Promise<PolicyDecision | PolicyFailure>;
  /** Never throws. A promise only where the engine gives one. */
  filter(
    input: PolicyInput,
    resource: Resource,
  ): PolicyReach | PolicyFailure | Promise<PolicyReach | PolicyFailure>;
  health(): PolicyHealth;
  close(): void;
}

/** A rule of more conditions than this is none that a query should carry. */
const mostConditions = 1_000;
const longestReason = 300;
const codePattern = /^[a-z][a-z0-9_]{0,62}$/;

/**
 * Holds an engine to the contract.
 *
 * @param permissions Every permission of the contract.
 * @throws {ContractError} `option_invalid`, `permission_unknown`
 */
export function createPolicy(engine: PolicyEngine, permissions: ReadonlyMap<string, number>): Policy {
  const place = "security.policy";
  if (typeof engine !== "object" || engine === null || typeof engine.decide !== "function") {
    throw new ContractError("option_invalid", place, "It is no policy engine.");
  }
  const name = checkText(engine.name, `${place}.name`);
  const asked = checkPermissions(engine.permissions, permissions, `${place}.permissions`);
  const claims = Object.freeze([...(engine.claims ?? [])]);
  for (const claim of claims) checkText(claim, `${place}.claims`);
  const timeoutMs = checkRange(engine.timeoutMs ?? 1_000, 1, 10_000, `${place}.timeoutMs`);
  const counts = { allowed: 0, denied: 0, filtered: 0, failed: 0 };
  const untranslatable = new Set<string>();
  let last: { lastAnswerAtMs?: number; lastFailureAtMs?: number; lastFailure?: string } = {};
  let state: PolicyHealth["state"] = "unasked";

  const answered = (what: keyof typeof counts) => {
    counts[what] += 1;
    state = "answering";
    last = { ...last, lastAnswerAtMs: Date.now() };
  };
  const failed = (error: unknown): PolicyFailure => {
    const reason = (error instanceof Error ? error.message : String(error)).slice(0, longestReason);
    counts.failed += 1;
    state = "failing";
    last = { ...last, lastFailureAtMs: Date.now(), lastFailure: reason };
    return { effect: "fail", reason, untranslatable: error instanceof PolicyUntranslatableError };
  };
  const concludeDecision = (given: unknown): PolicyDecision => {
    const decision = checkDecision(given);
    answered(decision.effect === "allow" ? "allowed" : "denied");
    return decision;
  };
  const concludeFilter = (given: unknown, { permission }: PolicyInput, resource: Resource): PolicyReach => {
    const reach = checkReach(given, resource);
    answered("filtered");
    untranslatable.delete(permission);
    return reach;
  };
  const failedFilter = (error: unknown, { permission }: PolicyInput): PolicyFailure => {
    if (error instanceof PolicyUntranslatableError) untranslatable.add(permission);
    return failed(error);
  };

  return Object.freeze({
    name,
    claims,
    canFilter: typeof engine.filter === "function",
    appliesTo: (permission: string) => asked === undefined || asked.has(permission),
    decide: (input: PolicyInput) => conclude(() => engine.decide(input), timeoutMs, concludeDecision, failed),
    filter: (input: PolicyInput, resource: Resource) =>
      conclude(
        () => {
          if (engine.filter === undefined)
            throw new PolicyUntranslatableError("The engine filters no lists.");
          return engine.filter(input, resource);
        },
        timeoutMs,
        (given) => concludeFilter(given, input, resource),
        (error) => failedFilter(error, input),
      ),
    health: (): PolicyHealth => ({
      engine: name,
      state,
      lastAnswerAtMs: last.lastAnswerAtMs,
      lastFailureAtMs: last.lastFailureAtMs,
      lastFailure: last.lastFailure,
      trouble: engine.trouble?.(),
      untranslatable: [...untranslatable],
      counts: { ...counts },
    }),
    close: () => engine.close?.(),
  });
}

function checkPermissions(
  given: readonly string[] | undefined,
  permissions: ReadonlyMap<string, number>,
  place: string,
): ReadonlySet<string> | undefined {
  if (given === undefined) return undefined;
  if (!Array.isArray(given) || given.length === 0) {
    throw new ContractError("option_invalid", place, "It is no list of permissions.");
  }
  for (const permission of given) {
    if (permissions.has(permission)) continue;
    throw new ContractError("permission_unknown", place, `There is no \`${String(permission)}\`.`);
  }
  return new Set(given);
}

/** Asks, and turns whatever comes of it into a value. Stays synchronous where the engine does. */
function conclude<Answer>(
  ask: () => unknown,
  timeoutMs: number,
  read: (given: unknown) => Answer,
  failed: (error: unknown) => PolicyFailure,
): Answer | PolicyFailure | Promise<Answer | PolicyFailure> {
  try {
    const given = ask();
    if (!isPromiseLike(given)) return read(given);
    return within(given, timeoutMs).then(read).catch(failed);
  } catch (error) {
    return failed(error);
  }
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === "function";
}

/** What is not there in time is not there: no engine holds a request up. */
function within(work: PromiseLike<unknown>, timeoutMs: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    work.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

/** An answer that is almost right is wrong: nobody knows what its writer meant. */
function checkDecision(given: unknown): PolicyDecision {
  const { effect, reason, code, hide, decisionId } = (given ?? {}) as {
    readonly [Key in keyof PolicyDecision]?: unknown;
  };
  if (effect !== "allow" && effect !== "deny") throw new Error("the engine gave no decision");
  if (typeof reason !== "string") throw new Error("the engine gave no reason");
  if (code !== undefined && (typeof code !== "string" || !codePattern.test(code))) {
    throw new Error("the decision's code is no plain word");
  }
  if (hide !== undefined && typeof hide !== "boolean") throw new Error("the decision's `hide` is no boolean");
  if (decisionId !== undefined && typeof decisionId !== "string")
    throw new Error("the decision's id is no text");
  return Object.freeze({ effect, reason: reason.slice(0, longestReason), code, hide, decisionId });
}

function checkReach(given: unknown, resource: Resource): PolicyReach {
  if (given === "all" || given === "none") return given;
  if (typeof given !== "object" || given === null || !("kind" in given)) {
    throw new Error("the engine gave no condition");
  }
  const condition = given as Condition;
  checkCondition(condition, resource.name, "policy");
  if (countLeaves(condition) > mostConditions) {
    throw new PolicyUntranslatableError(`it comes to more than ${mostConditions} conditions`);
  }
  return condition;
}

function countLeaves(condition: Condition): number {
  switch (condition.kind) {
    case "all":
    case "any":
      return condition.conditions.reduce((sum, one) => sum + countLeaves(one), 0);
    case "not":
    case "related":
      return countLeaves(condition.condition);
    case "membership":
      return Array.isArray(condition.values) ? condition.values.length : 1;
    default:
      return 1;
  }
}
