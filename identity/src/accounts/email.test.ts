/** Which texts are addresses, and which address they are. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { normalizeEmail, requireEmail } from "./email.ts";

const accepted = [
  { text: "ada@example.org", email: "ada@example.org" },
  { text: "  Ada@Example.ORG\n", email: "ada@example.org" },
  { text: "a.b+c-d_e@sub.example.co.uk", email: "a.b+c-d_e@sub.example.co.uk" },
  { text: "o'hara@example.org", email: "o'hara@example.org" },
  { text: `${"a".repeat(64)}@example.org`, email: `${"a".repeat(64)}@example.org` },
  { text: "a@xn--bcher-kva.example", email: "a@xn--bcher-kva.example" },
];

const refused = [
  ...["", " ", "ada", "@", "@example.org", "ada@", "ada@example", "a@b@example.org", "ada@example..org"],
  ...[".ada@example.org", "ada.@example.org", "a..b@example.org", "ada@-example.org", "ada@example-.org"],
  ...["ada@example.org.", "ada@[127.0.0.1]", "ada@127.0.0.1", '"a b"@example.org', "a da@example.org"],
  ...[
    "Ada <ada@example.org>",
    "ada@example.org,bob@example.org",
    "ada@example.org\u0000",
    "ada\n@example.org",
  ],
  // Cyrillic letters that look like Latin ones.
  ...["\u0430da@example.org", "ada@ex\u0430mple.org"],
  `${"a".repeat(65)}@example.org`,
  `a@${"b".repeat(64)}.org`,
  `a@${"b.".repeat(130)}org`,
];

describe("e-mail addresses", () => {
  for (const { text, email } of accepted) {
    it(`reads ${JSON.stringify(text.slice(0, 40))}`, () => assert.equal(normalizeEmail(text), email));
  }

  for (const text of refused) {
    it(`refuses ${JSON.stringify(text.slice(0, 40))}`, () => {
      assert.equal(normalizeEmail(text), undefined);
      assert.throws(() => requireEmail(text, "account.email"), { code: "email_invalid" });
    });
  }

  it("are their own normal form", () => {
    fc.assert(
      fc.property(fc.emailAddress(), (text) => {
        const email = normalizeEmail(text);
        if (email !== undefined) assert.equal(normalizeEmail(email), email);
      }),
    );
  });

  it("are decided quickly, however long and strange the text", () => {
    const texts = [
      "a".repeat(1e6),
      "a.".repeat(1e5),
      `a@${"a-".repeat(140)}`,
      `a@${"a.".repeat(140)}`,
      "@".repeat(1e6),
    ];
    const start = performance.now();
    for (const text of texts) assert.equal(normalizeEmail(text), undefined);
    assert.ok(performance.now() - start < 200);
  });
});
