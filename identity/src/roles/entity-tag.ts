/** Entity tags (RFC 9110 §8.8.3): so that of two who change the same thing the second knows that it has changed. */
import { IdentityError } from "../errors.ts";
import { digest } from "../keys/digest.ts";

/** The strong tag of what a resource says. */
export function entityTag(state: unknown): string {
  return `"${digest(JSON.stringify(state)).slice(0, 22)}"`;
}

/**
 * RFC 9110 §13.1.1.
 *
 * @param field The `If-Match` of a request; `undefined` asks nothing.
 * @throws {IdentityError} `changed_meanwhile`
 */
export function requireMatch(field: string | undefined, state: unknown): void {
  if (field === undefined || field.trim() === "*") return;
  const tags = field.split(",").map((tag) => tag.trim());
  if (tags.includes(entityTag(state))) return;
  throw new IdentityError("changed_meanwhile", "if-match", "It is no longer what it was.");
}
