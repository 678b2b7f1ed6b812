/**
 * The key an address is limited under.
 *
 * A household or a server has a whole IPv6 /64 to itself, so the /64 is the caller; IPv4 addresses stand alone,
 * also where a dual-stack socket writes them as `::ffff:192.0.2.1`.
 */
import { isIPv6 } from "node:net";

export function addressKey(address: string): string {
  if (!address.includes(":")) return address;
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const bare = address.split("%", 1)[0] ?? "";
  return isIPv6(bare) ? `${networkGroups(bare).join(":")}::/64` : address;
}

/** The first four of the eight groups, in one spelling. */
function networkGroups(address: string): readonly string[] {
  const [head = "", tail] = address.split("::", 2);
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    // An embedded IPv4 address counts for two groups.
    const after = tail === "" ? [] : tail.split(":");
    const width = after.length + (tail.includes(".") ? 1 : 0);
    while (groups.length + width < 8) groups.push("0");
    groups.push(...after);
  }
  return groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
}
