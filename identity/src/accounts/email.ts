/**
 * E-mail addresses as account names.
 *
 * One mailbox must be one account, so spaces around are dropped and all is lower-cased. By RFC 5321 §2.4 the
 * local part could be case-sensitive; in practice no provider lets two people differ by case, and letting two
 * accounts differ by it invites impersonation. Addresses are ASCII: look-alike letters of other scripts
 * (RFC 6531) cannot pose as a known address.
 */
import { IdentityError } from "../errors.ts";

/** RFC 5321 §4.5.3.1: 64 octets before the @, 254 in all (the path's 256 less its brackets). */
const longest = { local: 64, whole: 254 } as const;

// A dot-atom (RFC 5322 §3.2.3) before the @, a host name with at least two labels after it. Each class has
// one way to match, so the expression runs in linear time.
const address =
  /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Returns the account name an address stands for, or `undefined` where it is no address. */
export function normalizeEmail(text: string): string | undefined {
  // Before the expression: the length bounds its work.
  if (text.length > longest.whole + 32) return undefined;
  const email = text.trim().toLowerCase();
  const whole = email.length <= longest.whole && email.indexOf("@") <= longest.local;
  return whole && address.test(email) ? email : undefined;
}

/** @throws {IdentityError} `email_invalid` */
export function requireEmail(text: string, place: string): string {
  const email = normalizeEmail(text);
  if (email === undefined) throw new IdentityError("email_invalid", place, "It is not an e-mail address.");
  return email;
}
