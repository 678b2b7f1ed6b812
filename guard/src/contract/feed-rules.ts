/** What a guard does while the identity server's feed is lost. */

import { parseDuration } from "./rate.ts";
import { ContractError, refuseUnknownKeys } from "./refusal.ts";

export interface FeedOptions {
  /**
   * `"continue"` (the default): tokens that verify are accepted until they expire, as without a feed; sessions and API
   * keys are asked for each time. `"deny"`: the identity server's tokens are refused with 503 until the feed is back.
   */
  readonly whenLost?: "continue" | "deny";
  /** How long it must be lost before `"deny"` counts; default `"10s"`. */
  readonly grace?: string;
}

export interface FeedRules {
  readonly denyWhenLost: boolean;
  readonly graceMs: number;
}

/** @throws {ContractError} `option_unknown`, `option_invalid`, `duration_invalid` */
export function checkFeed(options: FeedOptions): FeedRules {
  const place = "security.feed";
  refuseUnknownKeys(options, ["whenLost", "grace"], place);
  const { whenLost = "continue", grace = "10s" } = options;
  if (whenLost !== "continue" && whenLost !== "deny") {
    throw new ContractError("option_invalid", `${place}.whenLost`, "It is neither `continue` nor `deny`.");
  }
  return Object.freeze({
    denyWhenLost: whenLost === "deny",
    graceMs: parseDuration(grace, `${place}.grace`),
  });
}
