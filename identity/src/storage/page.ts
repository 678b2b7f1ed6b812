/** A page of a list. */
import { IdentityError } from "../errors.ts";

export interface PageOptions {
  /** The id of the last one known; default begin with the first. */
  readonly after?: string | undefined;
  /** How many at most, 1 to 1,000; default 100. */
  readonly limit?: number | undefined;
}

/** @throws {IdentityError} `option_invalid` */
export function pageLimit(limit = 100): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1_000) return limit;
  throw new IdentityError("option_invalid", "page.limit", "It is not a whole number from 1 to 1,000.");
}
