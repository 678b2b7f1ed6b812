/**
 * What a person sees when an authorization request cannot go back to the client.
 *
 * Only the error's code is shown, and only a known form of it: descriptions may repeat what the request said.
 */
import type { KoaContextWithOIDC } from "oidc-provider";
import { html, pageFields, renderPage } from "../http/html.ts";

export function renderErrorPage(ctx: KoaContextWithOIDC, error: string, issuer: URL): void {
  const code = /^[a-z_]{1,40}$/.test(error) ? error : "invalid_request";
  if (ctx.accepts("html", "json") !== "html") {
    ctx.body = { error: code, iss: issuer.origin };
    return;
  }
  ctx.set({ ...pageFields() });
  ctx.body = renderErrorMessage(code);
}

/** The page's text. */
export function renderErrorMessage(code: string): string {
  return renderPage(
    "This sign-in cannot go on",
    html`<p>The application sent a request that this server does not accept, or the request has expired.
Go back to the application and start again.</p>
<p>Code: <code>${code}</code></p>`,
  );
}
