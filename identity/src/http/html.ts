/**
 * Pages written on the server: no script, one style sheet known by its hash, every value escaped.
 *
 * Threats: a value from a request that becomes markup (escaping by the template itself, so that none can be
 * forgotten); framing and injected forms (the policy below).
 */
import { createHash } from "node:crypto";

/** Markup that may be placed in a page as it is; only `html` makes it. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Builds markup. Every value that is not markup itself is escaped; `undefined` is nothing. */
export function html(
  parts: TemplateStringsArray,
  ...values: readonly (string | Markup | undefined)[]
): Markup {
  return new Markup(parts.reduce((text, part, index) => text + writeValue(values[index - 1]) + part));
}

function writeValue(value: string | Markup | undefined): string {
  if (value === undefined) return "";
  return value instanceof Markup
    ? value.text
    : value.replace(/[&<>"']/g, (character) => entities[character] ?? "");
}

const style = `:root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}
body{max-width:24rem;margin:10vh auto;padding:0 1.25rem}
h1{font-size:1.5rem}
label{display:block;margin:1rem 0 .25rem;font-weight:600}
input{box-sizing:border-box;width:100%;padding:.6rem;font:inherit;border:1px solid #767676;border-radius:.4rem}
button{margin-top:1.5rem;width:100%;padding:.7rem;font:inherit;font-weight:600;color:#fff;background:#1a4fb4;border:0;border-radius:.4rem}
input:focus-visible,button:focus-visible{outline:3px solid #e8a33d;outline-offset:2px}
[role=alert]{padding:.6rem .8rem;border-left:4px solid #b3261e;background:#b3261e1f}`;

const styleHash = createHash("sha256").update(style).digest("base64");

/** A whole page. */
export function renderPage(title: string, main: Markup): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${new Markup(style)}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${main}
</main>
</body>
</html>
`.text;
}

/**
 * The header fields of a page.
 *
 * @param formActions Where its form may lead, redirects included: `'self'` and origins. None for a page without.
 */
export function pageFields(formActions: readonly string[] = ["'none'"]): Readonly<Record<string, string>> {
  const policy = [
    "default-src 'none'",
    `style-src 'sha256-${styleHash}'`,
    `form-action ${formActions.join(" ")}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ];
  return {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": policy.join("; "),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    // Nothing to other sites. To our own, the form must be able to name its origin, which `no-referrer` hides.
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
  };
}
