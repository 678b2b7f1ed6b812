/** The query of a request, read alike under every framework that the guard reads it for. */

/**
 * @param url Path and query.
 * @returns Each name with its value, or with all its values where it came more than once. Without a prototype, so that
 *   no name means anything.
 */
export function parseQuery(url: string): Record<string, string | string[]> {
  const query: Record<string, string | string[]> = Object.create(null);
  const mark = url.indexOf("?");
  if (mark < 0) return query;
  for (const [name, value] of new URLSearchParams(url.slice(mark + 1))) {
    const known = query[name];
    if (known === undefined) query[name] = value;
    else if (Array.isArray(known)) known.push(value);
    else query[name] = [known, value];
  }
  return query;
}
