/** The options every adapter takes, and the guard they make. */
import type { IdentitySource } from "../../authentication/identity-source.ts";
import type { Security } from "../../contract/define-security.ts";
import type { DecisionRecord, DecisionSink } from "../../pipeline/decision-record.ts";
import { createGuard, type Guard } from "../../pipeline/guard.ts";
import type { FrameworkServices } from "../../pipeline/services.ts";
import type { Denial } from "../../pipeline/verdict.ts";

export interface BulwarkOptions {
  /** The contract. */
  readonly security: Security;
  /** The identity server, in this process or connected: lends its keys, and makes its sessions a credential. */
  readonly identity?: IdentitySource;
  /** The time, in milliseconds since the epoch; default `Date.now`. */
  readonly now?: () => number;
  /** Called with each denial, for a log: its `reason` is what the caller is not told. Default: nothing is. */
  readonly onDenial?: (denial: Denial) => void;
  /**
   * Called once with each request's decision about a permission, allowed or denied: to be replayed against another
   * contract. A record is personal data. Default: nothing is recorded, and nothing is spent on it.
   */
  readonly onDecision?: (record: DecisionRecord) => void;
}

/** For frameworks that have no log of their own. */
export interface LoggingOptions {
  /** Called with each error that was answered 500; default writes it to standard error. */
  readonly onError?: (error: unknown) => void;
}

/** What an adapter works with. */
export interface Watched {
  readonly guard: Guard;
  /** Tells of a denial. A log that fails changes no answer. */
  readonly denied: (denial: Denial) => void;
  readonly failed: (error: unknown) => void;
}

/** The names of the options of every adapter. */
export const optionNames = ["security", "identity", "now", "onDenial", "onDecision"] as const;

/**
 * Creates the guard.
 *
 * @param failed Told of errors that are answered 500.
 * @throws {ContractError} what `createGuard` throws.
 */
export function openGuard(
  { security, identity, now, onDenial, onDecision }: BulwarkOptions,
  framework: FrameworkServices,
  failed: (error: unknown) => void,
): Watched {
  const denied = (denial: Denial) => {
    try {
      onDenial?.(denial);
    } catch (error) {
      failed(error);
    }
  };
  const sink: DecisionSink = (make) => {
    try {
      onDecision?.(make());
    } catch (error) {
      failed(error);
    }
  };
  const recorded = onDecision === undefined ? undefined : sink;
  const guard = createGuard({ security, identity, framework, now, onDecision: recorded });
  return { guard, denied, failed };
}

export function writeError(error: unknown): void {
  console.error(error);
}
