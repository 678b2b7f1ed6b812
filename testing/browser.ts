/**
 * As much of a browser as a sign-in needs: a cookie jar that minds paths, redirects followed one at a time, and
 * the fields a browser sends to say where a request comes from.
 */
export interface Browser {
  /** Opens an address as a person typing it or following a link. Redirects are not followed. */
  open(url: string): Promise<Response>;
  /** Sends a form from a page of the same origin; `headers` can say otherwise. */
  submit(
    url: string,
    form: Readonly<Record<string, string>>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Response>;
  /** Follows redirects as long as they stay on the origin; returns the last answer. */
  follow(response: Response, url: string): Promise<{ readonly response: Response; readonly url: string }>;
  /** The jar: cookie names to values, whatever their path. */
  readonly cookies: ReadonlyMap<string, string>;
  setCookie(name: string, value: string): void;
}

interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
}

const mostRedirects = 10;

export function createBrowser(origin: string): Browser {
  const jar = new Map<string, Cookie>();

  const send = async (url: string, init: RequestInit): Promise<Response> => {
    const { pathname } = new URL(url, origin);
    const cookies = [...jar.values()].filter(({ path }) => matchesPath(pathname, path));
    const headers = new Headers(init.headers);
    if (cookies.length > 0)
      headers.set("cookie", cookies.map(({ name, value }) => `${name}=${value}`).join("; "));
    const response = await fetch(new URL(url, origin), { ...init, headers, redirect: "manual" });
    for (const text of response.headers.getSetCookie()) keepCookie(jar, text, pathname);
    return response;
  };
  const open = (url: string) => send(url, { headers: { accept: "text/html", "sec-fetch-site": "none" } });

  return {
    open,
    submit: (url, form, headers) =>
      send(url, {
        method: "POST",
        headers: { accept: "text/html", origin, "sec-fetch-site": "same-origin", ...headers },
        body: new URLSearchParams(form),
      }),
    async follow(response, url) {
      let current = { response, url: new URL(url, origin).href };
      for (let count = 0; count < mostRedirects; count += 1) {
        const location = current.response.headers.get("location");
        if (location === null) return current;
        const next = new URL(location, current.url);
        if (next.origin !== origin) return { response: current.response, url: next.href };
        current = { response: await open(next.href), url: next.href };
      }
      throw new Error("There were too many redirects.");
    },
    get cookies() {
      return new Map([...jar.values()].map(({ name, value }) => [name, value]));
    },
    setCookie(name, value) {
      jar.set(`${name};/`, { name, value, path: "/" });
    },
  };
}

function keepCookie(jar: Map<string, Cookie>, text: string, requestPath: string): void {
  const [pair = "", ...attributes] = text.split(";").map((part) => part.trim());
  const equals = pair.indexOf("=");
  const name = pair.slice(0, equals);
  const value = pair.slice(equals + 1);
  const find = (wanted: string) =>
    attributes
      .find((attribute) => attribute.toLowerCase().startsWith(`${wanted}=`))
      ?.slice(wanted.length + 1);
  const path = find("path") ?? requestPath;
  const expires = find("expires");
  const ended = find("max-age") === "0" || (expires !== undefined && Date.parse(expires) < Date.now());
  if (ended) jar.delete(`${name};${path}`);
  else jar.set(`${name};${path}`, { name, value, path });
}

/** RFC 6265 §5.1.4. */
function matchesPath(requestPath: string, cookiePath: string): boolean {
  return (
    requestPath === cookiePath ||
    requestPath.startsWith(cookiePath.endsWith("/") ? cookiePath : `${cookiePath}/`)
  );
}
