/** Origins and hosts, as browsers and URLs write them. */

/** Is this host only this machine? `localhost`, 127.0.0.0/8, `::1`, as `URL.hostname` spells them. */
export function isLoopbackHost(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/** Is the text exactly an http(s) origin, in the one spelling that browsers send? */
export function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.origin === text;
}
