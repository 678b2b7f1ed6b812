/** Pages: what is escaped, and what their policy allows. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { html, pageFields, renderPage } from "./html.ts";

describe("markup", () => {
  it("escapes every value that is not markup", () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        const inside = html`<a title="${value}">`.text.slice('<a title="'.length, -'">'.length);
        assert.ok(!/[<>"']/.test(inside));
        assert.ok(!/&(?!(amp|lt|gt|quot|#39);)/.test(inside));
      }),
    );
  });

  it("keeps markup as it is, and writes nothing for undefined", () => {
    assert.equal(html`<p>${html`<b>${"&"}</b>`}${undefined}</p>`.text, "<p><b>&amp;</b></p>");
  });
});

describe("a page", () => {
  it("has a title, a language, and a style sheet that its policy names by hash", () => {
    const page = renderPage("A <title>", html`<p>text</p>`);
    assert.match(page, /<html lang="en">/);
    assert.match(page, /<title>A &lt;title&gt;<\/title>/);
    const style = /<style>([\s\S]*)<\/style>/.exec(page)?.[1] ?? "";
    const hash = createHash("sha256").update(style).digest("base64");
    assert.ok(pageFields()["content-security-policy"]?.includes(`style-src 'sha256-${hash}'`));
  });

  it("has no form unless one is declared", () => {
    assert.match(pageFields()["content-security-policy"] ?? "", /form-action 'none'/);
    const declared = pageFields(["'self'", "https://shop.example"])["content-security-policy"] ?? "";
    assert.match(declared, /form-action 'self' https:\/\/shop\.example;/);
  });
});
