/** The sign-in page of an authorization request: a form, and nothing else that a page could do. */
import { html, renderPage } from "./html.ts";

export interface SignInPage {
  /** The client that asked, by its registered name. */
  readonly clientName: string;
  /** Where the form is sent. */
  readonly action: string;
  /** The address typed before, shown again after a refusal. */
  readonly email?: string | undefined;
  readonly message?: SignInMessage | undefined;
}

/** The one message for everything wrong with the credentials, and the one for everything wrong with us. */
const signInMessages = {
  failed: "The e-mail address or the password is wrong.",
  unavailable: "Signing in is not possible right now. Try again in a moment.",
} as const;

export type SignInMessage = keyof typeof signInMessages;

export function renderSignInPage({ clientName, action, email, message }: SignInPage): string {
  const alert =
    message === undefined ? undefined : html`<p role="alert" id="message">${signInMessages[message]}</p>`;
  const described = message === undefined ? undefined : html` aria-describedby="message"`;
  return renderPage(
    "Sign in",
    html`<p>to continue to <strong>${clientName}</strong></p>
${alert}
<form method="post" action="${action}">
<label for="email">E-mail address</label>
<input id="email" name="email" type="email" autocomplete="username" maxlength="320" required${described} value="${email ?? ""}">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="1024" required${described}>
<button type="submit">Sign in</button>
</form>`,
  );
}
