/** Through which roles a principal holds another. */
import type { LiveRoles } from "../live-roles.ts";

/** The shortest way from a role that is held to one that it inherits from. */
export function pathTo(role: string, held: readonly string[], roles: LiveRoles): readonly string[] {
  const paths = held.map((name) => [name]);
  const seen = new Set(held);
  for (let path = paths.shift(); path !== undefined; path = paths.shift()) {
    const last = path.at(-1) ?? "";
    if (last === role) return path;
    for (const parent of roles.parentsOf(last)) {
      if (seen.has(parent)) continue;
      seen.add(parent);
      paths.push([...path, parent]);
    }
  }
  return [role];
}
