/**
 * Policy engines: rules that are kept outside the contract, in Open Policy Agent or in a program of a team's own.
 *
 * An engine is asked last, once the contract has allowed. It can only narrow: what it answers never lifts a denial, and
 * whatever is no clear answer (an error, silence, a surprise) is a denial.
 */
import type { Resource } from "../../contract/resource.ts";
import type { Condition, Scalar } from "../conditions/condition.ts";

/** The declared attributes of a row: dates as milliseconds since the epoch, NULL as `null`. */
export type PolicyRow = Readonly<Record<string, Scalar | null>>;

/** Everything that an engine is told: plain data, and nothing that proves who somebody is. */
export interface PolicyInput {
  readonly principal: {
    readonly id: string;
    readonly kind: "account" | "client";
    readonly roles: readonly string[];
    /** Of its claims those that the engine names; one that it does not have is not there. */
    readonly claims: Readonly<Record<string, unknown>>;
    /** The contract's level of assurance that the sign-in reached; `null`: none. */
    readonly assurance: string | null;
    /** When that was, in milliseconds since the epoch; `null`: nobody knows. */
    readonly authenticatedAtMs: number | null;
  };
  /** `order:update` */
  readonly permission: string;
  /** `order` */
  readonly resource: string;
  /** `update` */
  readonly action: string;
  /** The row acted on, as it is; `null` where none is: a new one, or many. */
  readonly row: PolicyRow | null;
  /** The row as a write would leave it; `null` where nothing is written. */
  readonly after: PolicyRow | null;
  /** The attributes that the write sets; `null` where nothing is written. */
  readonly changes: PolicyRow | null;
  /** The time of the request, in milliseconds since the epoch. */
  readonly nowMs: number;
  /** The same by RFC 3339, in UTC: `2030-01-01T09:30:00.000Z`. */
  readonly time: string;
}

/** An engine's answer about one act. */
export interface PolicyDecision {
  readonly effect: "allow" | "deny";
  /** For the log; never sent. */
  readonly reason: string;
  /** For the caller, as a word of the policy's own: `outside_office_hours`. Only where it denies. */
  readonly code?: string | undefined;
  /** Answers as if the row were not there (404), where a 403 would say that it is. Only where it denies. */
  readonly hide?: boolean | undefined;
  /** What the engine's own log calls the decision. */
  readonly decisionId?: string | undefined;
}

/** The rows that a policy leaves of a list: all, none, or those that a condition covers. */
export type PolicyReach = "all" | "none" | Condition;

/**
 * A policy engine.
 *
 * It may throw, or reject: that denies with 503, and the error's message goes to the log. It is asked about many requests
 * at once, and keeps nothing of one for another.
 *
 * @example
 * const readOnlySundays: PolicyEngine = {
 *   name: "read-only Sundays",
 *   permissions: ["order:update", "order:delete"],
 *   decide: ({ nowMs }) =>
 *     new Date(nowMs).getUTCDay() === 0
 *       ? { effect: "deny", reason: "it is Sunday", code: "sunday" }
 *       : { effect: "allow", reason: "it is not Sunday" },
 * };
 */
export interface PolicyEngine {
  /** For logs and health. */
  readonly name: string;
  /** The permissions it is asked about; default all. */
  readonly permissions?: readonly string[] | undefined;
  /** The claims it is told; default none. */
  readonly claims?: readonly string[] | undefined;
  /** How long an answer may take, 1 to 10,000 milliseconds; default 1,000. Later is a denial. */
  readonly timeoutMs?: number | undefined;
  decide(input: PolicyInput): PolicyDecision | Promise<PolicyDecision>;
  /**
   * The rows of a list that the policy leaves, for one principal at one time: `decide` allows each of them, and no other.
   * An engine without it cannot be asked about lists.
   *
   * @param input Without a row.
   * @param resource Its `where` builds the conditions.
   * @throws {PolicyUntranslatableError} where its rule cannot be said as a condition.
   */
  filter?(input: PolicyInput, resource: Resource): PolicyReach | Promise<PolicyReach>;
  /** What is wrong with it at this moment, in one line; `undefined`: nothing that it knows of. */
  trouble?(): string | undefined;
  /** Lets go of connections and watchers. It may be asked again all the same. */
  close?(): void;
}

/** A rule that is right for single rows, and cannot be said as a condition over many. */
export class PolicyUntranslatableError extends Error {
  override readonly name = "PolicyUntranslatableError";
}
