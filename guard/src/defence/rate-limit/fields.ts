/**
 * The fields that tell a caller its limits (draft-ietf-httpapi-ratelimit-headers-10).
 *
 * `RateLimit-Policy` never changes and is made once; `RateLimit` says what is left and in how many seconds the
 * whole quota is back.
 */
import type { Rate } from "../../contract/rate.ts";

/** `"address";q=600;w=60` */
export function policyItem(name: string, { quota, windowMs }: Rate): string {
  return `"${name}";q=${quota};w=${Math.ceil(windowMs / 1000)}`;
}

/** Creates the writer of `"address";r=599;t=1`, from what is left. */
export function createRemainingItem(name: string, { quota, windowMs }: Rate): (remaining: number) => string {
  const prefix = `"${name}";r=`;
  const secondsPerRequest = windowMs / quota / 1000;
  return (remaining) => `${prefix}${remaining};t=${Math.ceil((quota - remaining) * secondsPerRequest)}`;
}
