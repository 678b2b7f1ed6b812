/** A declared path (URL Pattern Standard), and the paths of requests that it takes. */
export interface Path {
  fits(pathname: string): boolean;
  /** The parameters of a path, decoded; `undefined` for one that it does not take. */
  match(pathname: string): Readonly<Record<string, string>> | undefined;
}

/** @param text `/orders/:id`. */
export function compilePath(text: string): Path {
  const pattern = new URLPattern({ pathname: text });
  return {
    fits: (pathname) => pattern.test({ pathname }),
    match(pathname) {
      const groups = pattern.exec({ pathname })?.pathname.groups;
      if (groups === undefined) return undefined;
      const named = Object.entries(groups).filter(
        (entry): entry is [string, string] => entry[1] !== undefined,
      );
      return Object.fromEntries(named.map(([name, value]) => [name, decodeURIComponent(value)]));
    },
  };
}
